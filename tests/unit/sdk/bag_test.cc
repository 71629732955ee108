// The backbone example on the CPU device: state, hook, scores, gradients.
#define HEDDLE_STATIC_ENTRY bag_entry
#include <functional>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"
#include "examples/bag/bag.cc"
#include "harness.h"

namespace {

using heddle::view;
using heddle_test::ErrorText;

constexpr int64_t items = 11, width = 5, tokens = 12;

class BagExample : public testing::Test {
 protected:
  BagExample() {
    float v = 0.1f;
    for (auto& tensor : values_)
      for (float& element : tensor) element = v = std::sin(12.9898f * v + 1) * 0.7f;
  }
  heddle_tensors tensors(std::vector<float> (&from)[3], std::vector<heddle::TensorView>& views,
                         std::vector<DLTensor>& list) {
    views = {view(from[0].data(), items, width), view(from[1].data(), items, width), view(from[2].data(), items)};
    for (auto& v : views) list.push_back(*v.dl());
    return {sizeof(heddle_tensors), 0, list.size(), list.data()};
  }
  template <class F>
  void with_batch(F&& f) {
    auto o = view(offsets_, int64_t{4}), i = view(items_, tokens), t = view(targets_, tokens),
         p = view(positions_, tokens), u = view(users_, int64_t{3});
    const heddle_sequences batch{sizeof batch, 0, 3, tokens, o, i, t, p, u};
    std::vector<heddle::TensorView> views;
    std::vector<DLTensor> list;
    const heddle_tensors params = tensors(values_, views, list);
    context_.call({1, 2}, HEDDLE_PRECISION_F32, [&](const heddle_call& call) { f(call, params, batch); });
  }
  double train(std::vector<float> (&gradients)[3]) {
    double loss = 0;
    const heddle_losses losses{sizeof losses, 0, &loss,
                               [](void* self, const char*, double value, double coefficient) -> int32_t {
                                 *static_cast<double*>(self) += value * coefficient;
                                 return HEDDLE_OK;
                               }};
    std::vector<heddle::TensorView> views;
    std::vector<DLTensor> list;
    const heddle_tensors into = tensors(gradients, views, list);
    with_batch([&](const heddle_call& call, const heddle_tensors& params, const heddle_sequences& batch) {
      ErrorText error;
      EXPECT_EQ(bag_.table.train(bag_.handle, &call, &params, &into, &batch, &losses, &error.raw), HEDDLE_OK)
          << error.text;
    });
    return loss;
  }

  std::vector<float> values_[3] = {std::vector<float>(items * width), std::vector<float>(items* width),
                                   std::vector<float>(items)};
  int64_t offsets_[4] = {0, 1, 5, 12};
  int32_t items_[tokens] = {3, 1, 2, 2, 10, 0, 9, 8, 7, 3, 3, 5};
  int32_t targets_[tokens] = {-1, 2, 2, 10, 4, 9, 8, 7, 3, 3, 5, 6};
  int32_t positions_[tokens] = {0, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6};
  int32_t users_[3] = {0, 1, 2};
  std::unique_ptr<heddle::Device> device_ = heddle::Device::cpu({.threads = 2});
  heddle::Context context_{*device_};
  heddle_backbone_plan plan_{sizeof(heddle_backbone_plan), 0, items};
  heddle_test::Instance<heddle_backbone_vtable, heddle_backbone> bag_{
      heddle_test::component(bag_entry(), "example.bag"), {{"hidden", width}}, &plan_};
};

TEST_F(BagExample, StateIsTheMeanAndTheHookMayChangeIt) {
  std::vector<float> hidden(tokens * width), seen;
  auto out = view(hidden.data(), tokens, width);
  const heddle_hook hook{sizeof hook, 0, &seen, [](void* self, int64_t site, DLTensor* x, heddle_error*) -> int32_t {
                           EXPECT_EQ(site, 0);
                           auto* data = static_cast<float*>(x->data);
                           static_cast<std::vector<float>*>(self)->assign(data, data + tokens * width);
                           data[0] = 42;
                           return HEDDLE_OK;
                         }};
  with_batch([&](const heddle_call& call, const heddle_tensors& params, const heddle_sequences& batch) {
    ErrorText error;
    ASSERT_EQ(bag_.table.forward(bag_.handle, &call, &params, &batch, &hook, out, &error.raw), HEDDLE_OK) << error.text;
  });
  EXPECT_EQ(hidden[0], 42);
  for (int s = 0; s < 3; ++s)
    for (int64_t t = offsets_[s]; t < offsets_[s + 1]; ++t)
      for (int64_t c = 0; c < width; ++c) {
        double mean = 0;
        for (int64_t k = offsets_[s]; k <= t; ++k) mean += values_[0][static_cast<size_t>(items_[k] * width + c)];
        EXPECT_NEAR(seen[static_cast<size_t>(t * width + c)], mean / static_cast<double>(t - offsets_[s] + 1), 1e-5);
      }
}

TEST_F(BagExample, TheHooksStatusComesBack) {
  std::vector<float> hidden(tokens * width);
  auto out = view(hidden.data(), tokens, width);
  const heddle_hook stop{sizeof stop, 0, nullptr,
                         [](void*, int64_t, DLTensor*, heddle_error*) -> int32_t { return HEDDLE_CANCELLED; }};
  with_batch([&](const heddle_call& call, const heddle_tensors& params, const heddle_sequences& batch) {
    ErrorText error;
    EXPECT_EQ(bag_.table.forward(bag_.handle, &call, &params, &batch, &stop, out, &error.raw), HEDDLE_CANCELLED);
  });
}

TEST_F(BagExample, GradientsAreThoseOfTheLoss) {
  std::vector<float> gradients[3] = {std::vector<float>(items * width), std::vector<float>(items * width),
                                     std::vector<float>(items)};
  train(gradients);
  for (int which = 0; which < 3; ++which) {
    const std::vector<float> at = values_[which];
    double slope = 0, loss[2];
    for (int side = 0; side < 2; ++side) {
      slope = 0;
      for (size_t i = 0; i < at.size(); ++i) {
        const float direction = std::cos(static_cast<float>(3 * i + 1));
        slope += static_cast<double>(direction) * gradients[which][i];
        values_[which][i] = at[i] + (side == 0 ? 2e-3f : -2e-3f) * direction;
      }
      std::vector<float> unused[3] = {std::vector<float>(items * width), std::vector<float>(items * width),
                                      std::vector<float>(items)};
      loss[side] = train(unused);
    }
    values_[which] = at;
    EXPECT_NEAR((loss[0] - loss[1]) / 4e-3, slope, 5e-4) << "parameter " << which;
    EXPECT_GT(std::abs(slope), 2e-3);
  }
}

TEST_F(BagExample, ScoresAreDotProductsPlusPopularity) {
  std::vector<float> hidden(2 * width, 0.5f), scores(2 * items);
  auto in = view(hidden.data(), int64_t{2}, width), out = view(scores.data(), int64_t{2}, items);
  with_batch([&](const heddle_call& call, const heddle_tensors& params, const heddle_sequences&) {
    ErrorText error;
    ASSERT_EQ(bag_.table.score(bag_.handle, &call, &params, in, out, &error.raw), HEDDLE_OK) << error.text;
  });
  for (size_t i = 0; i < items; ++i) {
    double wanted = values_[2][i];
    for (size_t c = 0; c < width; ++c) wanted += 0.5 * values_[1][i * width + c];
    EXPECT_NEAR(scores[i], wanted, 1e-5);
  }
}

}  // namespace
