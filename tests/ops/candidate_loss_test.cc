// candidate_loss: f64 oracle, finite differences, extreme scores, the estimate that log-Q correction makes of the full
// softmax, threads, wrong arguments.
#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

using testing::Guarded;
using testing::numeric_gradient;
using testing::relative_error;
using testing::run_failing;
using testing::wide;

double softplus(double s) { return s > 0 ? s + std::log1p(std::exp(-s)) : std::log1p(std::exp(s)); }

// Candidates of a few rows, with logits of their own.
struct World {
  static constexpr int64_t kItems = 90;
  explicit World(int64_t rows, int64_t draws = 40, double spread = 3, int threads = 2)
      : targets(rows), corrections(kItems), bench(threads) {
    for (int64_t t = 0; t < rows; ++t) targets[t] = t % 5 == 2 ? -1 : static_cast<int32_t>((t * 37) % kItems);
    const heddle_sample_candidates draw{sizeof draw, 0,       kItems,     draws, rng_key(3, RngPurpose::test),
                                        targets,     nullptr, bench.codes};
    bench.ok(bench.ops().sample_candidates(bench.dc(), &draw, bench.error));
    codes = bench.csr();
    logits = std::make_unique<Guarded<float>>(bench.codes->nnz);
    dlogits = std::make_unique<Guarded<float>>(bench.codes->nnz);
    logits->random(4, -spread, spread);
    corrections.random(5, -2, 1);
  }
  heddle_candidate_loss args(int32_t kind, double scale = 1, double power = 1) {
    return {sizeof(heddle_candidate_loss),
            0,
            kind,
            0,
            scale,
            power,
            bench.codes,
            targets,
            *logits,
            corrections,
            &loss_sum,
            &count,
            *dlogits};
  }
  void compute(const heddle_candidate_loss& a) { bench.ok(bench.ops().candidate_loss(bench.dc(), &a, bench.error)); }
  // The sum of the loss over all rows, as abi/ops.h has it.
  double oracle(int32_t kind, double power, bool corrected, const std::vector<double>& s) const {
    double sum = 0;
    for (int64_t t = 0; t < codes.rows(); ++t) {
      if (targets[t] < 0) continue;
      const auto begin = static_cast<size_t>(codes.offsets[static_cast<size_t>(t)]);
      const auto end = static_cast<size_t>(codes.offsets[static_cast<size_t>(t) + 1]);
      double own = 0, others = 0;
      for (size_t e = begin; e < end; ++e)
        if (codes.indices[e] == targets[t]) own = s[e];
      if (kind == HEDDLE_CANDIDATES_BINARY) {
        for (size_t e = begin; e < end; ++e) others += codes.values[e] * softplus(s[e]);
        sum += power * softplus(-own) + others;
      } else {
        double top = own;
        for (size_t e = begin; e < end; ++e) top = std::max(top, s[e] + 3);
        for (size_t e = begin; e < end; ++e)
          others += codes.values[e] * std::exp(s[e] - (corrected ? corrections[codes.indices[e]] : 0.0f) - top);
        sum += top + std::log(std::exp(own - top) + others) - own;
      }
    }
    return sum;
  }
  Guarded<int32_t> targets;
  Guarded<float> corrections;
  Bench bench;
  Csr codes;
  std::unique_ptr<Guarded<float>> logits, dlogits;
  double loss_sum = -1;
  int64_t count = -1;
};

TEST(CandidateLoss, MatchesOracleAndFiniteDifferences) {
  for (int32_t kind : {HEDDLE_CANDIDATES_BINARY, HEDDLE_CANDIDATES_SOFTMAX}) {
    for (double power : {1.0, 0.3}) {
      for (bool corrected : {false, true}) {
        for (int64_t draws : {0, 1, 40, 300}) {
          World w(13, draws);
          const double scale = 0.7;
          auto args = w.args(kind, scale, power);
          if (!corrected) args.corrections = nullptr;
          w.compute(args);
          EXPECT_EQ(w.count, 10);
          const auto loss = [&](const std::vector<double>& s) { return w.oracle(kind, power, corrected, s); };
          const auto s = wide(*w.logits);
          if (kind == HEDDLE_CANDIDATES_SOFTMAX && draws == 0) {  // nothing beside the target: certain
            EXPECT_EQ(w.loss_sum, 0);
            for (float g : w.dlogits->values()) EXPECT_EQ(g, 0);
            continue;
          }
          EXPECT_NEAR(w.loss_sum, loss(s), 2e-6 * std::abs(loss(s)) + 1e-6);
          auto gradient = numeric_gradient(s, loss);
          for (double& g : gradient) g *= scale / 10;
          EXPECT_LE(relative_error(*w.dlogits, gradient), 2e-6) << kind << " " << power << corrected << " " << draws;
        }
      }
    }
  }
}

TEST(CandidateLoss, LossAloneIsTheSame) {
  World w(29);
  for (int32_t kind : {HEDDLE_CANDIDATES_BINARY, HEDDLE_CANDIDATES_SOFTMAX}) {
    auto args = w.args(kind);
    w.compute(args);
    const double with = w.loss_sum;
    args.dlogits = nullptr;
    w.compute(args);
    EXPECT_EQ(w.loss_sum, with);
  }
}

