#include "core/steer/intervention.h"

#include <cmath>

#include "core/base/error.h"
#include "core/compute/tensor.h"

namespace heddle {
namespace {

class Intervener {
 public:
  Intervener(Device& device, DictionaryModel* model, const Normalizer& normalizer, const Intervention& intervention,
             const HookPoint& point)
      : device_(device),
        model_(model),
        normalizer_(normalizer),
        intervention_(intervention),
        call_(*point.call),
        x_(*point.activations),
        batch_(*point.batch) {
    const auto* offsets = static_cast<const int64_t*>(batch_.offsets->data);
    for (int64_t s = 0; s < batch_.count; ++s)
      if (offsets[s + 1] > offsets[s]) last_.push_back(static_cast<int32_t>(offsets[s + 1] - 1));
  }

  void run() {
    if (intervention_.reconstruct) reconstruct();
    if (!intervention_.vector.empty()) add_vector();
  }

 private:
  void reconstruct() {
    if (intervention_.replace == Positions::last) {
      // Only these rows change: encode just them.
      TensorView rows = gather_last();
      replace(rows, {});
      scatter_last(rows);
    } else {
      TensorView all(x_.data, DType::f32, {x_.shape[0], x_.shape[1]}, x_.device);
      replace(all, intervention_.edit == Positions::last ? last_ : std::vector<int32_t>{});
    }
  }

