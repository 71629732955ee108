// What it costs to hand work to the thread pool: a run of as many empty tasks as threads. Bound by the latency of cache
// lines between cores (the start flag out, the counter of tasks, the counter of idle workers back), as long as workers spin.
//   hand_over   runs one behind the other: workers still spin
//   wake_up     after a pause of 1 ms, when they sleep
#include <benchmark/benchmark.h>

#include <chrono>
#include <thread>

#include "core/compute/pool.h"
#include "roofline.h"

namespace heddle {
namespace {

void empty_tasks(ThreadPool& pool) {
  pool.run(pool.threads(), [](int64_t task) { benchmark::DoNotOptimize(task); });
}

void hand_over(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) empty_tasks(pool);
}
BENCHMARK(hand_over)->ArgName("threads")->Apply(thread_counts)->UseRealTime();

void wake_up(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto begin = std::chrono::steady_clock::now();
    empty_tasks(pool);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
}
BENCHMARK(wake_up)->ArgName("threads")->Apply(thread_counts)->UseManualTime()->Iterations(500);

}  // namespace
}  // namespace heddle
