// Ranking metrics against RePlay's own code (replay-rec 0.22, ranking_parity.py): the same scores, seen items and
// targets, many of the scores tied. Ours go through top_n, the host and the metric plugins; theirs sort for themselves.
// The worked examples of the metrics are in tests/unit/sdk/ranking_metrics_test.cc; here is one by hand with ties.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/compute/tensor.h"
#include "core/plugin/registry.h"
#include "core/train/ranking_metric.h"
#include "tests/parity/peers.h"

namespace heddle {
namespace {

constexpr const char* kPerUser[] = {"ndcg", "hit_rate", "mrr", "recall", "map", "precision"};

// Scores of users over a catalogue, what they have seen, and what they are to be shown.
struct Questions {
  int64_t users = 0, items = 0;
  std::vector<float> scores;
  std::vector<std::vector<int32_t>> seen, targets;
  std::vector<uint8_t> counted;
};

// The k best unseen items per user, by the op that makes every list.
std::vector<int32_t> best(const Questions& q, int64_t k) {
  const auto device = Device::cpu({2, "auto"});
  Context context(*device);
  std::vector<int64_t> offsets{0};
  std::vector<int32_t> seen, items(static_cast<size_t>(q.users * k));
  std::vector<float> scores = q.scores, top(items.size());
  for (const auto& of_user : q.seen) {
    seen.insert(seen.end(), of_user.begin(), of_user.end());
    offsets.push_back(static_cast<int64_t>(seen.size()));
  }
  auto all = view(scores.data(), q.users, q.items), best_scores = view(top.data(), q.users, k),
       best_items = view(items.data(), q.users, k);
  auto seen_offsets = view(offsets.data(), q.users + 1), seen_items = view(seen.data(), offsets.back());
  const heddle_top_n args{sizeof args, 0, all, seen_offsets, seen_items, best_items, best_scores};
  ErrorBuffer error;
  check(context.ops().top_n(context.handle(), &args, error), error, "top_n");
  return items;
}

RankingMetric::Score compute(const Component& component, const Questions& q, int64_t k) {
  const std::vector<int32_t> lists = best(q, k);
  std::vector<int64_t> offsets{0};
  std::vector<int32_t> targets;
  for (const auto& of_user : q.targets) {
    targets.insert(targets.end(), of_user.begin(), of_user.end());
    offsets.push_back(static_cast<int64_t>(targets.size()));
  }
  const heddle_lists raw{sizeof raw,
                         0,
                         q.users,
                         k,
                         q.items,
                         lists.data(),
                         offsets.data(),
                         targets.data(),
                         q.counted.empty() ? nullptr : q.counted.data()};
  return RankingMetric(component.id, component, Values(component, {})).compute(raw);
}

// Seven levels of scores; from 1 target to many, some named twice; user 3 has seen everything, user 4 all but three.
Questions questions(bool one_target) {
  Questions q{80, 60, {}, {}, {}, {}};
  PhiloxStream random(rng_key(one_target ? 4 : 3, RngPurpose::test));
  for (int64_t i = 0; i < q.users * q.items; ++i) q.scores.push_back(static_cast<float>(random.below(7)) / 8 - 0.25f);
  for (int64_t u = 0; u < q.users; ++u) {
    q.seen.emplace_back();
    q.targets.emplace_back();
    for (int32_t item = 0; item < q.items; ++item) {
      if (u == 3 || (u == 4 && item >= 3) || (u > 4 && random.below(4) == 0)) q.seen.back().push_back(item);
    }
    const uint64_t count = one_target ? 1 : 1 + random.below(15);
    for (uint64_t i = 0; i < count; ++i) {
      q.targets.back().push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(q.items))));
      if (!one_target && random.below(10) == 0) q.targets.back().push_back(q.targets.back().back());
    }
  }
  for (int64_t i = 0; i < q.items; ++i) q.counted.push_back(random.below(5) != 0);
  return q;
}

TEST(RankingParityLong, every_metric_is_that_of_replay) {
  if (const std::string why = peers::missing("replay.metrics"); !why.empty()) GTEST_SKIP() << why;
  const Registry registry;
  nlohmann::json all = nlohmann::json::array();
  for (bool one_target : {true, false}) {
    const Questions q = questions(one_target);
    nlohmann::json results = nlohmann::json::object();
    for (int64_t k : {1, 3, 10, 70}) {
      nlohmann::json& of_k = results[std::to_string(k)];
      for (const char* name : kPerUser) {
        const Component* component = registry.try_find(HEDDLE_KIND_RANKING_METRIC, std::string("heddle.") + name);
        if (component == nullptr) continue;
        const RankingMetric::Score score = compute(*component, q, k);
        of_k[name] = {{"mean", score.value}, {"per_user", score.per_user}};
      }
      of_k["coverage"]["mean"] = compute(registry.find(HEDDLE_KIND_RANKING_METRIC, "heddle.coverage"), q, k).value;
    }
    all.push_back({{"users", q.users},
                   {"items", q.items},
                   {"scores", q.scores},
                   {"seen", q.seen},
                   {"targets", q.targets},
                   {"counted", q.counted},
                   {"results", results}});
  }
  const std::string file = peers::file("parity-ranking.json");
  std::ofstream(file) << all;
  EXPECT_EQ(peers::run("ranking_parity.py", file), 0) << file;
}

// By hand. Catalogue of 6, k = 3.
// User 0: scores .5 .9 .5 .5 .1 .9, nothing seen. Best by (score, then the higher id): 5 1 | 3 2 0 | 4, so the list is
//   5 1 3. Targets 3 and 0: 3 stands third. NDCG (1/log2 4) / (1/log2 2 + 1/log2 3) = .5 / 1.63093 = .30657; MRR 1/3;
//   recall 1/2; hit 1.
// User 1: all scores equal, 5 and 4 seen: the list is 3 2 1. Target 2: NDCG 1/log2 3 = .63093, MRR 1/2,
//   recall 1, hit 1.
// Coverage: 5 1 3 2 of 6; of those that count (all but 5 and 0): 1 3 2 of 4.
TEST(RankingParity, TiesByHand) {
  const Registry registry;
  Questions q{2, 6, {.5f, .9f, .5f, .5f, .1f, .9f, 1, 1, 1, 1, 1, 1}, {{}, {5, 4}}, {{3, 0}, {2}}, {}};
  EXPECT_EQ(best(q, 3), (std::vector<int32_t>{5, 1, 3, 3, 2, 1}));
  const auto of = [&](const char* id) { return compute(registry.find(HEDDLE_KIND_RANKING_METRIC, id), q, 3); };
  const double third = 1 / std::log2(4.0), second = 1 / std::log2(3.0);
  EXPECT_NEAR(of("heddle.ndcg").per_user.at(0), third / (1 + second), 1e-12);
  EXPECT_NEAR(of("heddle.ndcg").per_user.at(1), second, 1e-12);
  EXPECT_NEAR(of("heddle.ndcg").value, (third / (1 + second) + second) / 2, 1e-12);
  EXPECT_NEAR(of("heddle.mrr").value, (1.0 / 3 + 1.0 / 2) / 2, 1e-12);
  EXPECT_NEAR(of("heddle.recall").value, 0.75, 1e-12);
  EXPECT_NEAR(of("heddle.hit_rate").value, 1, 1e-12);
  EXPECT_NEAR(of("heddle.coverage").value, 4.0 / 6, 1e-12);
  q.counted = {0, 1, 1, 1, 1, 0};
  EXPECT_NEAR(of("heddle.coverage").value, 3.0 / 4, 1e-12);
}

}  // namespace
}  // namespace heddle
