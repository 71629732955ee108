// What a program does inside and outside of the thread pool, counted from outside: a library that is loaded before libheddle
// and stands in front of ThreadPool::run. No line of the product knows of it.
//
//   LD_PRELOAD=build/release/lib/libheddle_pool_profile.so HEDDLE_POOL_PROFILE=FROM:TO heddle run …    (see docs/scaling.md)
//
// With FROM:TO only what happens FROM to TO seconds after the first run of the pool counts. At the end, to stderr: the share
// of the time outside of the pool, and per place that hands over work: runs, tasks per run, time per task, the serial time
// before it. From the tasks' times follows what P cores would take: every run's tasks handed to P workers in order, as the
// pool does it, plus hand-overs and the serial time; as if memory were no bound. Profile one thread (compute.threads = 1): there
// times are processor time of the thread and hold no waiting for other cores; two readings per task are taken off again.
// With more threads the time of day counts: good for the share outside of the pool where work is cut by threads.
#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "core/compute/pool.h"

namespace {

double read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
// Of a pool of one thread the processor time: what other programs take from us does not count. Else the time of day.
clockid_t task_clock = CLOCK_THREAD_CPUTIME_ID;
double now() { return read(task_clock); }
// Since the first call, which is the first run of the pool.
double elapsed() {
  static const double start = read(CLOCK_MONOTONIC);
  return read(CLOCK_MONOTONIC) - start;
}

// What one reading costs; every task contains one.
double reading() {
  static const double least = [] {
    double found = 1;
    for (int i = 0; i < 2000; ++i) {
      const double begin = now();
      found = std::min(found, now() - begin);
    }
    return found;
  }();
  return least;
}

constexpr int kCores[] = {1, 2, 4, 8, 16, 32, 64, 128};
constexpr size_t kCounts = std::size(kCores);

// A line of cache that another core has written last, in seconds. Measured on two cores of a Zen 5: a hand-over of 0.25 us
// (benchmark hand_over) is three of them one behind the other. Between the corners of a chip of 64 cores: some 0.1 us.
double line_transfer() {
  const char* given = std::getenv("HEDDLE_POOL_TRANSFER_US");
  return (given ? std::atof(given) : 0.1) * 1e-6;
}

struct Site {
  int64_t runs = 0, tasks = 0;
  double inside = 0, busy = 0, before = 0;  // seconds in run(), in tasks, serial since the last run
  double longest = 0;                       // sum over runs of the longest task
  double on[kCounts] = {};                  // predicted seconds in run() on so many cores
};

struct Profile {
  double from = 0, to = 1e30;
  double first = -1, last = 0;  // begin of the first run and end of the last one in the window
  std::map<const void*, Site> sites;

  Profile() {
    if (const char* window = std::getenv("HEDDLE_POOL_PROFILE")) {
      from = std::atof(window);
      if (const char* colon = std::strchr(window, ':')) to = std::atof(colon + 1);
    }
  }
  ~Profile() { print(); }
  void print() const;
};

Profile& profile() {
  static Profile made;
  return made;
}

// Seconds until the last of these tasks is done when `cores` workers take them in order.
double makespan(const std::vector<double>& tasks, int cores) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free;
  double end = 0;
  for (double task : tasks) {
    double start = 0;
    if (static_cast<int>(free.size()) >= cores) {
      start = free.top();
      free.pop();
    }
    free.push(start + task);
    end = std::max(end, start + task);
  }
  return end;
}

std::string first_line_of(const std::string& command) {
  char line[512] = "?";
  if (FILE* pipe = popen(command.c_str(), "r")) {
    if (std::fgets(line, sizeof line, pipe) == nullptr) line[0] = 0;
    pclose(pipe);
  }
  return std::string(line, std::strcspn(line, "\n"));
}

// The function that holds a place, by binutils' addr2line, which also knows those that a library does not export.
std::string name_of(const void* place) {
  Dl_info info{};
  if (dladdr(place, &info) == 0) return "?";
  char offset[32];
  std::snprintf(offset, sizeof offset, "%#tx", static_cast<const char*>(place) - static_cast<char*>(info.dli_fbase));
  unsetenv("LD_PRELOAD");
  std::string name = first_line_of("addr2line -fsC -e '" + std::string(info.dli_fname) + "' " + offset);
  for (const char* noise : {"heddle::cpu::", "heddle::", "(anonymous namespace)::", "void "}) {
    for (size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, std::string(noise).size());
  }
  return name.substr(0, std::min<size_t>(name.find('('), 44));
}

