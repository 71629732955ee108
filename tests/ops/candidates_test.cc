// sample_candidates: form of the rows, the draws of their definition, frequencies, edges; threads, wrong arguments.
#include <map>

#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

using testing::Guarded;
using testing::run_failing;

struct Draw {
  Draw(int64_t item_count, int64_t draw_count, std::vector<int32_t> row_targets, std::vector<float> item_weights = {})
      : targets(row_targets.size()), weights(item_weights.size()) {
    targets.set(row_targets);
    weights.set(item_weights);
    args = {sizeof args,
            0,
            item_count,
            draw_count,
            rng_key(7, RngPurpose::test),
            targets,
            item_weights.empty() ? nullptr : weights.dl(),
            nullptr};
  }
  Csr sample(Bench& bench) {
    args.codes = bench.codes;
    bench.ok(bench.ops().sample_candidates(bench.dc(), &args, bench.error));
    bench.expect_valid();
    return bench.csr();
  }
  Csr sample(int threads = 2) {
    Bench bench(threads);
    return sample(bench);
  }
  std::string fail(int32_t code) {
    Bench bench;
    args.codes = bench.codes;
    return run_failing(code, [&](auto& ops, void* dc, auto* e) { return ops.sample_candidates(dc, &args, e); });
  }
  Guarded<int32_t> targets;
  Guarded<float> weights;
  heddle_sample_candidates args{};
};

std::vector<int32_t> some_targets(int64_t rows, int64_t items) {
  std::vector<int32_t> targets;
  for (int64_t t = 0; t < rows; ++t) targets.push_back(t % 7 == 3 ? -1 : static_cast<int32_t>((t * 131) % items));
  return targets;
}

std::vector<float> some_weights(int64_t items) {
  std::vector<float> weights;
  for (int64_t j = 0; j < items; ++j) weights.push_back(j % 5 == 1 ? 0.0f : 1.0f / static_cast<float>(j + 1));
  return weights;
}

// The draws as the op states them: u of words 2i, 2i+1 of the row's stream through the inverse distribution function of
// the items other than the target.
std::map<int32_t, int64_t> expected_row(const Draw& d, int64_t t, int64_t target) {
  std::map<int32_t, int64_t> counts;
  const auto key = rng_substream(d.args.rng, static_cast<uint64_t>(t));
  for (int64_t i = 0; i < d.args.count; ++i) {
    const auto index = static_cast<uint64_t>(2 * i);
    const uint64_t word = philox_word(key, index) | (uint64_t{philox_word(key, index + 1)} << 32);
    const long double u = static_cast<long double>(d.args.weights ? word >> 11 << 11 : word) * 0x1p-64L;
    long double rest = 0, reached = 0;
    for (int64_t j = 0; j < d.args.items; ++j) rest += j == target ? 0 : d.args.weights ? d.weights[j] : 1.0f;
    int32_t chosen = -1;
    for (int64_t j = 0; j < d.args.items && chosen < 0; ++j) {
      reached += j == target ? 0 : d.args.weights ? d.weights[j] : 1.0f;
      if (reached > u * rest) chosen = static_cast<int32_t>(j);
    }
    ++counts[chosen];
  }
  counts[static_cast<int32_t>(target)] += 0;
  return counts;
}

TEST(SampleCandidates, RowsHoldTheirDrawsAndTheTarget) {
  for (int64_t items : {2, 3, 64, 65, 5000}) {
    for (bool weighted : {false, true}) {
      for (int64_t count : {0, 1, 16, 300}) {
        if (weighted && items == 2) continue;  // some_weights leaves one of them alone
        Draw d(items, count, some_targets(40, items), weighted ? some_weights(items) : std::vector<float>());
        const Csr c = d.sample();
        ASSERT_EQ(c.width, items);
        ASSERT_EQ(c.rows(), 40);
        for (int64_t t = 0; t < 40; ++t) {
          const int64_t begin = c.offsets[static_cast<size_t>(t)], end = c.offsets[static_cast<size_t>(t) + 1];
          std::map<int32_t, int64_t> got;
          for (int64_t e = begin; e < end; ++e)
            got[c.indices[static_cast<size_t>(e)]] = static_cast<int64_t>(c.values[static_cast<size_t>(e)]);
          const int32_t target = d.targets[t];
          EXPECT_EQ(got, target < 0 ? decltype(got)() : expected_row(d, t, target))
              << items << " items, row " << t << ", weights " << weighted;
        }
      }
    }
  }
}

// Every item is drawn as often as its share says: chi-squared over the items, mean and deviation known.
void expect_frequencies(int64_t items, int32_t target, const std::vector<float>& weights) {
  const int64_t rows = 400, count = 500;
  Draw d(items, count, std::vector<int32_t>(rows, target), weights);
  const Csr c = d.sample();
  std::vector<double> seen(static_cast<size_t>(items));
  for (size_t e = 0; e < c.indices.size(); ++e) seen[static_cast<size_t>(c.indices[e])] += c.values[e];
  double total = 0, chi = 0;
  for (int64_t j = 0; j < items; ++j) total += j == target ? 0 : weights.empty() ? 1 : weights[static_cast<size_t>(j)];
  int64_t cells = 0;
  for (int64_t j = 0; j < items; ++j) {
    const double weight = j == target ? 0 : weights.empty() ? 1 : weights[static_cast<size_t>(j)];
    const double want = static_cast<double>(rows * count) * weight / total, got = seen[static_cast<size_t>(j)];
    if (weight == 0) {
      EXPECT_EQ(got, 0) << j;
      continue;
    }
    chi += (got - want) * (got - want) / want;
    ++cells;
  }
  const double freedom = static_cast<double>(cells - 1);
  EXPECT_LT(std::abs(chi - freedom), 4 * std::sqrt(2 * freedom)) << chi << " at " << freedom << " degrees";
}

