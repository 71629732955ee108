// cross_entropy: loss against the oracle, gradients by finite differences and in closed form, threads, extremes.
#include "tests/ops/fixture.h"
#include "tests/ops/oracle.h"

namespace heddle::testing {
namespace {

struct LossCase {
  LossCase(int64_t tokens, int64_t items, int64_t d, bool with_bias)
      : hidden(tokens, d),
        table(items, d),
        bias(items),
        targets(tokens),
        dhidden(tokens, d),
        dtable(items, d),
        dbias(items) {
    hidden.random(1, -2, 2);
    table.random(2, -1, 1);
    bias.random(3);
    targets.random_below(4, -1, items);
    dtable.fill(0);
    dbias.fill(0);
    args = {};
    args.struct_size = sizeof args;
    args.scale = 1;
    args.hidden = hidden;
    args.table = table;
    args.bias = with_bias ? bias.dl() : nullptr;
    args.targets = targets;
    args.loss_sum = &loss;
    args.count = &count;
    args.dhidden = dhidden;
    args.dtable = dtable;
    args.dbias = with_bias ? dbias.dl() : nullptr;
  }
  double reference(const std::vector<double>& h, const std::vector<double>& t, const std::vector<double>& b) const {
    return oracle::cross_entropy(h, t, args.bias ? b : std::vector<double>{}, targets.values(), hidden.dim(1));
  }
  Guarded<float> hidden, table, bias;
  Guarded<int32_t> targets;
  Guarded<float> dhidden, dtable, dbias;
  double loss = -1;
  int64_t count = -1;
  heddle_cross_entropy args;
};

TEST(CrossEntropy, LossMatchesOracle) {
  for (int64_t items : {1, 2, 511, 512, 513, 1300}) {
    for (int64_t tokens : {1, 3, 65}) {
      for (bool bias : {false, true}) {
        for (bool gradients : {false, true}) {
          LossCase s(tokens, items, 7, bias);
          if (!gradients) s.args.dhidden = s.args.dtable = s.args.dbias = nullptr;
          run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
          const double want = s.reference(wide(s.hidden), wide(s.table), wide(s.bias));
          EXPECT_NEAR(s.loss, want, 2e-6 * want + 2e-6) << items << " " << tokens;
        }
      }
    }
  }
}

TEST(CrossEntropy, GradientsMatchFiniteDifferences) {
  for (bool bias : {false, true}) {
    LossCase s(9, 40, 5, bias);
    s.args.scale = 0.5;
    s.dtable.fill(1);
    run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
    ASSERT_GT(s.count, 0);
    const auto h = wide(s.hidden), t = wide(s.table), b = wide(s.bias);
    const double g = 0.5 / static_cast<double>(s.count);
    auto want_h = numeric_gradient(h, [&](const auto& x) { return g * s.reference(x, t, b); });
    auto want_t = numeric_gradient(t, [&](const auto& x) { return g * s.reference(h, x, b); });
    for (double& x : want_t) x += 1;
    EXPECT_CLOSE(s.dhidden, want_h, 2e-6);
    EXPECT_CLOSE(s.dtable, want_t, 2e-6);
    if (!bias) continue;
    EXPECT_CLOSE(s.dbias, numeric_gradient(b, [&](const auto& x) { return g * s.reference(h, t, x); }), 2e-6);
  }
}

// Analytic gradients in f64, for shapes with several chunks and blocks.
TEST(CrossEntropy, GradientsMatchOracleOverChunksAndBlocks) {
  const int64_t tokens = 601, items = 1100, d = 16;
  LossCase s(tokens, items, d, true);
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  std::vector<double> dh(static_cast<size_t>(tokens * d), 0), dt(static_cast<size_t>(items * d), 0),
      db(static_cast<size_t>(items), 0);
  for (int64_t r = 0; r < tokens; ++r) {
    if (s.targets[r] < 0) continue;
    std::vector<double> p(static_cast<size_t>(items));
    double sum = 0;
    for (int64_t v = 0; v < items; ++v) {
      double logit = s.bias[v];
      for (int64_t c = 0; c < d; ++c) logit += static_cast<double>(s.hidden[r * d + c]) * s.table[v * d + c];
      sum += p[v] = std::exp(logit);
    }
    for (int64_t v = 0; v < items; ++v) {
      const double delta = (p[v] / sum - (v == s.targets[r] ? 1 : 0)) / static_cast<double>(s.count);
      for (int64_t c = 0; c < d; ++c) {
        dh[r * d + c] += delta * s.table[v * d + c];
        dt[v * d + c] += delta * s.hidden[r * d + c];
      }
      db[v] += delta;
    }
  }
  EXPECT_CLOSE(s.dhidden, dh, 2e-6);
  EXPECT_CLOSE(s.dtable, dt, 2e-6);
  EXPECT_CLOSE(s.dbias, db, 2e-6);
}

TEST(CrossEntropy, HugeLogitsStayFinite) {
  LossCase s(4, 600, 3, false);
  for (int64_t i = 0; i < s.hidden.size(); ++i) s.hidden[i] *= 200;
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  const double want = s.reference(wide(s.hidden), wide(s.table), {});
  EXPECT_NEAR(s.loss, want, 1e-6 * want);
  for (int64_t i = 0; i < s.dtable.size(); ++i) EXPECT_TRUE(std::isfinite(s.dtable[i]));
}

TEST(CrossEntropy, NoTargetsGiveNothing) {
  LossCase s(5, 7, 3, false);
  s.targets.fill(-1);
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  EXPECT_EQ(s.loss, 0);
  EXPECT_EQ(s.count, 0);
  for (int64_t i = 0; i < s.dhidden.size(); ++i) EXPECT_EQ(s.dhidden[i], 0);
  for (int64_t i = 0; i < s.dtable.size(); ++i) EXPECT_EQ(s.dtable[i], 0);
}

TEST(CrossEntropy, NanShows) {
  LossCase s(5, 700, 3, false);
  s.targets.fill(2);
  s.table[600 * 3] = std::numeric_limits<float>::quiet_NaN();
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  EXPECT_FALSE(std::isfinite(s.loss));
}

TEST(CrossEntropy, SameBitsOnAnyNumberOfThreads) {
  LossCase s(700, 2500, 64, true);
  expect_same_bits_on_any_threads([&](Context& context) {
    s.dtable.fill(0);
    s.dbias.fill(0);
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
    std::vector<double> all = {s.loss};
    for (const auto* part : {&s.dhidden, &s.dtable, &s.dbias}) {
      const auto values = wide(*part);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  });
}

TEST(CrossEntropy, Bf16IsCloseToF32) {
  LossCase s(130, 900, 64, false);
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  const double exact = s.loss;
  const auto dh = wide(s.dhidden), dt = wide(s.dtable);
  s.dtable.fill(0);
  s.args.precision = HEDDLE_PRECISION_BF16;
  run([&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); });
  EXPECT_NEAR(s.loss, exact, 1e-2 * exact);
  EXPECT_CLOSE(s.dhidden, dh, 3e-2);
  EXPECT_CLOSE(s.dtable, dt, 3e-2);
}

TEST(CrossEntropy, WrongTargetsAreNamed) {
  LossCase s(5, 7, 3, false);
  s.targets.fill(7);
  EXPECT_EQ(
      run_failing(HEDDLE_OUT_OF_RANGE, [&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &s.args, e); }),
      "cross_entropy: targets[0] is 7; accepted: -1 to 6");
}

}  // namespace
}  // namespace heddle::testing
