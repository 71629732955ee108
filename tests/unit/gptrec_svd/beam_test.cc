// Beam search over codes against scoring every item, on made-up conditional logits.
#include <gtest/gtest.h>

#include <map>

#include "core/compute/rng.h"
#include "plugins/backbones/gptrec_svd/beam_search.h"

namespace gptrec_svd {
namespace {

constexpr int64_t kItems = 60, kLength = 3, kValues = 5;

// A world: codes of the items, and for every prefix of tokens the logits of the next place.
struct World {
  std::vector<int32_t> tokens;
  uint64_t seed;

  explicit World(uint64_t world_seed) : seed(world_seed) {
    heddle::PhiloxStream random(heddle::rng_key(seed, heddle::RngPurpose::test));
    for (int64_t i = 0; i < kItems; ++i)
      for (int64_t k = 0; k < kLength; ++k)
        tokens.push_back(static_cast<int32_t>(k * kValues + static_cast<int64_t>(random.below(kValues))));
  }
  std::vector<float> logits(std::span<const int32_t> prefix) const {
    uint64_t key = 17;
    for (const int32_t token : prefix) key = key * 1000003 + static_cast<uint64_t>(token);
    heddle::PhiloxStream random(heddle::rng_key(seed, heddle::RngPurpose::test, key));
    std::vector<float> out(kValues);
    for (float& x : out) x = static_cast<float>(2 * random.normal());
    return out;
  }
  double score(const CodeTrie& trie, int32_t item) const {
    double sum = 0;
    const auto path = trie.tokens_of(item);
    for (size_t k = 0; k < kLength; ++k) {
      const std::vector<float> row = logits(path.first(k));
      double total = 0;
      for (const float x : row) total += std::exp(static_cast<double>(x));
      sum += static_cast<double>(row[static_cast<size_t>(path[k]) - k * kValues]) - std::log(total);
    }
    return sum;
  }
};

struct List {
  std::vector<int32_t> items;
  std::vector<float> scores;
};

List search(const World& world, const CodeTrie& trie, const std::vector<int32_t>& seen, int64_t width, size_t k) {
  BeamSearch search(trie, seen, width);
  while (!search.done()) {
    std::vector<std::vector<float>> rows;
    for (const Hypothesis& beam : search.beams())
      rows.push_back(
          world.logits(search.level() == 0 ? std::span<const int32_t>() : trie.path(search.level() - 1, beam.node)));
    search.advance(static_cast<int32_t>(search.level() * kValues),
                   [&](size_t i) { return std::span<const float>(rows[i]); });
    if (!search.done()) {
      EXPECT_LE(static_cast<int64_t>(search.beams().size()), width);
    }
  }
  List list{std::vector<int32_t>(k), std::vector<float>(k)};
  search.list(list.items, list.scores);
  return list;
}

TEST(BeamSearch, wide_beams_find_what_scoring_all_items_finds) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const World world(seed);
    const CodeTrie trie(world.tokens, kItems, kLength);
    const std::vector<int32_t> seen{0, 7, 8, 59, static_cast<int32_t>(seed)};
    std::vector<std::pair<double, int32_t>> all;
    for (int32_t item = 0; item < kItems; ++item)
      if (std::find(seen.begin(), seen.end(), item) == seen.end()) all.push_back({world.score(trie, item), item});
    std::sort(all.begin(), all.end(), std::greater<>());
    const List list = search(world, trie, seen, kItems, 10);
    for (size_t i = 0; i < 10; ++i) {
      EXPECT_NEAR(static_cast<double>(list.scores[i]), all[i].first, 1e-5);
      EXPECT_NEAR(world.score(trie, list.items[i]), all[i].first, 1e-12) << seed << " place " << i;
      // Items with the same code have the same score: the larger index stands first.
      if (i > 0 && list.scores[i] == list.scores[i - 1]) {
        EXPECT_LT(list.items[i], list.items[i - 1]);
      }
    }
  }
}

TEST(BeamSearch, narrow_beams_give_full_lists_of_true_scores) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const World world(seed);
    const CodeTrie trie(world.tokens, kItems, kLength);
    const List list = search(world, trie, {3, 4}, 5, 5), wide = search(world, trie, {3, 4}, kItems, 5);
    for (size_t i = 0; i < 5; ++i) {
      ASSERT_GE(list.items[i], 0);
      EXPECT_NEAR(static_cast<double>(list.scores[i]), world.score(trie, list.items[i]), 1e-5);
      EXPECT_LE(list.scores[i], wide.scores[i]);
      EXPECT_NE(list.items[i], 3);
      EXPECT_NE(list.items[i], 4);
    }
  }
}

TEST(BeamSearch, prefixes_of_seen_items_alone_are_not_followed) {
  // Items 0 and 1 are the only ones below token 0 and seen; the best logit is that token's.
  const std::vector<int32_t> tokens{0, 2, 0, 3, 1, 2, 1, 3};
  const CodeTrie trie(tokens, 4, 2);
  BeamSearch search(trie, std::vector<int32_t>{1, 0}, 1);
  const std::vector<float> first{50, 0}, second{0, 1};
  search.advance(0, [&](size_t) { return std::span<const float>(first); });
  ASSERT_EQ(search.beams().size(), 1u);
  EXPECT_EQ(search.beams()[0].node, 1);
  search.advance(2, [&](size_t) { return std::span<const float>(second); });
  std::vector<int32_t> items(4);
  std::vector<float> scores(4);
  search.list(items, scores);
  EXPECT_EQ(items, (std::vector<int32_t>{3, 2, -1, -1}));
  EXPECT_NEAR(scores[0], -50 - std::log1p(std::exp(-1.0)), 1e-4);
  EXPECT_EQ(scores[2], -std::numeric_limits<float>::infinity());
}

TEST(BeamSearch, nothing_left_gives_an_empty_list) {
  const CodeTrie trie(std::vector<int32_t>{0, 1}, 2, 1);
  BeamSearch search(trie, std::vector<int32_t>{0, 1}, 4);
  const std::vector<float> row{1, 2};
  search.advance(0, [&](size_t) { return std::span<const float>(row); });
  EXPECT_TRUE(search.done());
  std::vector<int32_t> items(2);
  std::vector<float> scores(2);
  search.list(items, scores);
  EXPECT_EQ(items, (std::vector<int32_t>{-1, -1}));
}

}  // namespace
}  // namespace gptrec_svd
