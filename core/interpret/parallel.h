// Runs a range of independent tasks on the threads of a device: the CPU device's own pool, else threads of the host.
// Each thread makes one state and takes tasks until none is left, so states never show in results.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/pool.h"

namespace heddle {

// make() -> state; body(state, index) for index in [0, n). The error of the lowest failing index is rethrown.
template <class Make, class Body>
void run_parallel(Context& context, int64_t n, Make&& make, Body&& body) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  int64_t failed = n;
  auto work = [&] {
    int64_t index = -1;
    try {
      auto state = make();
      while ((index = next.fetch_add(1)) < n) {
        if ((index & 63) == 0) throw_if_cancelled();
        body(state, index);
      }
    } catch (...) {
      std::lock_guard lock(mutex);
      if (index < failed) {
        failed = index;
        failure = std::current_exception();
      }
      next.store(n);  // later tasks need not run
    }
  };
  using Work = decltype(work);
  if (context.device().is_cpu()) {
    ErrorBuffer error;
    const auto call = [](void* self, int64_t, heddle_error*) -> int32_t {
      (*static_cast<Work*>(self))();
      return HEDDLE_OK;
    };
    check(context.ops().parallel_for(context.handle(), context.device().threads(), call, &work, error), error,
          "parallel_for");
  } else {
    ThreadPool pool(available_processors());
    pool.run(pool.threads(), [&](int64_t) { work(); });
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace heddle
