#include "core/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace heddle {
namespace {

int32_t available() { return std::min(available_processors(), 4096); }

int32_t& count() {
  static int32_t the_count = available();
  return the_count;
}

}  // namespace

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void set_threads(int64_t threads) {
  const int32_t wanted = threads <= 0 ? available() : static_cast<int32_t>(std::min<int64_t>(threads, 4096));
  std::atomic_ref(count()).store(wanted, std::memory_order_relaxed);
}

int32_t threads() { return std::atomic_ref(count()).load(std::memory_order_relaxed); }

void run_on_threads(int64_t count, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      std::lock_guard lock(mutex);
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;  // joined at the end of the scope
    try {
      const SignalsBlocked blocked;
      for (int64_t i = 1; i < count; ++i) helpers.emplace_back(guarded);
    } catch (const std::exception&) {
      // No more threads to be had: those there are do all.
    }
    guarded();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

const int32_t* threads_address() { return &count(); }

}  // namespace heddle
