// ThreadPool: every task once, nesting, failures, several callers.
#include "core/compute/pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "tests/unit/few_threads.h"

namespace heddle {
namespace {

TEST(ThreadPool, EveryTaskRunsOnce) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {0, 1, 2, 1000}) {
      std::vector<int> seen(static_cast<size_t>(tasks), 0);
      pool.run(tasks, [&](int64_t task, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, threads);
        ++seen[static_cast<size_t>(task)];
      });
      EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), int64_t{0}), tasks);
    }
  }
}

TEST(ThreadPool, NestedRunsAreInlineOnTheSameWorker) {
  ThreadPool pool(3);
  std::vector<int> inner(30, 0);
  pool.run(10, [&](int64_t outer, int worker) {
    pool.run(3, [&](int64_t i, int nested) {
      EXPECT_EQ(nested, worker);
      ++inner[static_cast<size_t>(outer * 3 + i)];
    });
  });
  EXPECT_EQ(inner, std::vector<int>(30, 1));
}

TEST(ThreadPool, ATaskMayUseAnotherPool) {
  ThreadPool outer(4), inner(2);
  std::vector<int> seen(80, 0);
  outer.run(8, [&](int64_t task, int) {
    inner.run(10, [&](int64_t i, int worker) {
      EXPECT_LT(worker, 2);
      ++seen[static_cast<size_t>(task * 10 + i)];
    });
    outer.run(1, [](int64_t) {});
  });
  EXPECT_EQ(seen, std::vector<int>(80, 1));
}

TEST(ThreadPool, TheLowestFailureIsReported) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    try {
      pool.run(200, [](int64_t task) {
        if (task >= 17) fail(HEDDLE_INTERNAL, "task {}", task);
      });
      FAIL();
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "task 17");
    }
  }
  int64_t done = 0;
  pool.run(1, [&](int64_t) { ++done; });
  EXPECT_EQ(done, 1) << "usable after a failure";
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<int64_t> sums(4, 0);
  std::vector<std::thread> callers;
  for (size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 100; ++round) {
        std::vector<int64_t> parts(50);
        pool.run(50, [&](int64_t task) { parts[static_cast<size_t>(task)] = task; });
        sums[c] += std::accumulate(parts.begin(), parts.end(), int64_t{0});
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<int64_t>(4, 100 * 50 * 49 / 2));
}

TEST(ThreadPool, RefusesNoThreads) { EXPECT_THROW(ThreadPool(0), Error); }

bool takes_signals() {
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return sigismember(&blocked, SIGINT) == 0;
}

TEST(ThreadPool, ThreadsThatCannotBeMadeAreAnError) {
  if (!test::address_space_limited) GTEST_SKIP() << "sanitizers do not live under a limit of address space";
  std::string message;
  int32_t code = HEDDLE_OK;
  {
    const test::FewThreads few;
    try {
      ThreadPool pool(test::FewThreads::many);
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    }
  }
  EXPECT_EQ(code, HEDDLE_RESOURCE_EXHAUSTED);
  EXPECT_EQ(message.rfind("thread pool: 100 threads wanted, ", 0), 0u) << message;
  EXPECT_TRUE(takes_signals());
  ThreadPool pool(3);
  int64_t done = 0;
  pool.run(1, [&](int64_t) { ++done; });
  EXPECT_EQ(done, 1);
}

TEST(Threads, WorkIsDoneByThoseThatCanBeMade) {
  std::atomic<int64_t> next{0}, sum{0}, with_signals{0};
  const auto caller = std::this_thread::get_id();
  const auto work = [&] {
    if (std::this_thread::get_id() != caller && takes_signals()) ++with_signals;
    for (int64_t i; (i = next.fetch_add(1)) < 1000;) sum += i;
  };
  run_on_threads(3, work);
  EXPECT_EQ(sum, 1000 * 999 / 2);
  next = sum = 0;
  {
    const test::FewThreads few;
    run_on_threads(test::address_space_limited ? test::FewThreads::many : 4, work);
  }
  EXPECT_EQ(sum, 1000 * 999 / 2);
  EXPECT_EQ(with_signals, 0);
  EXPECT_TRUE(takes_signals());
}

TEST(Threads, ProcessorsAreThoseThatTheProcessMayUse) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const int processors = available_processors();
  set_threads(0);
  const int32_t used = threads();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  set_threads(0);
  EXPECT_EQ(processors, 1);
  EXPECT_EQ(used, 1);
  EXPECT_EQ(threads(), available_processors());
}

}  // namespace
}  // namespace heddle
