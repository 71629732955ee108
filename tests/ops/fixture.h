// What op tests share: devices with n threads, tensors between sentinels, random values, comparison with f64 oracles.
//
// HEDDLE_TEST_ISA limits the instruction set of the whole test program (isa_test.cc sets it at the start and runs the
// program again at every level of the machine).
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/compute/tensor.h"

namespace heddle::testing {

// One device per number of threads, kept for the whole program.
inline Device& device(int threads = 2) {
  static std::map<int, std::unique_ptr<Device>> devices;
  auto& slot = devices[threads];
  if (!slot) slot = Device::cpu({threads, "auto"});
  return *slot;
}

// A dense host tensor with 64 sentinel bytes on each side, checked when it goes. Filled with NaN (or -1) at first, so
// that reading what nobody wrote shows.
template <class T>
class Guarded {
 public:
  template <class... Dims>
  explicit Guarded(Dims... dims) : Guarded(std::vector<int64_t>{static_cast<int64_t>(dims)...}) {}
  explicit Guarded(std::vector<int64_t> shape) : shape_(std::move(shape)) {
    size_ = 1;
    for (int64_t extent : shape_) size_ *= extent;
    bytes_ = static_cast<std::byte*>(aligned_allocate(2 * kGuard + static_cast<size_t>(size_) * sizeof(T)));
    std::memset(bytes_, kSentinel, kGuard);
    std::memset(bytes_ + kGuard + static_cast<size_t>(size_) * sizeof(T), kSentinel, kGuard);
    for (int64_t i = 0; i < size_; ++i) data()[i] = unset();
    view_ = TensorView(data(), heddle::dtype_of<T>(), std::span<const int64_t>(shape_), {kDLCPU, 0});
  }
  ~Guarded() {
    EXPECT_TRUE(intact()) << "an op wrote outside of a tensor " << shape_text(std::span<const int64_t>(shape_));
    aligned_release(bytes_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  bool intact() const {
    const std::byte* after = bytes_ + kGuard + static_cast<size_t>(size_) * sizeof(T);
    for (size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != std::byte{kSentinel} || after[i] != std::byte{kSentinel}) return false;
    }
    return true;
  }
  T* data() { return reinterpret_cast<T*>(bytes_ + kGuard); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_ + kGuard); }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }
  int64_t size() const { return size_; }
  int64_t dim(int i) const { return shape_[static_cast<size_t>(i)]; }
  operator DLTensor*() { return view_.dl(); }
  DLTensor* dl() { return view_.dl(); }
  std::vector<T> values() const { return std::vector<T>(data(), data() + size_); }
  Guarded& set(const std::vector<T>& values) {
    std::copy(values.begin(), values.end(), data());
    return *this;
  }
  Guarded& fill(T value) {
    std::fill_n(data(), size_, value);
    return *this;
  }
  // Uniform in [low,high), a function of `seed`.
  Guarded& random(uint64_t seed, double low = -1, double high = 1) {
    PhiloxStream stream(rng_key(seed, RngPurpose::test));
    for (int64_t i = 0; i < size_; ++i) data()[i] = static_cast<T>(low + (high - low) * stream.uniform());
    return *this;
  }
  Guarded& random_below(uint64_t seed, int64_t low, int64_t high) {
    PhiloxStream stream(rng_key(seed, RngPurpose::test, 1));
    for (int64_t i = 0; i < size_; ++i)
      data()[i] = static_cast<T>(low + static_cast<int64_t>(stream.below(static_cast<uint64_t>(high - low))));
    return *this;
  }

 private:
  static constexpr size_t kGuard = 64;
  static constexpr unsigned char kSentinel = 0xA5;
  static T unset() {
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
    else if constexpr (std::is_same_v<T, bf16>) return bf16{0x7FC0};
    else return static_cast<T>(-1);
  }
  std::vector<int64_t> shape_;
  int64_t size_ = 0;
  std::byte* bytes_ = nullptr;
  TensorView view_;
};

// Runs an op: f(ops, device context, error) -> status. Fails the test with the op's message.
template <class F>
void run(Context& context, F&& f) {
  ErrorBuffer error;
  const int32_t status = f(context.ops(), context.handle(), static_cast<heddle_error*>(error));
  ASSERT_EQ(status, HEDDLE_OK) << error.message();
}
template <class F>
void run(F&& f) {
  Context context(device());
  run(context, f);
}
// Runs an op that must fail with this code; returns its message.
template <class F>
std::string run_failing(int32_t code, F&& f) {
  Context context(device());
  ErrorBuffer error;
  const int32_t status = f(context.ops(), context.handle(), static_cast<heddle_error*>(error));
  EXPECT_EQ(status, code) << error.message();
  return std::string(error.message());
}

// || got - want || / || want ||, 0 when both are empty or zero, infinite when their sizes differ.
template <class A, class B>
double relative_error(const A& got, const B& want) {
  if (static_cast<size_t>(got.size()) != static_cast<size_t>(want.size())) return HUGE_VAL;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < static_cast<size_t>(want.size()); ++i) {
    const double g = static_cast<double>(got.data()[i]), w = static_cast<double>(want.data()[i]);
    difference += (g - w) * (g - w);
    norm += w * w;
  }
  if (difference == 0) return 0;
  return std::sqrt(difference / std::max(norm, 1e-30));
}
#define EXPECT_CLOSE(got, want, tolerance) \
  EXPECT_LE(::heddle::testing::relative_error(got, want), tolerance) << #got " "

// f(context) -> std::vector<T>: must give the same bytes on 1, 2, 3 and 7 threads.
template <class F>
void expect_same_bits_on_any_threads(F&& f) {
  Context first(device(1));
  const auto expected = f(first);
  for (int threads : {2, 3, 7}) {
    Context context(device(threads));
    const auto got = f(context);
    ASSERT_EQ(got.size(), expected.size());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(expected[0])), 0) << threads << " threads";
  }
}

// Central differences of f over every entry of x, in f64.
template <class F>
std::vector<double> numeric_gradient(std::vector<double> x, F&& f, double step = 1e-5) {
  std::vector<double> gradient(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + step;
    const double up = f(x);
    x[i] = kept - step;
    const double down = f(x);
    x[i] = kept;
    gradient[i] = (up - down) / (2 * step);
  }
  return gradient;
}

template <class T>
std::vector<double> wide(const Guarded<T>& tensor) {
  return std::vector<double>(tensor.data(), tensor.data() + tensor.size());
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace heddle::testing
