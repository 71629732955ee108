// Memory whose end is followed by a page that nobody may touch, and preceded by one: a write past the end crashes the
// check at the very instruction. What must only be read is write-protected in the same way.
//
// Data starts 64-byte aligned, as the ABI promises, so up to 63 bytes may lie between its end and the guard page; they
// hold a pattern that check() looks at. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/compute/tensor.h"

namespace heddle::conformance {

class Guarded {
 public:
  explicit Guarded(size_t bytes);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void protect(bool read_only);
  // Throws Failure naming `what` when the bytes after the end have changed.
  void check(const char* what) const;

 private:
  char* mapping_ = nullptr;
  size_t mapped_ = 0, page_ = 0;
  char* data_ = nullptr;
  size_t bytes_ = 0;
};

// A guarded tensor. Fresh ones hold NaN (floats) or 0xFF: what a plugin leaves unwritten shows.
class GuardedTensor {
 public:
  GuardedTensor(DType type, std::vector<int64_t> shape);
  DLTensor* dl() { return view_.dl(); }
  const DLTensor* dl() const { return view_.dl(); }
  operator DLTensor*() { return view_.dl(); }
  operator const DLTensor*() const { return view_.dl(); }
  template <class T>
  T* data() const {
    return static_cast<T*>(memory_->data());
  }
  template <class T>
  std::vector<T> copy() const {
    return {data<T>(), data<T>() + size()};
  }
  int64_t size() const { return view_.size(); }
  const std::vector<int64_t>& shape() const { return shape_; }
  size_t bytes() const { return memory_->bytes(); }
  void zero();
  void protect(bool read_only) { memory_->protect(read_only); }
  void check(const char* what) const { memory_->check(what); }

 private:
  std::vector<int64_t> shape_;
  std::unique_ptr<Guarded> memory_;
  TensorView view_;
};

}  // namespace heddle::conformance
