#include "core/data/filters.h"

#include "support.h"

namespace heddle::test {
namespace {

TEST(Filters, MinimumValueKeepsEqualAndDropsUsersAndItemsThatVanish) {
  FilterOptions options;
  options.minimum_value = 3;
  const Interactions log = read({{1, 10, 1, 3}, {1, 20, 2, 2.5}, {2, 20, 3, 1}, {3, 30, 4, 5}}, options);
  EXPECT_EQ(describe(log), "1: 10@1; 3: 30@4");
  EXPECT_EQ(log.report.below_minimum_value, 2);
  EXPECT_EQ(log.item_ids, (std::vector<std::string>{"10", "30"}));
}

TEST(Filters, MinimumValueWithoutValuesIsAnError) {
  FakeSource source;
  source.events = {{1, 1, 1}};
  source.has_value = false;
  FilterOptions options;
  options.minimum_value = 4;
  EXPECT_EQ(failure([&] { read(source, options); }),
            "[filters] minimum_value = 4: test.fake has no values to compare it with");
}

const std::vector<Event> repeats = {{1, 10, 1}, {1, 20, 2}, {1, 10, 3}, {1, 10, 4}, {1, 30, 5}, {2, 10, 1}, {2, 10, 1}};

TEST(Filters, DuplicatesKeepFirst) {
  FilterOptions options;
  options.duplicates = Duplicates::keep_first;
  const Interactions log = read(repeats, options);
  EXPECT_EQ(describe(log), "1: 10@1 20@2 30@5; 2: 10@1");
  EXPECT_EQ(log.report.duplicates, 3);
}

TEST(Filters, DuplicatesKeepLast) {
  FilterOptions options;
  options.duplicates = Duplicates::keep_last;
  EXPECT_EQ(describe(read(repeats, options)), "1: 20@2 10@4 30@5; 2: 10@1");
}

TEST(Filters, ConsecutiveRepeatsKeepTheFirstOfARun) {
  FilterOptions options;
  options.consecutive = true;
  const Interactions log = read(repeats, options);
  EXPECT_EQ(describe(log), "1: 10@1 20@2 10@3 30@5; 2: 10@1");
  EXPECT_EQ(log.report.consecutive, 2);
}

// user 1 has items a b c; user 2 a b; user 3 c; item d belongs to user 2 alone.
// 2-core of items takes d away; then of users (at least 2) user 3 goes, so c has one event left and goes in the next
// pass.
const std::vector<Event> core = {{1, 1, 1}, {1, 2, 2}, {1, 3, 3}, {2, 1, 4}, {2, 2, 5}, {2, 4, 6}, {3, 3, 7}};

TEST(Filters, KCoreRepeatsUntilNothingChanges) {
  FilterOptions options;
  options.min_item_events = options.min_user_events = 2;
  const Interactions log = read(core, options);
  EXPECT_EQ(describe(log), "1: 1@1 2@2; 2: 1@4 2@5");
  EXPECT_EQ(log.report.passes, 3);
  EXPECT_EQ(log.report.by_minimum_counts, 3);
  EXPECT_EQ(log.report.users_removed, 1);
  EXPECT_EQ(log.report.items_removed, 2);
}

TEST(Filters, OnePassTakesItemsFirst) {
  FilterOptions options;
  options.min_item_events = options.min_user_events = 2;
  options.iterative = false;
  EXPECT_EQ(describe(read(core, options)), "1: 1@1 2@2 3@3; 2: 1@4 2@5");
}

TEST(Filters, FirstAndLastN) {
  const std::vector<Event> events = {{1, 1, 1}, {1, 2, 2}, {1, 3, 3}, {1, 4, 4}, {2, 5, 1}};
  FilterOptions first;
  first.first_n = 3;
  EXPECT_EQ(describe(read(events, first)), "1: 1@1 2@2 3@3; 2: 5@1");
  FilterOptions last;
  last.last_n = 2;
  EXPECT_EQ(describe(read(events, last)), "1: 3@3 4@4; 2: 5@1");
  first.last_n = 2;
  const Interactions both = read(events, first);
  EXPECT_EQ(describe(both), "1: 2@2 3@3; 2: 5@1");
  EXPECT_EQ(both.report.by_position, 2);
  EXPECT_EQ(both.report.items_removed, 2);
}

TEST(Filters, ValuesAreFilteredAlong) {
  FilterOptions options;
  options.last_n = 1;
  EXPECT_EQ(read({{1, 1, 1, 0.5}, {1, 2, 2, 1.5}, {2, 1, 1, 2.5}}, options).values, (std::vector<float>{1.5f, 2.5f}));
}

TEST(Filters, TakingEverythingAwayIsAnError) {
  FilterOptions options;
  options.min_user_events = 10;
  EXPECT_EQ(failure([&] { read(core, options); }),
            "[filters]: no events left of 7; lower min_user_events or min_item_events");
}

TEST(Filters, OptionsAreChecked) {
  FilterOptions options;
  options.first_n = -1;
  EXPECT_EQ(failure([&] { validate(options); }), "[filters] first_n = -1: it must be at least 0");
}

}  // namespace
}  // namespace heddle::test
