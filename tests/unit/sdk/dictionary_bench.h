// A dictionary on the CPU device with parameters and inputs of its own: one training step, and finite differences of
// it.
#pragma once

#include <functional>
#include <map>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"
#include "harness.h"

namespace heddle_test {

struct StepResult {
  double total = 0;
  std::map<std::string, double> terms;
  std::vector<std::vector<float>> gradients;  // per parameter; empty for buffers
};

class DictionaryBench {
 public:
  DictionaryBench(const heddle_component& component, const Given& given, int64_t inputs, int64_t batch)
      : d(inputs), rows(batch), plan_{sizeof plan_, 0, inputs}, instance_(component, given, &plan_) {
    heddle_parameters declared{};
    ErrorText error;
    EXPECT_EQ(instance_.table.parameters(instance_.handle, &declared, &error.raw), HEDDLE_OK) << error.text;
    for (uint64_t i = 0; i < declared.count; ++i) {
      const heddle_parameter& p = declared.items[i];
      parameters.push_back(p);
      names[p.name] = i;
      int64_t size = 1;
      for (int k = 0; k < p.ndim; ++k) size *= p.shape[k];
      values.emplace_back(static_cast<size_t>(size));
      const double scale = std::string(p.name).ends_with("weight") ? 0.5 : 0.1;
      if ((p.flags & HEDDLE_PARAMETER_BUFFER) == 0)
        for (float& v : values.back())
          v = static_cast<float>(p.role == HEDDLE_ROLE_THRESHOLD ? 0.3 + 0.1 * normal() : scale * normal());
    }
    x.resize(static_cast<size_t>(rows * d));
    for (float& v : x) v = static_cast<float>(normal());
  }

  StepResult train(int64_t step = 1, const std::vector<uint8_t>& dead = {}, int64_t aux_k = 0,
                   double aux_coefficient = 0) {
    StepResult out;
    for (size_t i = 0; i < values.size(); ++i)
      out.gradients.emplace_back((parameters[i].flags & HEDDLE_PARAMETER_BUFFER) ? 0 : values[i].size());
    std::vector<heddle::TensorView> value_views, gradient_views;
    std::vector<DLTensor> value_list, gradient_list;
    for (size_t i = 0; i < values.size(); ++i)
      value_views.push_back(view(i, values[i])), gradient_views.push_back(view(i, out.gradients[i]));
    for (size_t i = 0; i < values.size(); ++i)
      value_list.push_back(*value_views[i].dl()), gradient_list.push_back(*gradient_views[i].dl());
    const heddle_tensors params{sizeof params, 0, value_list.size(), value_list.data()};
    const heddle_tensors gradients{sizeof gradients, 0, gradient_list.size(), gradient_list.data()};
    auto input = heddle::view(x.data(), rows, d);
    auto mask = heddle::view(dead.data(), dead.size());
    heddle_dictionary_step s{sizeof s, 0,     step,           100, input.dl(), dead.empty() ? nullptr : mask.dl(),
                             0,        aux_k, aux_coefficient};
    for (uint8_t flag : dead) s.dead_count += flag;
    const heddle_losses losses{sizeof losses, 0, &out,
                               [](void* self, const char* name, double value, double coefficient) -> int32_t {
                                 auto& result = *static_cast<StepResult*>(self);
                                 result.terms[name] = value;
                                 result.total += value * coefficient;
                                 return HEDDLE_OK;
                               }};
    ErrorText error;
    context_.call({1, 2}, HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
      EXPECT_EQ(instance_.table.train(instance_.handle, &call, &params, &gradients, &s, codes(), &losses, &error.raw),
                HEDDLE_OK)
          << error.text;
    });
    return out;
  }

  // Inference: reconstruction [rows,d]; the dense codes of the batch are left in `dense` [rows,m].
  std::vector<float> reconstruct(int64_t features) {
    std::vector<heddle::TensorView> views;
    std::vector<DLTensor> list;
    for (size_t i = 0; i < values.size(); ++i) views.push_back(view(i, values[i]));
    for (auto& v : views) list.push_back(*v.dl());
    const heddle_tensors params{sizeof params, 0, list.size(), list.data()};
    std::vector<float> y(x.size());
    dense.assign(static_cast<size_t>(rows * features), 0);
    auto input = heddle::view(x.data(), rows, d), output = heddle::view(y.data(), rows, d),
         all = heddle::view(dense.data(), rows, features);
    ErrorText error;
    context_.call({1, 2}, HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
      EXPECT_EQ(instance_.table.encode(instance_.handle, &call, &params, input, codes(), &error.raw), HEDDLE_OK)
          << error.text;
      EXPECT_EQ(instance_.table.decode(instance_.handle, &call, &params, codes(), output, &error.raw), HEDDLE_OK)
          << error.text;
      EXPECT_EQ(call.ops->codes_to_dense(call.device_context, codes(), all, &error.raw), HEDDLE_OK) << error.text;
    });
    return y;
  }

  // d loss / d values[parameter] along a random direction: {central difference, <gradient, direction>}. `among` picks
  // elements.
  std::pair<double, double> along(
      const std::string& parameter, const std::function<StepResult()>& run,
      const std::function<bool(size_t)>& among = [](size_t) { return true; }, float h = 1e-3f) {
    const size_t which = names.at(parameter);
    const std::vector<float> at = values[which];
    const std::vector<float> gradient = run().gradients[which];
    std::vector<float> direction(at.size());
    double slope = 0;
    for (size_t i = 0; i < at.size(); ++i) {
      direction[i] = among(i) ? static_cast<float>(normal()) : 0;
      slope += static_cast<double>(direction[i]) * gradient[i];
    }
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      for (size_t i = 0; i < at.size(); ++i) values[which][i] = at[i] + (side == 0 ? h : -h) * direction[i];
      loss[side] = run().total;
    }
    values[which] = at;
    return {(loss[0] - loss[1]) / (2 * static_cast<double>(h)), slope};
  }

  std::vector<float>& value(const std::string& name) { return values[names.at(name)]; }
  heddle_codes* codes() {
    if (codes_ == nullptr) codes_ = context_.create_codes();
    return codes_;
  }
  ~DictionaryBench() {
    if (codes_ != nullptr) context_.ops().codes_destroy(context_.handle(), codes_);
  }

  int64_t d, rows;
  std::vector<heddle_parameter> parameters;
  std::map<std::string, size_t> names;
  std::vector<std::vector<float>> values;
  std::vector<float> x, dense;

 private:
  heddle::TensorView view(size_t i, std::vector<float>& data) {
    const heddle_parameter& p = parameters[i];
    return heddle::TensorView(data.empty() ? nullptr : data.data(), heddle::DType::f32,
                              std::span<const int64_t>(p.shape, static_cast<size_t>(p.ndim)), {kDLCPU, 0});
  }
  double normal() {  // a sum of uniforms will do
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<double>(state_ >> 40) / (1 << 24);
    }
    return sum;
  }

  uint64_t state_ = 7;
  std::unique_ptr<heddle::Device> device_ = heddle::Device::cpu({.threads = 2});
  heddle::Context context_{*device_};
  heddle_codes* codes_ = nullptr;
  heddle_dictionary_plan plan_;
  Instance<heddle_dictionary_vtable, heddle_dictionary> instance_;
};

}  // namespace heddle_test
