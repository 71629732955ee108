// A fixed set of threads that runs index ranges. Tasks are handed out in index order by an atomic counter, so results
// must not depend on who runs what: every op splits by shape alone and reduces partial results in index order.
//
// Owned by the CPU device. run() may be called by several threads, one at a time wins, the others wait; the caller
// works too, as worker 0. A run() inside a task runs inline on the same worker. The exception of the lowest failing
// index is rethrown in the caller; later tasks may be skipped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace heddle {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // >= 1, the caller of run() included
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(task) or f(task, worker) for task in [0,tasks), worker in [0,threads()).
  template <class F>
  void run(int64_t tasks, F&& f) {
    run_erased(
        tasks,
        [](void* self, int64_t task, int worker) {
          auto& function = *static_cast<std::remove_reference_t<F>*>(self);
          if constexpr (std::is_invocable_v<F&, int64_t, int>) {
            function(task, worker);
          } else {
            function(task);
            (void)worker;
          }
        },
        const_cast<void*>(static_cast<const void*>(&f)));
  }

 private:
  using Call = void (*)(void*, int64_t, int);
  void run_erased(int64_t tasks, Call call, void* self);
  void work(int worker);
  void loop(int worker);

  bool started(uint64_t seen) const { return generation_.load(std::memory_order_acquire) != seen || stop_; }

  std::vector<std::thread> workers_;
  bool spin_ = false;   // wait actively for a moment before sleeping
  std::mutex callers_;  // one run at a time
  std::mutex mutex_;    // with start_ and done_; guards failure_ and failed_index_
  std::condition_variable start_, done_;
  // Written by the caller before generation_ moves on, read by workers after they saw it move.
  Call call_ = nullptr;
  void* self_ = nullptr;
  int64_t tasks_ = 0;
  int64_t failed_index_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<uint64_t> generation_{0};
  alignas(64) std::atomic<int> busy_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace heddle
