// Codes: the sparse feature activations of a batch, and Select: the rule by which an encoder chooses them.
//
// Codes are made and grown by the device (ops.codes(), ops.encode()); this is a view. Row b holds the entries
// offsets[b] .. offsets[b+1], indices ascending. A stored value may be 0; a feature is active where the value is not 0.
#pragma once

#include "tensor.hpp"

namespace heddle::sdk {

class Codes {
 public:
  Codes() = default;
  explicit Codes(heddle_codes* raw) : raw_(raw) {}
  // For inputs; this layer never writes through it.
  explicit Codes(const heddle_codes* raw) : raw_(const_cast<heddle_codes*>(raw)) {}

  explicit operator bool() const noexcept { return raw_ != nullptr; }
  int64_t rows() const noexcept { return raw_->rows; }
  int64_t width() const noexcept { return raw_->width; }
  int64_t stored() const noexcept { return raw_->nnz; }

  // [nnz] views in the memory of the device.
  Tensor values() const { return view(raw_->values, f32, raw_->nnz); }
  Tensor indices() const { return view(raw_->indices, i32, raw_->nnz); }
  Tensor offsets() const { return view(raw_->offsets, i64, raw_->rows + 1); }
  // Pre-activations; "none" unless the selection asked for a margin.
  Tensor pre() const { return raw_->pre == nullptr ? Tensor() : view(raw_->pre, f32, raw_->nnz); }

  // CPU memory only: the entries of one row.
  struct Row {
    std::span<const int32_t> indices;
    std::span<const float> values;
  };
  Row row(int64_t b) const {
    if (b < 0 || b >= rows()) raise(HEDDLE_OUT_OF_RANGE, "row ", b, " of codes with ", rows(), " rows");
    if (raw_->device.device_type != kDLCPU)
      raise(HEDDLE_FAILED_PRECONDITION, "these codes live on a device; only ops may touch them");
    const auto begin = static_cast<std::size_t>(raw_->offsets[b]), end = static_cast<std::size_t>(raw_->offsets[b + 1]);
    return {{raw_->indices + begin, end - begin}, {raw_->values + begin, end - begin}};
  }

  heddle_codes* raw() const noexcept { return raw_; }

 private:
  Tensor view(void* data, DLDataType type, int64_t size) const { return Tensor(data, type, raw_->device, {&size, 1}); }
  heddle_codes* raw_ = nullptr;
};

// How pre-activations p become codes.
struct Select {
  int32_t rule = HEDDLE_SELECT_RELU;
  int64_t k = 0;
  float margin = 0;
  Tensor threshold{};
  Tensor features{};  // u8 [m]: only features with a 1 take part

  // The same rule over some features only.
  Select among(const Tensor& mask) const {
    Select out = *this;
    out.features = mask;
    return out;
  }
};

// p > 0
inline Select relu() { return {}; }
// The k largest positive p of each row.
inline Select top_k(int64_t k) { return {.rule = HEDDLE_SELECT_TOP_K, .k = k}; }
// The k * B largest positive p of the batch. For training: at inference rows must not depend on each other.
inline Select batch_top_k(int64_t k) { return {.rule = HEDDLE_SELECT_BATCH_TOP_K, .k = k}; }
// p > threshold[j]. With a margin, entries less than margin below their threshold are kept too, as value 0 with their
// p.
inline Select above(const Tensor& threshold, float margin = 0) {
  return {.rule = HEDDLE_SELECT_THRESHOLD, .margin = margin, .threshold = threshold};
}

}  // namespace heddle::sdk
