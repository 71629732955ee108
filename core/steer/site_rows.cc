#include "core/steer/site_rows.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/compute/tensor.h"

namespace heddle {
namespace {

TensorView row_of(const DLTensor& matrix, int64_t row) {
  return TensorView(static_cast<float*>(matrix.data) + row * matrix.strides[0], DType::f32, {1, matrix.shape[1]},
                    matrix.device);
}

void axpby(const heddle_call& call, float alpha, const DLTensor* x, float beta, DLTensor* y) {
  ErrorBuffer error;
  check(call.ops->axpby(call.device_context, alpha, x, beta, y, error), error, "axpby");
}

void copy(const heddle_call& call, const DLTensor* from, DLTensor* to) {
  ErrorBuffer error;
  check(call.ops->copy(call.device_context, from, to, error), error, "copy");
}

}  // namespace

std::vector<int32_t> last_rows(const heddle_sequences& batch) {
  const auto* offsets = static_cast<const int64_t*>(batch.offsets->data);
  std::vector<int32_t> rows;
  for (int64_t s = 0; s < batch.count; ++s)
    if (offsets[s + 1] > offsets[s]) rows.push_back(static_cast<int32_t>(offsets[s + 1] - 1));
  return rows;
}

SiteRows::SiteRows(Device& device, DictionaryModel* model, const Normalizer& normalizer)
    : device_(device), model_(model), normalizer_(normalizer) {}

void SiteRows::read(const heddle_call& call, const DLTensor* x, heddle_codes* codes, DLTensor* error) const {
  const int64_t rows = x->shape[0], width = x->shape[1];
  TensorView z = scratch(call, DType::f32, rows, width);
  normalizer_.apply(call, x, z);
  model_->encode(call, z, codes);
  if (error == nullptr) return;
  TensorView y = scratch(call, DType::f32, rows, width);
  model_->decode(call, codes, y);
  normalizer_.invert(call, y, z);  // z: unedited reconstruction on the model's scale
  copy(call, x, error);
  axpby(call, -1.0f, z, 1.0f, error);
}

void SiteRows::write(const heddle_call& call, heddle_codes* codes, const std::vector<FeatureEdit>& edits,
                     const DLTensor* rows, const DLTensor* error, DLTensor* out) const {
  for (const FeatureEdit& edit : edits) {
    ErrorBuffer failure;
    check(call.ops->codes_set(call.device_context, codes, edit.feature, edit.value, rows, failure), failure,
          "codes_set");
  }
  TensorView y = scratch(call, DType::f32, out->shape[0], out->shape[1]);
  model_->decode(call, codes, y);
  if (error == nullptr) {
    normalizer_.invert(call, y, out);
    return;
  }
  TensorView z = scratch(call, DType::f32, out->shape[0], out->shape[1]);
  normalizer_.invert(call, y, z);
  if (out->data != error->data) copy(call, error, out);
  axpby(call, 1.0f, z, 1.0f, out);
}

void SiteRows::add_vector(const heddle_call& call, const std::vector<float>& vector, DLTensor* x) const {
  // On the model's scale the direction is stretched by the normaliser's scale; its center plays no part in a difference.
  std::vector<float> direction(vector);
  for (size_t i = 0; i < direction.size(); ++i) direction[i] *= normalizer_.scale()[i];
  TensorView added = scratch(call, DType::f32, static_cast<int64_t>(direction.size()), 0);
  TensorView ones = scratch(call, DType::f32, static_cast<int64_t>(direction.size()), 0);
  device_.copy_from_host(added.dl()->data, direction.data(), direction.size() * sizeof(float));
  ErrorBuffer error;
  check(call.ops->fill(call.device_context, 1, ones, error), error, "fill");
  check(call.ops->affine_columns(call.device_context, 1, x, added, ones, x, error), error, "affine_columns");
}

TensorView SiteRows::gather(const heddle_call& call, const DLTensor* from, const std::vector<int32_t>& rows) const {
  TensorView index = scratch(call, DType::i32, static_cast<int64_t>(rows.size()), 0);
  device_.copy_from_host(index.dl()->data, rows.data(), rows.size() * sizeof(int32_t));
  TensorView out = scratch(call, DType::f32, static_cast<int64_t>(rows.size()), from->shape[1]);
  ErrorBuffer error;
  check(call.ops->gather_rows(call.device_context, from, index, out, error), error, "gather_rows");
  return out;
}

void SiteRows::scatter(const heddle_call& call, const DLTensor* rows, const std::vector<int32_t>& to,
                       DLTensor* into) const {
  for (size_t i = 0; i < to.size(); ++i) {
    TensorView from = row_of(*rows, static_cast<int64_t>(i)), target = row_of(*into, to[i]);
    copy(call, from, target);
  }
}

TensorView SiteRows::mask(const heddle_call& call, int64_t rows, const std::vector<int32_t>& marked) const {
  std::vector<uint8_t> host(static_cast<size_t>(rows), 0);
  for (int32_t row : marked) host[static_cast<size_t>(row)] = 1;
  TensorView out = scratch(call, DType::u8, rows, 0);
  device_.copy_from_host(out.dl()->data, host.data(), host.size());
  return out;
}

TensorView SiteRows::scratch(const heddle_call& call, DType type, int64_t rows, int64_t columns) const {
  const auto count = static_cast<uint64_t>(rows * (columns > 0 ? columns : 1));
  void* memory = call.scratch(call.self, std::max<uint64_t>(count * dtype_size(type), 1));
  if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no memory for {} rows of activations", rows);
  if (columns > 0) return TensorView(memory, type, {rows, columns}, call.device);
  return TensorView(memory, type, {rows}, call.device);
}

}  // namespace heddle
