#include "core/compute/tensor.h"

#include <cstring>
#include <utility>

#include "core/compute/device.h"

namespace heddle {

DLDataType dl_dtype(DType type) {
  switch (type) {
    case DType::f32: return {kDLFloat, 32, 1};
    case DType::bf16: return {kDLBfloat, 16, 1};
    case DType::f64: return {kDLFloat, 64, 1};
    case DType::i32: return {kDLInt, 32, 1};
    case DType::i64: return {kDLInt, 64, 1};
    case DType::u8: return {kDLUInt, 8, 1};
  }
  return {};
}

size_t dtype_size(DType type) { return dl_dtype(type).bits / 8u; }

std::string dtype_name(DLDataType type) {
  const char* kind = type.code == kDLFloat    ? "f"
                     : type.code == kDLBfloat ? "bf"
                     : type.code == kDLInt    ? "i"
                     : type.code == kDLUInt   ? "u"
                                              : "?";
  return fmt::format("{}{}{}", kind, type.bits, type.lanes == 1 ? "" : fmt::format("x{}", type.lanes));
}

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

std::string shape_text(const DLTensor* tensor) {
  if (tensor == nullptr) return "null";
  return dtype_name(tensor->dtype) + " " + shape_text({tensor->shape, static_cast<size_t>(tensor->ndim)});
}

TensorView::TensorView(void* data, DType type, std::span<const int64_t> shape, DLDevice device, int64_t row_stride) {
  if (shape.size() > kMaxDims)
    fail(HEDDLE_INVALID_ARGUMENT, "tensor view: {} dimensions; accepted: up to {}", shape.size(), kMaxDims);
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    shape_[i] = shape[i];
    strides_[i] = stride;
    stride *= shape[i];
  }
  if (row_stride != 0 && shape.size() == 2) strides_[0] = row_stride;
  tensor_.data = data;
  tensor_.device = device;
  tensor_.ndim = static_cast<int32_t>(shape.size());
  tensor_.dtype = dl_dtype(type);
  tensor_.shape = shape_.data();
  tensor_.strides = strides_.data();
}

TensorView& TensorView::operator=(const TensorView& other) {
  tensor_ = other.tensor_;
  shape_ = other.shape_;
  strides_ = other.strides_;
  tensor_.shape = shape_.data();
  tensor_.strides = strides_.data();
  return *this;
}

int64_t TensorView::size() const {
  int64_t size = 1;
  for (int i = 0; i < tensor_.ndim; ++i) size *= dim(i);
  return size;
}

Tensor::Tensor(Device& device, DType type, std::vector<int64_t> shape) : type_(type), shape_(std::move(shape)) {
  size_t bytes = dtype_size(type);
  for (int64_t extent : shape_) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
      fail(HEDDLE_INVALID_ARGUMENT, "tensor: shape {}; accepted: extents of 0 or more that fit in memory",
           shape_text(shape_));
    }
  }
  memory_ = device.allocate(bytes);
  device_ = &device;
  view_ = TensorView(memory_, type, std::span<const int64_t>(shape_), device.dl_device());
}

Tensor::~Tensor() {
  if (device_ != nullptr) device_->release(memory_);
}

Tensor::Tensor(Tensor&& other) noexcept { *this = std::move(other); }

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(type_, other.type_);
  std::swap(shape_, other.shape_);
  std::swap(memory_, other.memory_);
  const TensorView mine = view_;
  view_ = other.view_;
  other.view_ = mine;
  return *this;
}

int64_t Tensor::size() const {
  int64_t size = device_ == nullptr ? 0 : 1;
  for (int64_t extent : shape_) size *= extent;
  return size;
}

size_t Tensor::bytes() const { return static_cast<size_t>(size()) * dtype_size(type_); }

void* Tensor::cpu_data(DType type) const {
  if (device_ == nullptr) return nullptr;
  if (type != type_) {
    fail(HEDDLE_INVALID_ARGUMENT, "tensor {}: read as {}", shape_text(dl()), dtype_name(dl_dtype(type)));
  }
  if (!device_->is_cpu()) fail(HEDDLE_FAILED_PRECONDITION, "tensor {}: not in CPU memory", shape_text(dl()));
  return memory_;
}

void Tensor::zero() {
  if (device_ == nullptr) return;
  if (device_->is_cpu()) {
    std::memset(memory_, 0, bytes());
  } else {
    const std::vector<std::byte> zeros(bytes());
    device_->copy_from_host(memory_, zeros.data(), zeros.size());
  }
}

void Tensor::to_host(void* destination) const {
  if (device_ != nullptr) device_->copy_to_host(destination, memory_, bytes());
}

void Tensor::from_host(const void* source) {
  if (device_ != nullptr) device_->copy_from_host(memory_, source, bytes());
}

TensorView Tensor::rows(int64_t begin, int64_t end) const {
  if (shape_.empty() || begin < 0 || end < begin || end > shape_[0]) {
    fail(HEDDLE_OUT_OF_RANGE, "tensor {}: rows [{},{})", shape_text(dl()), begin, end);
  }
  std::vector<int64_t> shape = shape_;
  shape[0] = end - begin;
  const int64_t row = shape_[0] == 0 ? 0 : size() / shape_[0];
  auto* start = static_cast<std::byte*>(memory_) + static_cast<size_t>(begin * row) * dtype_size(type_);
  return TensorView(start, type_, std::span<const int64_t>(shape), device_->dl_device());
}

}  // namespace heddle
