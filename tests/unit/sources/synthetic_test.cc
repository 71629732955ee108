// heddle.synthetic and heddle.synthetic_interests: exact shape, determinism, and structure that can be found again.
#include <algorithm>
#include <numeric>
#include <set>

#include "support.h"

namespace heddle::test {
namespace {

TEST(Synthetic, TheSmallPresetHasItsShape) {
  const Interactions log = read("heddle.synthetic", {});
  EXPECT_EQ(log.user_count(), 2000);
  EXPECT_EQ(log.event_count(), 120000);
  EXPECT_GE(log.item_count(), 590);
  EXPECT_LE(log.item_count(), 600);
  for (int64_t u = 0; u < log.user_count(); ++u) {
    ASSERT_GE(log.length(u), 20);
    ASSERT_LE(log.length(u), 250);
    const auto items = log.items_of(log.begin(u), log.end(u));
    ASSERT_EQ(std::set<int32_t>(items.begin(), items.end()).size(), items.size()) << "no item twice";
  }
  EXPECT_GT(log.report.ties, 5000);
}

TEST(Synthetic, IsAFunctionOfItsSeed) {
  const Interactions a = read("heddle.synthetic", {}), b = read("heddle.synthetic", {}),
                     c = read("heddle.synthetic", {{"seed", int64_t{2}, {}}});
  EXPECT_EQ(a.items, b.items);
  EXPECT_EQ(a.times, b.times);
  EXPECT_NE(a.items, c.items);
  EXPECT_NE(OpenSource("heddle.synthetic", {}).source.fingerprint(),
            OpenSource("heddle.synthetic", {{"seed", int64_t{2}, {}}}).source.fingerprint());
}

TEST(Synthetic, OtherSizesAreExactToo) {
  const Interactions log = read("heddle.synthetic", {{"users", int64_t{101}, {}},
                                                     {"items", int64_t{97}, {}},
                                                     {"events", int64_t{2003}, {}},
                                                     {"groups", int64_t{5}, {}}});
  EXPECT_EQ(log.user_count(), 101);
  EXPECT_EQ(log.event_count(), 2003);
  EXPECT_EQ(failure("heddle.synthetic", {{"users", int64_t{10}, {}}, {"events", int64_t{10000}, {}}})
                .find("heddle.synthetic: 10000 events do not fit 10 users"),
            0u);
}

TEST(Synthetic, UsersStayWithTheirInterests) {
  const Interactions log = read("heddle.synthetic", {});
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const AttributeTable interests = read_labels("heddle.synthetic_interests", {}, catalogue, "interest");
  EXPECT_EQ(interests.size(), 12);
  EXPECT_EQ(interests.attributes[0].name, "interest:Jazz");
  EXPECT_EQ(interests.sources[0].unlabelled_items, 0);
  const std::string title = catalogue.title(catalogue.find("1"));
  EXPECT_EQ(title.substr(0, 12), "item 1 (Jazz");
  // How often the next item shares a group with the one before; by chance it would be about 1.25 * 1.25 / 12.
  int64_t same = 0, pairs = 0;
  for (int64_t u = 0; u < log.user_count(); ++u)
    for (int64_t e = log.begin(u) + 1; e < log.end(u); ++e, ++pairs)
      for (int32_t a : interests.labels_of(log.items[static_cast<size_t>(e)]))
        if (interests.has(log.items[static_cast<size_t>(e - 1)], a)) {
          ++same;
          break;
        }
  EXPECT_GT(static_cast<double>(same) / static_cast<double>(pairs), 0.7);
}

TEST(Synthetic, PopularityIsHeavyTailed) {
  const Interactions log = read("heddle.synthetic", {});
  std::vector<int64_t> counts(static_cast<size_t>(log.item_count()), 0);
  for (int32_t item : log.items) ++counts[static_cast<size_t>(item)];
  std::sort(counts.rbegin(), counts.rend());
  const int64_t top = std::accumulate(counts.begin(), counts.begin() + 60, int64_t{0});
  EXPECT_GT(static_cast<double>(top) / static_cast<double>(log.event_count()), 0.2);  // a tenth of the items
  EXPECT_GT(counts[0], 2 * counts[counts.size() / 2]);
}

}  // namespace
}  // namespace heddle::test
