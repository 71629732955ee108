// ThreadPool: every task once, nesting, failures, several callers.
#include "core/compute/pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

#include "core/base/error.h"

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

}  // namespace
}  // namespace heddle