void Profile::print() const {
  if (first < 0) return;
  Site all;
  for (const auto& [place, site] : sites) {
    all.runs += site.runs;
    all.tasks += site.tasks;
    all.inside += site.inside;
    all.busy += site.busy;
    all.before += site.before;
    all.longest += site.longest;
    for (size_t i = 0; i < kCounts; ++i) all.on[i] += site.on[i];
  }
  const double wall = last - first;
  std::fprintf(stderr, "\npool profile: %.3f s from the first to the last run of the pool\n", wall);
  std::fprintf(stderr, "  outside of the pool %.2f %%, in tasks %.2f %%, handing over %.2f %% (%ld runs, %ld tasks)\n",
               100 * all.before / wall, 100 * all.busy / wall, 100 * std::max(0.0, all.inside - all.busy) / wall,
               all.runs, all.tasks);
  const double one = all.before + all.on[0];
  for (size_t i = 0; i < kCounts; ++i) {
    const double time = all.before + all.on[i];
    std::fprintf(stderr, "  %4d cores: %8.3f s, %5.1f x, outside of the pool %.1f %%\n", kCores[i], time, one / time,
                 100 * all.before / time);
  }
  std::fprintf(stderr, "%-46s %6s %8s %9s %9s %9s %9s %8s\n", "place", "time%", "runs", "tasks/run", "us/task",
               "longest", "before%", "x at 64");
  std::vector<std::pair<const void*, Site>> order(sites.begin(), sites.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second.inside + a.second.before > b.second.inside + b.second.before;
  });
  for (const auto& [place, site] : order) {
    if ((site.inside + site.before) / wall < 0.002) continue;
    const auto runs = static_cast<double>(site.runs);
    std::fprintf(stderr, "%-46s %6.2f %8ld %9.1f %9.1f %9.1f %9.2f %8.1f\n", name_of(place).c_str(),
                 100 * site.inside / wall, site.runs, static_cast<double>(site.tasks) / runs,
                 1e6 * site.busy / static_cast<double>(site.tasks), 1e6 * site.longest / runs, 100 * site.before / wall,
                 site.on[0] / site.on[6]);
  }
}

using Call = void (*)(void*, int64_t, int);
using Run = void (*)(heddle::ThreadPool*, int64_t, Call, void*);

struct Timed {
  Call call;
  void* self;
  std::vector<double> seconds;
};

thread_local bool in_task = false;

void timed_task(void* self, int64_t task, int worker) {
  Timed& timed = *static_cast<Timed*>(self);
  in_task = true;
  const double begin = now();
  timed.call(timed.self, task, worker);
  timed.seconds[static_cast<size_t>(task)] = std::max(0.0, now() - begin - reading());
  in_task = false;
}

}  // namespace

void heddle::ThreadPool::run_erased(int64_t tasks, Call call, void* self) {
  static const auto real = reinterpret_cast<Run>(dlsym(RTLD_NEXT, "_ZN6heddle10ThreadPool10run_erasedElPFvPvliES1_"));
  if (in_task || tasks <= 0) return real(this, tasks, call, self);
  if (const double since = elapsed(); since < profile().from || since > profile().to)
    return real(this, tasks, call, self);
  // Only the thread that was first to hand over work, and its pool: another one's clock has nothing to do with it.
  static const pthread_t owner = pthread_self();
  static const int workers = threads();
  if (owner != pthread_self() || workers != threads()) return real(this, tasks, call, self);
  if (workers > 1) task_clock = CLOCK_MONOTONIC;
  static thread_local Timed timed;
  timed.call = call;
  timed.self = self;
  timed.seconds.assign(static_cast<size_t>(tasks), 0.0);
  const double entered = now();
  real(this, tasks, timed_task, &timed);
  const double end = now();
  Profile& to = profile();
  Site& site = to.sites[__builtin_return_address(0)];
  if (to.first < 0) to.first = entered;
  else site.before += entered - to.last;
  site.runs += 1;
  site.tasks += tasks;
  site.inside += end - entered;
  double longest = 0;
  for (double second : timed.seconds) {
    site.busy += second;
    longest = std::max(longest, second);
  }
  site.longest += longest;
  // Every worker reads the start flag and takes itself off the count of busy ones, one behind the other; every task moves
  // the counter of tasks once.
  static const double transfer = line_transfer();
  for (size_t i = 0; i < kCounts; ++i) {
    const int cores = kCores[i];
    const bool shared = cores > 1 && tasks > 1;
    const double least = shared ? static_cast<double>(tasks) * transfer : 0;
    site.on[i] += std::max(least, makespan(timed.seconds, cores)) + (shared ? 2 * transfer * (cores - 1) : 0);
  }
  to.last = now();
}
