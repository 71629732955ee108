#include "roofline.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "core/compute/device.h"
#include "roofline_peaks.h"

namespace heddle {
namespace {

Peaks single, all;

// As the kernel says it: sysconf() counts the L3 of the whole socket, also what belongs to other cores.
double cache_bytes(int level, double otherwise) {
  for (const benchmark::CPUInfo::CacheInfo& cache : benchmark::CPUInfo::Get().caches) {
    if (cache.level == level && cache.type != "Instruction") return cache.size;
  }
  return otherwise;
}
double l2_bytes() { return cache_bytes(2, 1 << 20); }
double l3_bytes() { return cache_bytes(3, 32 << 20); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The trials are too short for the scheduler to spread the threads by itself.
void pin_to_processor(int which) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || which-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// Best rate of three trials; another process on the machine makes a trial slower, never faster. body(thread) returns the
// work done; a trial lasts until the slowest thread is through.
template <class Body>
double best_rate(int threads, Body&& body) {
  double best = 0;
  for (int trial = 0; trial < 3; ++trial) {
    std::vector<double> work(static_cast<size_t>(threads)), begin(work), end(work);
    std::barrier start(threads);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        const auto i = static_cast<size_t>(t);
        pin_to_processor(t);
        start.arrive_and_wait();
        begin[i] = now();
        work[i] = body(t);
        end[i] = now();
      });
    }
    for (std::thread& worker : workers) worker.join();
    double total = 0;
    for (const double w : work) total += w;
    best = std::max(
        best, total / (*std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end())));
  }
  return best;
}

double read_rate(int threads, const char* data, double footprint_of_all) {
  const size_t each = static_cast<size_t>(footprint_of_all / threads) / 4096 * 4096;
  const long passes = std::max(1L, static_cast<long>(5e8 / static_cast<double>(each) / threads));
  return best_rate(threads, [&](int thread) {
    for (long pass = 0; pass < passes; ++pass) peak::read(data + static_cast<size_t>(thread) * each, each);
    return static_cast<double>(passes) * static_cast<double>(each);
  });
}

// Each rate again and again, the others between: a moment in which something else ran spoils one of them at most.
Peaks measured(int threads, const char* data, double bytes) {
  Peaks best;
  const auto keep = [](double& rate, double found) { rate = std::max(rate, found); };
  for (int round = 0; round < 3; ++round) {
    keep(best.flops, best_rate(threads, [](int) { return peak::f32(5'000'000); }));
    keep(best.bf16_flops, best_rate(threads, [](int) { return peak::bf16(5'000'000); }));
    keep(best.l2, read_rate(threads, data, l2_bytes() / 2 * threads));
    keep(best.l3, read_rate(threads, data, l3_bytes() / 2));
    keep(best.memory, read_rate(threads, data, bytes));
  }
  return best;
}

[[noreturn]] void child(int pipe_end) {
  const double bytes = std::max(8 * l3_bytes(), 256e6);
  const size_t whole = static_cast<size_t>(bytes) / 4096 * 4096;
  auto* data = static_cast<char*>(std::aligned_alloc(4096, whole));
  if (!data) _exit(1);
  std::memset(data, 1, whole);
  const Peaks found[2] = {measured(1, data, bytes), measured(available_processors(), data, bytes)};
  _exit(write(pipe_end, found, sizeof found) == sizeof found ? 0 : 1);
}

void add_context(const char* threads, const Peaks& p) {
  char text[160];
  std::snprintf(text, sizeof text, "f32 %.0f GFLOP/s, bf16 %.0f GFLOP/s, read L2 %.0f, L3 %.0f, memory %.1f GB/s",
                p.flops * 1e-9, p.bf16_flops * 1e-9, p.l2 * 1e-9, p.l3 * 1e-9, p.memory * 1e-9);
  benchmark::AddCustomContext(std::string("peaks of ") + threads, text);
}

}  // namespace

void measure_peaks() {
  // With SIGCHLD ignored, the child's memory is not added to that of this process (getrusage, wait4).
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t process = fork();
  if (process < 0) std::abort();
  if (process == 0) child(ends[1]);
  close(ends[1]);
  Peaks found[2];
  const ssize_t got = ::read(ends[0], found, sizeof found);
  close(ends[0]);
  std::signal(SIGCHLD, before);
  if (got != sizeof found) {
    std::fprintf(stderr, "heddle_bench: the machine's peaks could not be measured\n");
    std::exit(1);
  }
  single = found[0];
  all = found[1];
  add_context("1 thread", single);
  if (available_processors() > 1) {
    add_context((std::to_string(available_processors()) + " threads").c_str(), all);
  }
}

Peaks peaks(int threads) {
  const int count = available_processors();
  if (threads <= 1) return single;
  if (threads >= count) return all;
  const double share = static_cast<double>(threads - 1) / (count - 1);
  const auto between = [&](double one, double many) { return one + share * (many - one); };
  return {between(single.flops, all.flops), between(single.bf16_flops, all.bf16_flops), between(single.l2, all.l2),
          between(single.l3, all.l3), between(single.memory, all.memory)};
}

double Peaks::bandwidth(double footprint, int threads) const {
  if (footprint <= l2_bytes() * threads) return l2;
  return footprint <= l3_bytes() ? l3 : memory;
}

void roofline(benchmark::State& state, const Work& work) {
  const int threads = work.threads > 0 ? work.threads : available_processors();
  const Peaks at = peaks(threads);
  const double footprint = work.footprint > 0 ? work.footprint : work.bytes;
  const double flop_seconds = work.flops / at.flops + work.bf16_flops / at.bf16_flops;
  const double byte_seconds = work.bytes / at.bandwidth(footprint, threads);
  const auto share = [](double seconds) {
    return benchmark::Counter(seconds, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["flop_share"] = share(flop_seconds);
  state.counters["byte_share"] = share(byte_seconds);
  state.counters["bound"] = share(std::max(flop_seconds, byte_seconds));
}

void thread_counts(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(1);
  if (available_processors() > 1) benchmark->Arg(available_processors());
}

}  // namespace heddle
