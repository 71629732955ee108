// Tensors of the host: Tensor owns memory of a device, TensorView borrows. Both give the DLTensor that ops and
// plugins see: row-major, strides never null, 64-byte aligned data. Errors: RESOURCE_EXHAUSTED when the device has no
// memory left, INVALID_ARGUMENT for a negative shape or a wrong element type. One thread at a time per object.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "heddle/abi.h"

namespace heddle {

class Device;

enum class DType { f32, bf16, f64, i32, i64, u8 };

DLDataType dl_dtype(DType type);
size_t dtype_size(DType type);
std::string dtype_name(DLDataType type);                 // "f32"
std::string shape_text(const DLTensor* tensor);          // "f32 [3,64]" or "null"
std::string shape_text(std::span<const int64_t> shape);  // "[3,64]"

struct bf16 {  // storage only: the upper half of a float
  uint16_t bits;
};
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<bf16>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::u8;
}

// A DLTensor with its own shape and strides, over memory of somebody else. Up to 4 dimensions. Copying copies the view.
class TensorView {
 public:
  static constexpr int kMaxDims = 4;
  TensorView() : TensorView(nullptr, DType::f32, {0}, {kDLCPU, 0}) {}
  // row_stride: elements from one row to the next of a 2-dimensional view; 0 = dense.
  TensorView(void* data, DType type, std::span<const int64_t> shape, DLDevice device, int64_t row_stride = 0);
  TensorView(void* data, DType type, std::initializer_list<int64_t> shape, DLDevice device, int64_t row_stride = 0)
      : TensorView(data, type, std::span<const int64_t>(shape.begin(), shape.size()), device, row_stride) {}
  TensorView(const TensorView& other) { *this = other; }
  TensorView& operator=(const TensorView& other);

  DLTensor* dl() { return &tensor_; }
  const DLTensor* dl() const { return &tensor_; }
  operator DLTensor*() { return &tensor_; }
  operator const DLTensor*() const { return &tensor_; }
  int64_t dim(int i) const { return shape_[static_cast<size_t>(i)]; }
  int64_t size() const;

 private:
  DLTensor tensor_{};
  std::array<int64_t, kMaxDims> shape_{}, strides_{};
};

// View of host memory: view(data, 3, 64) is [3,64].
template <class T, class... Dims>
TensorView view(T* data, Dims... dims) {
  return TensorView(const_cast<std::remove_const_t<T>*>(data), dtype_of<std::remove_const_t<T>>(),
                    {static_cast<int64_t>(dims)...}, DLDevice{kDLCPU, 0});
}
// [rows,columns] view of host memory whose rows lie `stride` elements apart.
template <class T>
TensorView strided_view(T* data, int64_t rows, int64_t columns, int64_t stride) {
  return TensorView(const_cast<std::remove_const_t<T>*>(data), dtype_of<std::remove_const_t<T>>(), {rows, columns},
                    DLDevice{kDLCPU, 0}, stride);
}

// Owns memory of a device, which must outlive it. Uninitialised. Move-only.
class Tensor {
 public:
  Tensor() = default;
  Tensor(Device& device, DType type, std::vector<int64_t> shape);
  ~Tensor();
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;

  DLTensor* dl() { return view_.dl(); }
  const DLTensor* dl() const { return view_.dl(); }
  operator DLTensor*() { return view_.dl(); }
  operator const DLTensor*() const { return view_.dl(); }
  DType dtype() const { return type_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t dim(int i) const { return shape_.at(static_cast<size_t>(i)); }
  int64_t size() const;  // elements
  size_t bytes() const;
  explicit operator bool() const { return device_ != nullptr; }
  explicit operator bool() { return device_ != nullptr; }  // else `if (tensor)` would take the pointer conversion above
  Device& device() const { return *device_; }

  // The memory as the CPU sees it; only on a CPU device (FAILED_PRECONDITION elsewhere).
  template <class T>
  T* data() {
    return static_cast<T*>(cpu_data(dtype_of<T>()));
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(cpu_data(dtype_of<T>()));
  }
  template <class T>
  std::span<T> span() {
    return {data<T>(), static_cast<size_t>(size())};
  }
  template <class T>
  std::span<const T> span() const {
    return {data<T>(), static_cast<size_t>(size())};
  }
  void zero();
  // Whole-tensor copies to and from host memory; works on every device.
  void to_host(void* destination) const;
  void from_host(const void* source);
  // Rows [begin,end) of a tensor of one or more dimensions, borrowed.
  TensorView rows(int64_t begin, int64_t end) const;

 private:
  void* cpu_data(DType type) const;
  Device* device_ = nullptr;
  DType type_ = DType::f32;
  std::vector<int64_t> shape_;
  void* memory_ = nullptr;
  TensorView view_;
};

}  // namespace heddle