TEST(CandidateLoss, ExtremeScoresStayFinite) {
  for (int32_t kind : {HEDDLE_CANDIDATES_BINARY, HEDDLE_CANDIDATES_SOFTMAX}) {
    World w(40, 30, 1e4);
    w.compute(w.args(kind));
    const double want = w.oracle(kind, 1, true, wide(*w.logits));
    EXPECT_NEAR(w.loss_sum, want, 1e-6 * want);
    for (float g : w.dlogits->values()) {
      EXPECT_TRUE(std::isfinite(g));
      EXPECT_LE(std::abs(g), 30.0f / static_cast<float>(w.count));
    }
  }
}

TEST(CandidateLoss, NoRowsAndNoTargets) {
  for (int64_t rows : {0, 3}) {
    World w(rows);
    w.targets.fill(-1);
    w.compute(w.args(HEDDLE_CANDIDATES_SOFTMAX));
    EXPECT_EQ(w.loss_sum, 0);
    EXPECT_EQ(w.count, 0);
    for (float g : w.dlogits->values()) EXPECT_EQ(g, 0);  // entries of rows that have lost their target
  }
}

// With corrections log(count q_j) the partition function over the candidates has that of all items as its mean.
TEST(CandidateLoss, CorrectedSoftmaxEstimatesTheFullOne) {
  constexpr int64_t items = 60, rows = 4000, draws = 200;
  Guarded<int32_t> targets(rows);
  targets.fill(11);
  Guarded<float> scores(items), weights(items), corrections(items);
  scores.random(1, -2, 2);
  weights.random(2, 0.2, 3);
  double total = 0, full = 0;
  for (int64_t j = 0; j < items; ++j) {
    total += j == 11 ? 0 : weights[j];
    full += std::exp(static_cast<double>(scores[j]));
  }
  for (int64_t j = 0; j < items; ++j)
    corrections[j] = static_cast<float>(std::log(draws * static_cast<double>(weights[j]) / total));
  Bench b;
  const heddle_sample_candidates draw{sizeof draw, 0,       items,  draws, rng_key(3, RngPurpose::test),
                                      targets,     weights, b.codes};
  b.ok(b.ops().sample_candidates(b.dc(), &draw, b.error));
  Guarded<float> logits(b.codes->nnz), dlogits(b.codes->nnz);
  for (int64_t e = 0; e < logits.size(); ++e) logits[e] = scores[b.codes->indices[e]];
  double loss = 0;
  int64_t count = 0;
  const heddle_candidate_loss args{
      sizeof args, 0,      HEDDLE_CANDIDATES_SOFTMAX, 0, 1, 1, b.codes, targets, logits, corrections, &loss,
      &count,      dlogits};
  b.ok(b.ops().candidate_loss(b.dc(), &args, b.error));
  // E log Z = log Z - Var Z / (2 Z^2): below half a hundredth here.
  EXPECT_NEAR(loss / rows, std::log(full) - static_cast<double>(scores[11]), 0.01);
  // And its gradient estimates the full one: softmax - 1 at the target.
  std::vector<double> mean(items);
  for (int64_t e = 0; e < dlogits.size(); ++e) mean[static_cast<size_t>(b.codes->indices[e])] += dlogits[e];
  for (int64_t j = 0; j < items; ++j) {
    const double want = std::exp(static_cast<double>(scores[j])) / full - (j == 11);
    EXPECT_NEAR(mean[static_cast<size_t>(j)], want, 0.003) << j;
  }
}

TEST(CandidateLoss, SameBitsOnAnyNumberOfThreads) {
  for (int32_t kind : {HEDDLE_CANDIDATES_BINARY, HEDDLE_CANDIDATES_SOFTMAX}) {
    std::vector<float> expected;
    double loss = 0;
    for (int threads : kThreads) {
      World w(400, 70, 3, threads);
      w.compute(w.args(kind));
      if (expected.empty()) expected = w.dlogits->values(), loss = w.loss_sum;
      EXPECT_EQ(w.dlogits->values(), expected) << threads;
      EXPECT_EQ(w.loss_sum, loss) << threads;
    }
  }
}

TEST(CandidateLoss, WrongArgumentsAreNamed) {
  World w(4);
  const auto message = [&](int32_t code, auto&& spoil) {
    auto args = w.args(HEDDLE_CANDIDATES_BINARY);
    spoil(args);
    return run_failing(code, [&](auto& ops, void* dc, auto* e) { return ops.candidate_loss(dc, &args, e); });
  };
  EXPECT_EQ(message(HEDDLE_INVALID_ARGUMENT, [](auto& a) { a.kind = 2; }),
            "candidate_loss: kind is 2; accepted: 0 (binary), 1 (softmax)");
  EXPECT_EQ(message(HEDDLE_INVALID_ARGUMENT, [](auto& a) { a.count = nullptr; }),
            "candidate_loss: loss_sum or count is null");
  const int32_t kept = w.targets[1];
  w.targets[1] = 90;
  EXPECT_EQ(message(HEDDLE_OUT_OF_RANGE, [](auto&) {}), "candidate_loss: targets[1] is 90; accepted: -1 to 89");
  w.targets[1] = kept;
  w.targets[2] = 5;  // an empty row
  EXPECT_EQ(message(HEDDLE_INVALID_ARGUMENT, [](auto&) {}),
            "candidate_loss: row 2 does not hold its target 5; accepted: codes of sample_candidates");
}

}  // namespace
}  // namespace heddle::sparse_test
