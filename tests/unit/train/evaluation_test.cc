// Lists and metrics against what can be worked out by hand or by brute force.
#include <cmath>

#include "core/base/error.h"
#include "core/train/evaluation.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

TEST(Evaluation, ndcg_of_one_target_by_hand) {
  Recommendations r;
  r.k = 3;
  r.users = {0, 1, 2, 3};
  r.targets = {5, 6, 7, 8};
  r.lists = {5, 1, 2, 1, 2, 6, 1, 2, 3, -1, -1, -1};
  // ranks 1, 3, none, none: (1 + 1/log2(4)) / 4
  EXPECT_DOUBLE_EQ(ndcg_one_target(r), (1 + 0.5) / 4);
}

TEST(Evaluation, metrics_of_given_lists_and_their_protocol) {
  Recommendations r;
  r.k = 2;
  r.users = {3, 9};
  r.targets = {1, 4};
  r.lists = {0, 1, 0, 2};
  r.scores = {1, 0, 1, 0};
  RankingMetrics metrics;
  for (const char* id : {"heddle.ndcg", "heddle.hit_rate", "heddle.coverage"}) {
    const Component& c = test::component(HEDDLE_KIND_RANKING_METRIC, id);
    metrics.push_back(std::make_unique<RankingMetric>(id, c, Values(c, {})));
  }
  RankingProtocol protocol;
  protocol.k = 2;
  protocol.split = "hand/test";
  const EvaluationResult result = score_lists(r, 10, metrics, protocol);
  EXPECT_DOUBLE_EQ(result.value("heddle.ndcg"), 0.5 / std::log2(3));
  EXPECT_DOUBLE_EQ(result.value("heddle.hit_rate"), 0.5);
  EXPECT_DOUBLE_EQ(result.value("heddle.coverage"), 0.3);
  EXPECT_EQ(result.metrics[1].per_user, (std::vector<double>{1, 0}));
  EXPECT_TRUE(result.metrics[2].per_user.empty());
  EXPECT_EQ(result.protocol["split"], "hand/test");
  EXPECT_EQ(result.protocol["users"], 2);
  EXPECT_EQ(result.protocol["filter_seen"], true);
  EXPECT_THROW(result.value("heddle.none"), Error);
  // Of the three items in the lists the one with the highest index is cold: neither counted nor part of the denominator.
  protocol.counted.assign(10, 1);
  protocol.counted[static_cast<size_t>(*std::max_element(r.lists.begin(), r.lists.end()))] = 0;
  EXPECT_DOUBLE_EQ(score_lists(r, 10, metrics, protocol).value("heddle.coverage"), 2.0 / 9);
  protocol.counted.clear();
  r.targets[0] = -1;
  EXPECT_THROW(score_lists(r, 10, metrics, protocol), Error);
}

TEST(Evaluation, lists_are_those_of_a_full_sort_and_do_not_depend_on_the_batch) {
  constexpr int64_t kItems = 30;
  const Interactions log = test::walk_log(23, kItems);
  const Part part = test::target_part(log);
  Machine machine;
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0, 8, 1, 2, 6));  // shorter than some histories
  backbone.initialise(machine.context, 4);
  RankingProtocol protocol;
  protocol.k = 5;
  protocol.batch_users = 4;
  for (const bool filter : {false, true}) {
    protocol.filter_seen = filter;
    const Recommendations r = recommend_part(backbone, machine.context, log, part, {}, protocol);
    ASSERT_EQ(r.rows(), 23);
    for (int64_t u = 0; u < 23; ++u) {
      const UserRange& range = part.users[static_cast<size_t>(u)];
      EXPECT_EQ(r.users[static_cast<size_t>(u)], range.user);
      EXPECT_EQ(r.targets[static_cast<size_t>(u)], log.items[static_cast<size_t>(range.target)]);
      // Brute force: this user alone, all scores, a full sort.
      Batch alone;
      const int64_t first = std::max(range.begin, range.end - 6);
      alone.items.assign(log.items.begin() + first, log.items.begin() + range.end);
      for (size_t t = 0; t < alone.items.size(); ++t) alone.positions.push_back(static_cast<int32_t>(t));
      alone.offsets = {0, static_cast<int64_t>(alone.items.size())};
      alone.users = {range.user};
      alone.ranges = {u};
      alone.bind(false);
      Tensor hidden(*machine.device, DType::f32, {alone.tokens(), 8}), scores(*machine.device, DType::f32, {1, kItems});
      backbone.forward(machine.context, HEDDLE_PRECISION_F32, alone.sequences(), {}, hidden);
      TensorView last = hidden.rows(alone.tokens() - 1, alone.tokens());
      backbone.score(machine.context, HEDDLE_PRECISION_F32, last, scores);
      std::vector<int32_t> order(kItems);
      std::iota(order.begin(), order.end(), 0);
      if (filter) {
        std::erase_if(order, [&](int32_t item) {
          const auto seen = log.items_of(range.begin, range.end);
          return std::find(seen.begin(), seen.end(), item) != seen.end();
        });
      }
      const float* s = scores.data<float>();
      std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return s[a] != s[b] ? s[a] > s[b] : a > b; });
      order.resize(5);
      EXPECT_EQ(order, std::vector<int32_t>(r.lists.begin() + u * 5, r.lists.begin() + (u + 1) * 5))
          << "user " << u << " filter " << filter;
    }
    protocol.batch_users = 23;
    const Recommendations again = recommend_part(backbone, machine.context, log, part, {}, protocol);
    EXPECT_EQ(r.lists, again.lists);
    EXPECT_TRUE(test::same_bits(r.scores, again.scores));
    protocol.batch_users = 4;
  }
}

}  // namespace
}  // namespace heddle
