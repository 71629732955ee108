// What benchmarks of ops share: a device with the threads of argument 0, a context, random tensors, rates.
#pragma once

#include <benchmark/benchmark.h>

#include <vector>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"

namespace heddle {

struct Bench {
  explicit Bench(benchmark::State& state)
      : device(Device::cpu({static_cast<int>(state.range(0)), "auto"})), context(*device) {}
  Tensor tensor(std::vector<int64_t> shape, double deviation = 1) {
    Tensor made(*device, DType::f32, std::move(shape));
    const heddle_rng_key key = rng_key(1, RngPurpose::test, 0, ++streams);
    check(context.ops().random_normal(context.handle(), key, deviation, made, error), error, "random_normal");
    return made;
  }
  std::unique_ptr<Device> device;
  Context context;
  ErrorBuffer error;
  uint64_t streams = 0;
};

inline void rate(benchmark::State& state, const char* unit, double per_iteration) {
  state.counters[unit] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

}  // namespace heddle