TEST(SampleCandidates, FrequenciesAreTheShares) {
  expect_frequencies(50, 17, {});
  expect_frequencies(1000, 0, {});
  expect_frequencies(50, 17, some_weights(50));
  expect_frequencies(50, 0, some_weights(50));   // the heaviest
  expect_frequencies(50, 21, some_weights(50));  // one that has no weight itself
  expect_frequencies(400, 399, some_weights(400));
}

TEST(SampleCandidates, ExtremeWeights) {
  // Nearly all weight on the target: "a draw of the target is repeated" would take for ever.
  Draw heavy(5, 100, {1, 1, 0}, {1e-30f, 1e30f, 0, 2e-30f, 0});
  const Csr c = heavy.sample();
  for (size_t t = 0; t < 2; ++t) {
    double sum = 0;
    for (auto e = static_cast<size_t>(c.offsets[t]); e < static_cast<size_t>(c.offsets[t + 1]); ++e) {
      EXPECT_TRUE(c.indices[e] == 0 || c.indices[e] == 3 || (c.indices[e] == 1 && c.values[e] == 0)) << c.indices[e];
      sum += c.values[e];
    }
    EXPECT_EQ(sum, 100);
  }
  ASSERT_EQ(c.offsets[3] - c.offsets[2], 2);  // beside item 0 the heavy one takes every draw
  EXPECT_EQ(c.values[static_cast<size_t>(c.offsets[2]) + 1], 100);
  // The last two items, and one of them the target.
  Draw last(4, 50, {3, 2}, {0, 0, 1, 3});
  const Csr l = last.sample();
  EXPECT_EQ(l.indices, (std::vector<int32_t>{2, 3, 2, 3}));
  EXPECT_EQ(l.values, (std::vector<float>{50, 0, 0, 50}));
}

TEST(SampleCandidates, RowsDependOnTheirPlaceAndTheKeyAlone) {
  const auto targets = some_targets(200, 700);
  Draw all(700, 64, targets), few(700, 64, {targets.begin(), targets.begin() + 70});
  const Csr a = all.sample(), b = few.sample();
  const auto n = static_cast<size_t>(a.offsets[70]);
  EXPECT_EQ(b.indices, std::vector<int32_t>(a.indices.begin(), a.indices.begin() + static_cast<int64_t>(n)));
  EXPECT_EQ(b.values, std::vector<float>(a.values.begin(), a.values.begin() + static_cast<int64_t>(n)));
  Draw other(700, 64, targets);
  other.args.rng.stream ^= 1;
  EXPECT_NE(other.sample(), a);
}

TEST(SampleCandidates, SameBitsOnAnyNumberOfThreadsAndWithUsedCodes) {
  for (bool weighted : {false, true}) {
    Draw d(3000, 200, some_targets(333, 3000), weighted ? some_weights(3000) : std::vector<float>());
    const Csr expected = d.sample(1);
    for (int threads : kThreads) EXPECT_EQ(d.sample(threads), expected) << threads;
    Bench used;
    used.from_dense(sparse_matrix(1, 500, 90, 0.3));
    EXPECT_EQ(d.sample(used), expected);
    EXPECT_EQ(d.sample(used), expected);
  }
}

TEST(SampleCandidates, WrongArgumentsAreNamed) {
  EXPECT_EQ(Draw(1, 4, {0}).fail(HEDDLE_INVALID_ARGUMENT),
            "sample_candidates: 1 items; accepted: 2 to 2^31-1, so that there is one beside the target");
  EXPECT_EQ(Draw(5, -1, {0}).fail(HEDDLE_INVALID_ARGUMENT), "sample_candidates: count is -1; accepted: 0 to 2^24");
  EXPECT_EQ(Draw(5, 1, {2, 5}).fail(HEDDLE_OUT_OF_RANGE), "sample_candidates: targets[1] is 5; accepted: -1 to 4");
  EXPECT_EQ(Draw(3, 1, {2}, {1, -1, 2}).fail(HEDDLE_INVALID_ARGUMENT),
            "sample_candidates: weights[1] is -1; accepted: finite numbers >= 0");
  EXPECT_EQ(Draw(3, 1, {2}, {0, 0, 2}).fail(HEDDLE_INVALID_ARGUMENT),
            "sample_candidates: 1 of the 3 weights are > 0; accepted: two or more");
  EXPECT_EQ(Draw(3, 1, {2}, {1, 2}).fail(HEDDLE_INVALID_ARGUMENT),
            "sample_candidates: weights is f32 [2]; accepted: f32 [3]");
}

}  // namespace
}  // namespace heddle::sparse_test
