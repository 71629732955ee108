// gather_rows, scatter_add_rows, normalize_rows and the reductions: oracle, order of additions, threads.
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

TEST(GatherRows, CopiesAndChecksIndices) {
  for (int64_t width : {0, 1, 7, 64}) {
    Guarded<float> table(31, width), out(500, width);
    Guarded<int32_t> index(500);
    table.random(1);
    index.random_below(2, 0, 31);
    run([&](auto& ops, void* dc, auto* e) { return ops.gather_rows(dc, table, index, out, e); });
    for (int64_t t = 0; t < 500; ++t) {
      for (int64_t c = 0; c < width; ++c) ASSERT_EQ(out[t * width + c], table[index[t] * width + c]);
    }
    index[3] = 31;
    EXPECT_EQ(run_failing(HEDDLE_OUT_OF_RANGE,
                          [&](auto& ops, void* dc, auto* e) { return ops.gather_rows(dc, table, index, out, e); }),
              "gather_rows: index[3] is 31; accepted: 0 to 30");
  }
}

TEST(ScatterAddRows, AddsInAscendingOrderWithoutLoss) {
  for (int64_t width : {1, 5, 64}) {
    const int64_t count = 3000, rows = 97;
    Guarded<float> from(count, width), table(rows, width);
    Guarded<int32_t> index(count);
    from.random(1);
    index.random_below(2, 0, rows);
    table.random(3);
    auto want = table.values();
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t c = 0; c < width; ++c) want[index[t] * width + c] += from[t * width + c];
    }
    run([&](auto& ops, void* dc, auto* e) { return ops.scatter_add_rows(dc, from, index, table, e); });
    EXPECT_EQ(table.values(), want);  // bit for bit: the order is part of the promise
  }
  Guarded<float> none(0, 4), table(3, 4);
  Guarded<int32_t> index(0);
  table.fill(1);
  run([&](auto& ops, void* dc, auto* e) { return ops.scatter_add_rows(dc, none, index, table, e); });
}

TEST(NormalizeRows, UnitNormAndZeroRows) {
  for (int64_t n : {1, 3, 64, 131}) {
    Guarded<float> x(300, n);
    x.random(1, -3, 3);
    for (int64_t i = 0; i < n; ++i) {
      x[5 * n + i] = 0;
      x[6 * n + i] *= 1e-25f;
      x[7 * n + i] *= 1e25f;
    }
    auto want = wide(x);
    for (int64_t r = 0; r < 300; ++r) {
      double square = 0;
      for (int64_t i = 0; i < n; ++i) square += want[r * n + i] * want[r * n + i];
      for (int64_t i = 0; i < n && square > 0; ++i) want[r * n + i] /= std::sqrt(square);
    }
    run([&](auto& ops, void* dc, auto* e) { return ops.normalize_rows(dc, x, e); });
    EXPECT_CLOSE(x, want, 1e-6);
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(x[5 * n + i], 0);
  }
}

TEST(SumRows, MatchesOracleAndAccumulates) {
  for (int64_t n : {1, 7, 64, 300}) {
    for (int64_t rows : {0, 1, 63, 5000}) {
      Guarded<float> x(rows, n), out(n);
      x.random(1, 0, 1);
      out.fill(2);
      std::vector<double> want(static_cast<size_t>(n), 2);
      for (int64_t i = 0; i < rows * n; ++i) want[i % n] += x[i];
      run([&](auto& ops, void* dc, auto* e) { return ops.sum_rows(dc, x, out, e); });
      EXPECT_CLOSE(out, want, 1e-7);
    }
  }
}

TEST(ColumnMoments, KeepDigitsFarFromZero) {
  for (int64_t n : {1, 5, 64}) {
    const int64_t rows = 3001;
    Guarded<float> x(rows, n), mean(n), variance(n);
    x.random(1, 1000, 1001);
    std::vector<double> want_mean(static_cast<size_t>(n)), want_variance(static_cast<size_t>(n));
    for (int64_t i = 0; i < rows * n; ++i) want_mean[i % n] += x[i] / static_cast<double>(rows);
    for (int64_t i = 0; i < rows * n; ++i)
      want_variance[i % n] += std::pow(x[i] - want_mean[i % n], 2) / static_cast<double>(rows);
    run([&](auto& ops, void* dc, auto* e) { return ops.column_moments(dc, x, mean, variance, e); });
    EXPECT_CLOSE(mean, want_mean, 1e-7);
    EXPECT_CLOSE(variance, want_variance, 1e-6);
    run([&](auto& ops, void* dc, auto* e) { return ops.column_moments(dc, x, nullptr, variance, e); });
    run([&](auto& ops, void* dc, auto* e) { return ops.column_moments(dc, x, mean, nullptr, e); });
  }
}

TEST(SumSquares, MatchesOracle) {
  for (int64_t n : {0, 1, 17, 50001}) {
    Guarded<float> x(n);
    x.random(1);
    double want = 0, got = -1;
    for (int64_t i = 0; i < n; ++i) want += static_cast<double>(x[i]) * x[i];
    run([&](auto& ops, void* dc, auto* e) { return ops.sum_squares(dc, x, &got, e); });
    EXPECT_NEAR(got, want, 1e-12 * want);
  }
}

TEST(Reductions, SameBitsOnAnyNumberOfThreads) {
  Guarded<float> x(10007, 33), out(33), mean(33), variance(33);
  x.random(1);
  expect_same_bits_on_any_threads([&](Context& context) {
    out.fill(0);
    double squares = 0;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.sum_rows(dc, x, out, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.column_moments(dc, x, mean, variance, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.sum_squares(dc, x, &squares, e); });
    auto all = wide(out);
    for (const auto* part : {&mean, &variance}) {
      const auto values = wide(*part);
      all.insert(all.end(), values.begin(), values.end());
    }
    all.push_back(squares);
    return all;
  });
}

}  // namespace
}  // namespace heddle::testing
