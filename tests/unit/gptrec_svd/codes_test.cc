// Quantiles of components, and the trie of the codes they make.
#include <gtest/gtest.h>

#include "plugins/backbones/gptrec_svd/code_trie.h"
#include "plugins/backbones/gptrec_svd/quantiles.h"

namespace gptrec_svd {
namespace {

using Bins = std::vector<int64_t>;

TEST(Quantiles, equal_numbers_of_items_in_the_order_of_their_values) {
  EXPECT_EQ(quantile_bins(std::vector<double>{0.9, 0.1, 0.5, 0.3, 0.7, 0.0}, 3), (Bins{2, 0, 1, 1, 2, 0}));
  EXPECT_EQ(quantile_bins(std::vector<double>{5, 1, 4, 2, 3}, 2), (Bins{1, 0, 1, 0, 0}));  // 5 items: 3 and 2
  EXPECT_EQ(quantile_bins(std::vector<double>{1, 1, 1, 1}, 2), (Bins{0, 0, 1, 1}));        // ties go by index
  EXPECT_EQ(quantile_bins(std::vector<double>{2, 1}, 8), (Bins{4, 0}));                    // more bins than items
  EXPECT_EQ(quantile_bins(std::vector<double>{}, 4), Bins{});
}

TEST(Quantiles, components_are_scaled_to_the_unit_interval) {
  std::vector<double> x{-2, 0, 2}, constant{3, 3};
  scale_to_unit(x);
  scale_to_unit(constant);
  EXPECT_EQ(x, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(constant, (std::vector<double>{0, 0}));
}

TEST(CodeTrie, nodes_are_ranges_of_items_in_the_order_of_their_tokens) {
  //                              item  0     1     2     3     4     5
  const std::vector<int32_t> tokens{1, 5, 0, 7, 1, 4, 0, 7, 1, 5, 2, 6};
  const CodeTrie trie(tokens, 6, 2);
  EXPECT_EQ(trie.order(), (std::vector<int32_t>{1, 3, 2, 0, 4, 5}));
  ASSERT_EQ(trie.nodes(0), 3);
  ASSERT_EQ(trie.nodes(1), 4);
  EXPECT_EQ(trie.token(0, 1), 1);
  EXPECT_EQ(trie.below(0, 0).end, 2);
  EXPECT_EQ(trie.below(0, 1).begin, 2);
  EXPECT_EQ(trie.below(0, 1).end, 5);
  EXPECT_EQ(trie.children(0, 1).begin, 1);
  EXPECT_EQ(trie.children(0, 1).end, 3);
  EXPECT_EQ(trie.children(0, 2).end, 4);
  EXPECT_EQ(trie.token(1, 1), 4);
  EXPECT_EQ(trie.token(1, 2), 5);
  EXPECT_EQ(trie.below(1, 2).end - trie.below(1, 2).begin, 2);  // items 0 and 4 have the same code
  const auto path = trie.path(1, 2);
  EXPECT_EQ(std::vector<int32_t>(path.begin(), path.end()), (std::vector<int32_t>{1, 5}));
}

TEST(CodeTrie, one_token_and_no_items) {
  const CodeTrie flat(std::vector<int32_t>{3, 1, 3}, 3, 1);
  EXPECT_EQ(flat.nodes(0), 2);
  EXPECT_EQ(flat.order(), (std::vector<int32_t>{1, 0, 2}));
  const CodeTrie empty(std::vector<int32_t>{}, 0, 2);
  EXPECT_EQ(empty.nodes(0), 0);
  EXPECT_EQ(empty.nodes(1), 0);
}

}  // namespace
}  // namespace gptrec_svd
