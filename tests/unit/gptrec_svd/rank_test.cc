// rank() of heddle.gptrec_svd against scoring every item by whole runs of the model: values, order, seen items, hooks,
// independence of the batch, of the width of the beam where it is wide enough, and of threads.
#include "fixture.h"

namespace heddle {
namespace {

using test::exhaustive, test::Histories, test::kItems, test::kLength, test::Lists, test::Model, test::walks;

constexpr int64_t kTop = 10;

Histories sorted_sets(Histories histories) {
  for (auto& history : histories) {
    std::sort(history.begin(), history.end());
    history.erase(std::unique(history.begin(), history.end()), history.end());
  }
  return histories;
}

// max_length - 1 items at most, so that a history and one more item fit into forward().
Histories short_walks(int64_t users, uint64_t seed) {
  Histories out = walks(users, seed);
  for (auto& history : out) history.resize(std::min<size_t>(history.size(), kLength - 1));
  return out;
}

void expect_lists_of(Model& model, const Histories& histories, const Histories& seen, const Lists& lists,
                     const Hook& hook = {}) {
  for (size_t s = 0; s < histories.size(); ++s) {
    const std::vector<double> scores = exhaustive(model, histories[s], hook);
    std::vector<double> left;
    for (int32_t item = 0; item < kItems; ++item)
      if (seen.empty() || !std::binary_search(seen[s].begin(), seen[s].end(), item))
        left.push_back(scores[static_cast<size_t>(item)]);
    std::sort(left.begin(), left.end(), std::greater<>());
    std::set<int32_t> distinct;
    for (size_t i = 0; i < kTop; ++i) {
      const size_t at = s * kTop + i;
      const int32_t item = lists.items[at];
      ASSERT_GE(item, 0);
      EXPECT_TRUE(distinct.insert(item).second);
      if (!seen.empty()) {
        EXPECT_FALSE(std::binary_search(seen[s].begin(), seen[s].end(), item));
      }
      // By scores, not by items: rounding may exchange two that are equal.
      EXPECT_NEAR(static_cast<double>(lists.scores[at]), left[i], 1e-4) << "history " << s << ", place " << i;
      EXPECT_NEAR(scores[static_cast<size_t>(item)], left[i], 1e-4) << "history " << s << ", place " << i;
      if (i > 0 && lists.scores[at] == lists.scores[at - 1]) {
        EXPECT_LT(item, lists.items[at - 1]);
      }
    }
  }
}

TEST(GptRecSvdRank, lists_are_those_of_scoring_every_item) {
  Model model;
  model.prepare(walks(200, 1));
  model.stir();
  const Histories histories = short_walks(9, 2);
  expect_lists_of(model, histories, {}, model.rank(histories, {}, kTop));
  const Histories seen = sorted_sets(histories);
  expect_lists_of(model, histories, seen, model.rank(histories, seen, kTop));
}

TEST(GptRecSvdRank, a_full_window_is_decoded_at_the_positions_behind_it) {
  // Behind max_length items forward() cannot go; the positions it would need must still be those that follow. A table
  // whose rows are all alike from one position on makes no difference between a short and a full window of one item.
  Model model;
  model.prepare(walks(200, 1));
  model.stir();
  auto table = const_cast<Tensor&>(model.parameter("wpe.weight")).span<float>();
  ASSERT_EQ(table.size(), static_cast<size_t>((kLength + 1) * test::kTokens * test::kHidden));
  const std::vector<int32_t> full{1, 4, 7, 10, 13, 16, 19};
  ASSERT_EQ(static_cast<int64_t>(full.size()), kLength);
  const Lists before = model.rank({full}, {}, kTop);
  const size_t last_item = static_cast<size_t>(kLength * test::kTokens * test::kHidden);
  for (size_t i = last_item; i < table.size(); ++i) table[i] += 1.5f * static_cast<float>(i % 3) - 1;
  EXPECT_NE(before.scores, model.rank({full}, {}, kTop).scores);  // read there
  const std::vector<int32_t> shorter(full.begin() + 1, full.end());
  const Lists short_before = model.rank({shorter}, {}, kTop);
  for (size_t i = last_item; i < table.size(); ++i) table[i] = 0;
  EXPECT_EQ(short_before, model.rank({shorter}, {}, kTop));  // and nowhere else
}

TEST(GptRecSvdRank, hooks_change_the_history_that_is_decoded_from) {
  Model model;
  model.prepare(walks(200, 1));
  model.stir();
  const std::vector<int32_t> history{5, 8, 2, 11};
  for (const char* site : {"block.0.attn.out", "block.0.out", "block.1.mlp.out"}) {
    const int64_t index = model.backbone.site(site);
    const Hook hook = [&](const HookPoint& point) {
      if (point.site != index) return true;
      // The state of the last event alone: in a run of the history as in one of the history and an item.
      auto* row = static_cast<float*>(point.activations->data) + 3 * point.activations->strides[0];
      for (int64_t c = 0; c < point.activations->shape[1]; ++c) row[c] = static_cast<float>(c % 5) - 2;
      return true;
    };
    const Lists lists = model.rank({history}, {}, kTop, hook);
    EXPECT_FALSE(lists == model.rank({history}, {}, kTop)) << site;
    expect_lists_of(model, {history}, {}, lists, hook);
  }
}

TEST(GptRecSvdRank, a_list_depends_neither_on_its_batch_nor_on_threads) {
  const Histories histories = walks(30, 3), seen = sorted_sets(histories);
  Model model(4);
  model.prepare(walks(200, 1));
  model.stir();
  const Lists together = model.rank(histories, seen, 3);
  for (size_t s = 0; s < histories.size(); ++s) {
    const Lists alone = model.rank({histories[s]}, {seen[s]}, 3);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(alone.items[i], together.items[s * 3 + i]);
      EXPECT_EQ(alone.scores[i], together.scores[s * 3 + i]);
    }
  }
  for (const int threads : {1, 3}) {
    Model other(4, threads);
    other.prepare(walks(200, 1));
    other.stir();
    EXPECT_EQ(other.rank(histories, seen, 3), together) << threads << " threads";
  }
}

TEST(GptRecSvdRank, groups_of_users_give_the_lists_of_one) {
  // 8192 hypotheses at once: with a beam of 4096 two users, with one of 40 all of them.
  const Histories histories = walks(7, 4);
  Model narrow(40), wide(4096);
  for (Model* model : {&narrow, &wide}) {
    model->prepare(walks(200, 1));
    model->stir();
  }
  EXPECT_EQ(narrow.rank(histories, {}, kTop), wide.rank(histories, {}, kTop));
}

TEST(GptRecSvdRank, a_narrow_beam_still_fills_the_list) {
  Model model(1);
  model.prepare(walks(200, 1));
  model.stir();
  const Histories histories = walks(12, 5);
  const Lists lists = model.rank(histories, sorted_sets(histories), kTop);
  EXPECT_EQ(std::count(lists.items.begin(), lists.items.end(), -1), 0);
  // Where fewer items are left than asked for, the rest is empty.
  Histories almost_all(1);
  for (int32_t item = 0; item < kItems - 4; ++item) almost_all[0].push_back(item);
  const Lists few = model.rank({{1, 2}}, almost_all, kTop);
  EXPECT_EQ(std::count(few.items.begin(), few.items.end(), -1), kTop - 4);
  EXPECT_EQ(few.scores.back(), -std::numeric_limits<float>::infinity());
}

TEST(GptRecSvdRank, a_hook_may_stop_and_no_history_is_no_list) {
  Model model;
  model.prepare(walks(50, 1));
  EXPECT_TRUE(model.rank({}, {}, kTop).items.empty());
  test::Histories one{{1, 2}};
  Batch batch;
  test::pack(batch, one);
  int32_t items[3];
  float scores[3];
  EXPECT_FALSE(model.backbone.rank(
      model.context, HEDDLE_PRECISION_F32, batch.sequences(), [](const HookPoint&) { return false; }, nullptr, nullptr,
      3, items, scores));
}

}  // namespace
}  // namespace heddle
