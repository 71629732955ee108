// How far a benchmark is from what this machine could do at most: the roofline. A benchmark counts the floating-point
// operations and the bytes that one iteration cannot avoid; the machine's peaks are measured in the same process, before
// any benchmark runs (bench_main.cc). Counters that roofline() adds, 1 = the peak:
//   flop_share  the time that the operations would take at the peak rates / the time taken
//   byte_share  the time that the bytes would take at the bandwidth of the level of cache that holds them / the time taken
//   bound       the larger of both: the distance from the roofline
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace heddle {

struct Work {
  // Per iteration. A multiply-add counts twice; what an expert's program would not compute is not counted: padding,
  // products with zeros, anything done twice.
  double flops = 0;       // in f32
  double bf16_flops = 0;  // products of bf16 pairs, accumulated in f32
  // Every input read once and every output written once per pass that the algorithm cannot do without.
  double bytes = 0;
  double footprint = 0;  // bytes of the distinct memory touched, which tell the level of cache; 0 = `bytes`
  int threads = 0;       // 0 = all processors that this process may use
};

void roofline(benchmark::State& state, const Work& work);

// Registers a benchmark for one thread and for all processors: ->ArgName("threads")->Apply(thread_counts).
void thread_counts(benchmark::internal::Benchmark* benchmark);

// Peaks of `threads` threads of this machine.
struct Peaks {
  double flops = 0;       // f32 multiply-adds, FLOP/s
  double bf16_flops = 0;  // the same as flops where the machine has no such instructions
  // Reading, bytes/s: from the L2 of each core, from the shared L3, from memory.
  double l2 = 0, l3 = 0, memory = 0;
  double bandwidth(double footprint, int threads) const;
};

// Measures the peaks of one thread and of all, in a child process so that its buffers do not count as memory of this one,
// and adds them to the context that Google Benchmark prints. Once, before any other thread exists; other counts of threads
// are interpolated.
void measure_peaks();
Peaks peaks(int threads);

}  // namespace heddle