  // x [rows,d] <- its edited reconstruction; edited_rows: where features are set, empty = everywhere.
  void replace(TensorView& x, const std::vector<int32_t>& edited_rows) {
    const int64_t rows = x.dim(0), width = x.dim(1);
    if (rows == 0) return;
    TensorView z = scratch(DType::f32, rows, width), y = scratch(DType::f32, rows, width);
    normalizer_.apply(call_, x, z);
    heddle_codes* codes = call_.scratch_codes(call_.self);
    if (codes == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no memory for the codes of {} rows", rows);
    model_->encode(call_, z, codes);
    if (intervention_.keep_error) {
      model_->decode(call_, codes, y);
      normalizer_.invert(call_, y, z);  // z: unedited reconstruction on the model's scale
      axpby(-1.0f, z, 1.0f, x);         // x: error term
    }
    if (!intervention_.features.empty()) {
      TensorView mask;
      if (!edited_rows.empty()) mask = row_mask(rows, edited_rows);
      for (const FeatureEdit& edit : intervention_.features) {
        ErrorBuffer error;
        check(call_.ops->codes_set(call_.device_context, codes, edit.feature, edit.value,
                                   edited_rows.empty() ? nullptr : mask.dl(), error),
              error, "codes_set");
      }
    }
    model_->decode(call_, codes, y);
    normalizer_.invert(call_, y, z);
    axpby(1.0f, z, intervention_.keep_error ? 1.0f : 0.0f, x);
  }

  void add_vector() {
    // On the model's scale the direction is stretched by the normaliser's scale; its center plays no part in a difference.
    std::vector<float> direction(intervention_.vector);
    for (size_t i = 0; i < direction.size(); ++i) direction[i] *= normalizer_.scale()[i];
    const int64_t width = x_.shape[1];
    TensorView one = scratch(DType::f32, 1, width);
    device_.copy_from_host(one.dl()->data, direction.data(), direction.size() * sizeof(float));
    auto add_to = [&](int64_t row) {
      TensorView target = row_of(x_, row);
      axpby(1.0f, one, 1.0f, target);
    };
    if (intervention_.edit == Positions::last) {
      for (int32_t row : last_) add_to(row);
    } else {
      for (int64_t row = 0; row < x_.shape[0]; ++row) add_to(row);
    }
  }

  TensorView gather_last() {
    TensorView index = scratch(DType::i32, static_cast<int64_t>(last_.size()), 0);
    device_.copy_from_host(index.dl()->data, last_.data(), last_.size() * sizeof(int32_t));
    TensorView rows = scratch(DType::f32, static_cast<int64_t>(last_.size()), x_.shape[1]);
    ErrorBuffer error;
    check(call_.ops->gather_rows(call_.device_context, &x_, index, rows, error), error, "gather_rows");
    return rows;
  }

  void scatter_last(TensorView& rows) {
    for (size_t i = 0; i < last_.size(); ++i) {
      TensorView from = row_of(*rows.dl(), static_cast<int64_t>(i)), to = row_of(x_, last_[i]);
      ErrorBuffer error;
      check(call_.ops->copy(call_.device_context, from, to, error), error, "copy");
    }
  }

  TensorView row_mask(int64_t rows, const std::vector<int32_t>& marked) {
    std::vector<uint8_t> host(static_cast<size_t>(rows), 0);
    for (int32_t row : marked) host[static_cast<size_t>(row)] = 1;
    TensorView mask = scratch(DType::u8, rows, 0);
    device_.copy_from_host(mask.dl()->data, host.data(), host.size());
    return mask;
  }

  // columns 0: a vector of `rows` entries.
  TensorView scratch(DType type, int64_t rows, int64_t columns) {
    const auto count = static_cast<uint64_t>(rows * (columns > 0 ? columns : 1));
    void* memory = call_.scratch(call_.self, count * dtype_size(type));
    if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no memory for {} rows of activations", rows);
    if (columns > 0) return TensorView(memory, type, {rows, columns}, call_.device);
    return TensorView(memory, type, {rows}, call_.device);
  }

  static TensorView row_of(const DLTensor& matrix, int64_t row) {
    return TensorView(static_cast<float*>(matrix.data) + row * matrix.strides[0], DType::f32, {1, matrix.shape[1]},
                      matrix.device);
  }

  void axpby(float alpha, TensorView& x, float beta, TensorView& y) {
    ErrorBuffer error;
    check(call_.ops->axpby(call_.device_context, alpha, x, beta, y, error), error, "axpby");
  }

  Device& device_;
  DictionaryModel* model_;  // null when only a vector is added
  const Normalizer& normalizer_;
  const Intervention& intervention_;
  const heddle_call& call_;
  DLTensor& x_;
  const heddle_sequences& batch_;
  std::vector<int32_t> last_;  // row of the last token of each sequence
};

}  // namespace

void validate(const Intervention& intervention, const DictionaryModel* model, const Normalizer& normalizer) {
  if (model == nullptr && (intervention.reconstruct || !intervention.features.empty()))
    fail(HEDDLE_INTERNAL, "an intervention on features needs a dictionary");
  for (const FeatureEdit& edit : intervention.features) {
    if (edit.feature < 0 || edit.feature >= model->features())
      wrong_use("feature {} is not in the dictionary; accepted: 0 to {}", edit.feature, model->features() - 1);
    if (!std::isfinite(edit.value))
      wrong_use("feature {} cannot be set to {}; accepted: any finite number", edit.feature, edit.value);
  }
  if (!intervention.vector.empty() && static_cast<int64_t>(intervention.vector.size()) != normalizer.width())
    wrong_use("the vector to add has {} entries, but the site is {} wide", intervention.vector.size(),
              normalizer.width());
  for (float entry : intervention.vector)
    if (!std::isfinite(entry)) wrong_use("the vector to add holds {}; accepted: finite numbers", entry);
  if (intervention.reconstruct && !intervention.features.empty() && intervention.edit == Positions::all &&
      intervention.replace == Positions::last)
    wrong_use(
        "positions = \"all\" with replace = \"last\": edits before the last position would not reach the model; "
        "accepted: replace = \"all\"");
}

Hook make_hook(int64_t site, Device& device, DictionaryModel* model, const Normalizer& normalizer,
               Intervention intervention) {
  validate(intervention, model, normalizer);
  return [site, &device, model, &normalizer, intervention = std::move(intervention)](const HookPoint& point) {
    if (point.site == site) Intervener(device, model, normalizer, intervention, point).run();
    return true;
  };
}

}  // namespace heddle
