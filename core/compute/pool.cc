#include "core/compute/pool.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/threads.h"

namespace heddle {
namespace {

// Set inside a task. Per pool: a task of one device may use another device.
thread_local const ThreadPool* current_pool = nullptr;
thread_local int current_worker = -1;

// About 10 to 40 microseconds: longer than the gap between two small ops, shorter than a wake-up would cost.
constexpr int kSpins = 1000;

template <class F>
bool spin_until(F&& done) {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
    __builtin_ia32_pause();
  }
  return false;
}

class InTask {
 public:
  InTask(const ThreadPool* pool, int worker) : pool_before_(current_pool), worker_before_(current_worker) {
    current_pool = pool;
    current_worker = worker;
  }
  ~InTask() {
    current_pool = pool_before_;
    current_worker = worker_before_;
  }

 private:
  const ThreadPool* pool_before_;
  int worker_before_;
};

void end(std::vector<std::thread>& workers, std::atomic<bool>& stop, std::mutex& mutex,
         std::condition_variable& start) {
  {
    std::lock_guard lock(mutex);
    stop = true;
  }
  start.notify_all();
  for (std::thread& worker : workers) worker.join();
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads < 1) fail(HEDDLE_INVALID_ARGUMENT, "thread pool: {} threads; accepted: 1 or more", threads);
  // With more threads than processors, spinning would take time from those who work.
  spin_ = threads <= available_processors();
  workers_.reserve(static_cast<size_t>(threads - 1));
  try {
    const SignalsBlocked blocked;
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { loop(worker); });
  } catch (const std::exception& error) {
    end(workers_, stop_, mutex_, start_);
    fail(HEDDLE_RESOURCE_EXHAUSTED, "thread pool: {} threads wanted, {} to be had: {}", threads, this->threads(),
         error.what());
  }
}

ThreadPool::~ThreadPool() { end(workers_, stop_, mutex_, start_); }

void ThreadPool::loop(int worker) {
  uint64_t seen = 0;
  for (;;) {
    if (!spin_ || !spin_until([&] { return started(seen); })) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return started(seen); });
    }
    if (stop_) return;
    seen = generation_.load(std::memory_order_acquire);
    work(worker);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      std::lock_guard lock(mutex_);  // the caller is either before its test of busy_ or waiting: no wake-up is lost
      done_.notify_one();
    }
  }
}

void ThreadPool::work(int worker) {
  InTask in_task(this, worker);
  for (;;) {
    // Whatever is taken is run: so every index below a failing one has run too, and the lowest failure is always found.
    if (failed_.load(std::memory_order_relaxed)) return;
    const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    try {
      call_(self_, task, worker);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!failure_ || task < failed_index_) {
        failure_ = std::current_exception();
        failed_index_ = task;
      }
      failed_.store(true, std::memory_order_relaxed);
    }
  }
}

void ThreadPool::run_erased(int64_t tasks, Call call, void* self) {
  if (tasks <= 0) return;
  if (current_pool == this) {  // nested: inline
    for (int64_t task = 0; task < tasks; ++task) call(self, task, current_worker);
    return;
  }
  std::lock_guard one_caller(callers_);
  if (tasks == 1 || workers_.empty()) {
    InTask in_task(this, 0);
    for (int64_t task = 0; task < tasks; ++task) call(self, task, 0);
    return;
  }
  call_ = call;
  self_ = self;
  tasks_ = tasks;
  failure_ = nullptr;
  failed_ = false;
  next_ = 0;
  busy_ = static_cast<int>(workers_.size());
  {
    std::lock_guard lock(mutex_);  // a worker between its test and its sleep must not miss this
    generation_.fetch_add(1, std::memory_order_release);
  }
  start_.notify_all();
  work(0);
  const auto idle = [&] { return busy_.load(std::memory_order_acquire) == 0; };
  if (!spin_ || !spin_until(idle)) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, idle);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace heddle
