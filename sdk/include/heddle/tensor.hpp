// Tensor: a view of an array that somebody else owns: the host, or the scratch memory of the running call.
//
// A Tensor is a pointer and a shape, cheap to copy; copying never copies data, and `const Tensor&` says nothing about
// who may write (as with std::span). A default-made Tensor is "none": ops take it for their optional arguments. Data
// lives in the memory of a device. Only on the CPU may a plugin look at it: data<T>(), span<T>(), row<T>() refuse
// elsewhere.
// Errors: INVALID_ARGUMENT for a wrong type or shape, FAILED_PRECONDITION for reading device memory, OUT_OF_RANGE for
// slices.
#pragma once

#include <initializer_list>
#include <span>

#include "status.hpp"

namespace heddle::sdk {

// The element types of the ABI.
inline constexpr DLDataType f32{kDLFloat, 32, 1};
inline constexpr DLDataType f64{kDLFloat, 64, 1};
inline constexpr DLDataType bf16{kDLBfloat, 16, 1};
inline constexpr DLDataType i32{kDLInt, 32, 1};
inline constexpr DLDataType i64{kDLInt, 64, 1};
inline constexpr DLDataType u8{kDLUInt, 8, 1};
inline constexpr DLDevice cpu{kDLCPU, 0};

constexpr bool same_type(DLDataType a, DLDataType b) {
  return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

namespace detail {
template <class T>
inline constexpr DLDataType dtype_of = [] {
  using U = std::remove_const_t<T>;
  if constexpr (std::same_as<U, float>) return f32;
  else if constexpr (std::same_as<U, double>) return f64;
  else if constexpr (std::same_as<U, int32_t>) return i32;
  else if constexpr (std::same_as<U, int64_t>) return i64;
  else if constexpr (std::same_as<U, uint8_t>) return u8;
  else static_assert(sizeof(T) == 0, "a Tensor holds float, double, int32_t, int64_t or uint8_t");
}();
}  // namespace detail

class Tensor {
 public:
  static constexpr int max_rank = 4;

  Tensor() noexcept { dl_.ndim = -1; }
  Tensor(void* data, DLDataType type, DLDevice device, std::span<const int64_t> shape) {
    if (shape.size() > max_rank)
      raise(HEDDLE_INVALID_ARGUMENT, "a tensor has at most 4 dimensions, not ", shape.size());
    dl_ = {data, device, static_cast<int32_t>(shape.size()), type, shape_, strides_, 0};
    int64_t stride = 1;
    for (int i = dl_.ndim - 1; i >= 0; --i) {
      shape_[i] = shape[static_cast<std::size_t>(i)];
      strides_[i] = stride;
      stride *= shape_[i];
    }
  }
  // A view of the plugin's own CPU array.
  template <class T>
  static Tensor of(T* data, std::initializer_list<int64_t> shape) {
    return Tensor(const_cast<std::remove_const_t<T>*>(data), detail::dtype_of<T>, cpu, {shape.begin(), shape.size()});
  }
  // The host's tensor; null gives "none".
  explicit Tensor(const DLTensor* host) {
    dl_.ndim = -1;
    if (host == nullptr) return;
    if (host->ndim < 0 || host->ndim > max_rank)
      raise(HEDDLE_INVALID_ARGUMENT, "a tensor of ", host->ndim, " dimensions");
    dl_ = *host;
    for (int i = 0; i < dl_.ndim; ++i) shape_[i] = host->shape[i], strides_[i] = host->strides[i];
    own_shape();
  }
  Tensor(const Tensor& other) noexcept { *this = other; }
  Tensor& operator=(const Tensor& other) noexcept {
    if (this == &other) return *this;
    dl_ = other.dl_;
    std::memcpy(shape_, other.shape_, sizeof shape_);
    std::memcpy(strides_, other.strides_, sizeof strides_);
    own_shape();
    return *this;
  }

  // False for "none".
  explicit operator bool() const noexcept { return dl_.ndim >= 0; }
  int rank() const noexcept { return dl_.ndim; }
  std::span<const int64_t> shape() const noexcept {
    return {shape_, static_cast<std::size_t>(dl_.ndim < 0 ? 0 : dl_.ndim)};
  }
  int64_t size(int axis) const {
    if (axis < 0 || axis >= dl_.ndim) raise(HEDDLE_OUT_OF_RANGE, "axis ", axis, " of a tensor ", shape_text());
    return shape_[axis];
  }
  int64_t rows() const { return size(0); }
  int64_t columns() const { return size(1); }
  int64_t elements() const noexcept {
    int64_t n = 1;
    for (int64_t extent : shape()) n *= extent;
    return n;
  }
  DLDataType type() const noexcept { return dl_.dtype; }
  DLDevice device() const noexcept { return dl_.device; }
  bool contiguous() const noexcept {
    int64_t stride = 1;
    for (int i = dl_.ndim - 1; i >= 0; --i) {
      if (shape_[i] > 1 && strides_[i] != stride) return false;
      stride *= shape_[i];
    }
    return true;
  }

  // CPU memory only; T must be the element type.
  template <class T>
  T* data() const {
    require(detail::dtype_of<T>);
    return static_cast<T*>(dl_.data);
  }
  // All elements; the tensor must be contiguous.
  template <class T>
  std::span<T> span() const {
    if (!contiguous())
      raise(HEDDLE_INVALID_ARGUMENT, "a strided tensor ", shape_text(), " is no single span; go by row()");
    return {data<T>(), static_cast<std::size_t>(elements())};
  }
  // Row i of a matrix, strided or not.
  template <class T>
  std::span<T> row(int64_t i) const {
    if (i < 0 || i >= rows()) raise(HEDDLE_OUT_OF_RANGE, "row ", i, " of a tensor ", shape_text());
    return {data<T>() + i * strides_[0], static_cast<std::size_t>(columns())};
  }

  // Views of the same memory.
  Tensor row_slice(int64_t begin, int64_t count) const { return slice(0, begin, count); }
  Tensor column_slice(int64_t begin, int64_t count) const { return slice(1, begin, count); }
  Tensor reshaped(std::initializer_list<int64_t> shape) const {
    Tensor out(dl_.data, dl_.dtype, dl_.device, {shape.begin(), shape.size()});
    if (!contiguous() || out.elements() != elements())
      raise(HEDDLE_INVALID_ARGUMENT, "cannot view ", shape_text(), " as ", out.shape_text());
    return out;
  }

  // Throws unless the shape is this one (-1 matches any extent) and the type is `type`.
  const Tensor& expect(const char* name, std::initializer_list<int64_t> shape, DLDataType type = f32) const {
    bool same = dl_.ndim == static_cast<int>(shape.size()) && same_type(dl_.dtype, type);
    for (int i = 0; same && i < dl_.ndim; ++i) same = shape.begin()[i] < 0 || shape.begin()[i] == shape_[i];
    if (!same)
      raise(HEDDLE_INVALID_ARGUMENT, name, " is ", shape_text(), type_text(dl_.dtype), ", expected ",
            shape_text({shape.begin(), shape.size()}), type_text(type));
    return *this;
  }
  // "[3,64]"
  std::string shape_text() const { return *this ? shape_text(shape()) : "(none)"; }

  // For calls over the ABI; null for "none". Points into this object.
  DLTensor* raw() const noexcept { return dl_.ndim < 0 ? nullptr : &dl_; }

 private:
  void own_shape() noexcept {
    dl_.shape = shape_;
    dl_.strides = strides_;
  }
  void require(DLDataType type) const {
    if (!same_type(type, dl_.dtype))
      raise(HEDDLE_INVALID_ARGUMENT, "a tensor of", type_text(dl_.dtype), " read as", type_text(type));
    if (dl_.device.device_type != kDLCPU)
      raise(HEDDLE_FAILED_PRECONDITION, "this tensor lives on a device; only ops may touch its data");
  }
  Tensor slice(int axis, int64_t begin, int64_t count) const {
    if (begin < 0 || count < 0 || begin + count > size(axis))
      raise(HEDDLE_OUT_OF_RANGE, "slice ", begin, "..", begin + count, " of axis ", axis, " of a tensor ",
            shape_text());
    Tensor out = *this;
    out.shape_[axis] = count;
    if (dl_.data != nullptr)
      out.dl_.data = static_cast<char*>(dl_.data) + begin * strides_[axis] * (dl_.dtype.bits / 8);
    return out;
  }
  static std::string shape_text(std::span<const int64_t> shape) {
    std::string out = "[";
    for (int64_t extent : shape) {
      if (out.size() > 1) out += ',';
      out += extent < 0 ? "any" : text(extent);
    }
    return out + "]";
  }
  static std::string type_text(DLDataType type) {
    const char* family = type.code == kDLFloat    ? " f"
                         : type.code == kDLBfloat ? " bf"
                         : type.code == kDLInt    ? " i"
                                                  : " u";
    return text(family, int{type.bits});
  }

  mutable DLTensor dl_{};
  mutable int64_t shape_[max_rank]{};
  mutable int64_t strides_[max_rank]{};
};

}  // namespace heddle::sdk
