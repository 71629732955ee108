#include "core/data/interactions.h"

#include <algorithm>
#include <random>

#include "core/base/threads.h"
#include "support.h"

namespace heddle::test {
namespace {

TEST(ReadLog, GroupsByUserAndSortsByTime) {
  const Interactions log = read({{2, 30, 9}, {1, 10, 5}, {2, 20, 3}, {1, 20, 4}, {10, 10, 1}});
  EXPECT_EQ(describe(log), "1: 20@4 10@5; 2: 20@3 30@9; 10: 10@1");
  EXPECT_EQ(log.report.rows, 5);
  EXPECT_EQ(log.report.ties, 0);
  EXPECT_EQ(log.offsets, (std::vector<int64_t>{0, 2, 4, 5}));
}

TEST(ReadLog, NumbersIdsByValueNotByAppearance) {
  const Interactions log = read({{9, 100, 1}, {10, 9, 2}, {9, 10, 3}});
  EXPECT_EQ(log.user_ids, (std::vector<std::string>{"9", "10"}));
  EXPECT_EQ(log.item_ids, (std::vector<std::string>{"9", "10", "100"}));
  EXPECT_EQ(log.find_item("100"), 2);
  EXPECT_EQ(log.find_item("9"), 0);
  EXPECT_EQ(log.find_item("09"), -1);
  EXPECT_EQ(log.find_item("11"), -1);
  EXPECT_EQ(log.find_user("10"), 1);
  EXPECT_EQ(log.find_user(""), -1);
}

TEST(ReadLog, TiesKeepTheOrderOfTheFile) {
  const Interactions log = read({{1, 50, 7}, {1, 40, 7}, {1, 30, 2}, {1, 20, 7}, {1, 10, 7}});
  EXPECT_EQ(describe(log), "1: 30@2 50@7 40@7 20@7 10@7");
  EXPECT_EQ(log.report.ties, 3);
}

TEST(ReadLog, LongRowsAreSortedStablyToo) {
  std::mt19937 random(7);
  std::vector<Event> events;
  for (int64_t i = 0; i < 5000; ++i)
    events.push_back({static_cast<int64_t>(random() % 7), i, static_cast<int64_t>(random() % 50)});
  std::vector<Event> expected = events;
  std::stable_sort(expected.begin(), expected.end(),
                   [](const Event& a, const Event& b) { return a.user != b.user ? a.user < b.user : a.time < b.time; });
  const Interactions log = read(events);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(log.item_ids[static_cast<size_t>(log.items[i])], std::to_string(expected[i].item));
    ASSERT_EQ(log.times[i], expected[i].time);
  }
}

// In no order at all, ids small, large and negative, times close together and as far apart as there are; large enough
// that rows are shared out among threads.
TEST(ReadLog, AnyOrderAndAnyThreadsGiveTheSortedEvents) {
  std::mt19937_64 random(3);
  constexpr int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  std::vector<Event> events;
  for (int64_t i = 0; i < 120000; ++i) {
    const auto draw = static_cast<int64_t>(random() >> 33);
    const int64_t user = draw % 3 == 0 ? draw % 50 - 10 : draw % 3 == 1 ? int64_t{1} << 40 : 5000000 + draw % 1000;
    const int64_t time = user == 7 ? (draw % 2 == 0 ? least : most) : user == 8 ? least + draw : draw % 100000;
    events.push_back({user, draw % 977 * (draw % 5 == 0 ? 100003 : 1), time, static_cast<double>(draw % 11)});
  }
  std::vector<Event> expected = events;
  std::stable_sort(expected.begin(), expected.end(),
                   [](const Event& a, const Event& b) { return a.user != b.user ? a.user < b.user : a.time < b.time; });
  for (const int64_t count : {1, 2, 3, 7}) {
    set_threads(count);
    const Interactions log = read(events);
    ASSERT_EQ(log.event_count(), 120000);
    size_t at = 0;
    for (int64_t user = 0; user < log.user_count(); ++user)
      for (int64_t e = log.begin(user); e < log.end(user); ++e, ++at) {
        ASSERT_EQ(log.user_ids[static_cast<size_t>(user)], std::to_string(expected[at].user));
        ASSERT_EQ(log.item_ids[static_cast<size_t>(log.items[at])], std::to_string(expected[at].item));
        ASSERT_EQ(log.times[at], expected[at].time);
        ASSERT_EQ(log.values[at], static_cast<float>(expected[at].value));
      }
  }
  set_threads(0);
}

TEST(EventColumns, GrowCopyAndMove) {
  EventColumn<int64_t> column;
  for (int64_t i = 0; i < 1000000; ++i) column.push_back(i);  // from malloc to pages of its own
  EventColumn<int64_t> copy = column, moved = std::move(column);
  EXPECT_TRUE(column.empty());
  EXPECT_EQ(copy, moved);
  for (int64_t i = 0; i < 1000000; ++i) ASSERT_EQ(moved[static_cast<size_t>(i)], i);
  moved.resize(3);
  EXPECT_EQ(moved, (std::vector<int64_t>{0, 1, 2}));
  copy = moved;
  EXPECT_EQ(copy.size(), 3u);
}

TEST(ReadLog, ValuesFollowTheirEvents) {
  const Interactions log = read({{1, 10, 5, 4.5}, {1, 20, 3, 1.0}, {1, 30, 4, 2.0}});
  EXPECT_EQ(log.values, (std::vector<float>{1.0f, 2.0f, 4.5f}));
  FakeSource without;
  without.events = {{1, 10, 5}};
  without.has_value = false;
  EXPECT_TRUE(read(without).values.empty());
}

TEST(ReadLog, WithoutTimesTheFileIsTheOrder) {
  FakeSource source;
  source.events = {{1, 30, 0}, {2, 10, 0}, {1, 10, 0}};
  source.has_time = false;
  EXPECT_EQ(describe(read(source)), "1: 30@0 10@2; 2: 10@1");
}

TEST(ReadLog, TextIdsAreOrderedByBytes) {
  FakeSource source;
  source.events = {{0, 0, 1}, {0, 0, 2}, {0, 0, 3}};
  source.users = {"zoë", "anna", "zoë"};
  source.items = {"b", "a", "10"};
  const Interactions log = read(source);
  EXPECT_EQ(describe(log), "anna: a@2; zoë: b@1 10@3");
  EXPECT_EQ(log.find_user("zoë"), 1);
  EXPECT_EQ(log.find_item("a"), 1);
}

TEST(ReadLog, ManyTextIds) {
  FakeSource source;
  for (int i = 0; i < 20000; ++i) {
    source.events.push_back({0, 0, i});
    source.users.push_back("user-" + std::to_string(i % 3001));
    source.items.push_back("a rather long item name, number " + std::to_string(i % 4999));
  }
  const Interactions log = read(source);
  EXPECT_EQ(log.user_count(), 3001);
  EXPECT_EQ(log.item_count(), 4999);
  EXPECT_TRUE(std::is_sorted(log.item_ids.begin(), log.item_ids.end()));
  EXPECT_GE(log.find_item("a rather long item name, number 4998"), 0);
}

TEST(ReadLog, TextIdsThatAreNotUtf8OrEmptyAreRefused) {
  FakeSource source;
  source.events = {{0, 0, 1}};
  source.users = {"\xE9t\xE9"};
  EXPECT_EQ(failure([&] { read(source); }), "test.fake: the user id of an event is not UTF-8");
  source.users = {""};
  EXPECT_EQ(failure([&] { read(source); }), "test.fake: the user id of an event is empty");
}

TEST(ReadLog, BadRowsAreAddedUp) {
  FakeSource source;
  source.events = {{1, 1, 1}, {1, 2, 2}, {1, 3, 3}};
  source.bad_rows = 4;
  EXPECT_EQ(read(source).report.bad_rows, 4);
}

TEST(ReadLog, ErrorsOfTheSourceAreTheUsersErrors) {
  FakeSource source;
  source.events = {{1, 1, 1}, {1, 2, 2}, {1, 3, 3}};
  source.fail_after = 2;
  EXPECT_EQ(failure([&] { read(source); }), "test.fake: ratings.csv:7: what is wrong");
  try {
    read(source);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use());
  }
  source.fail_code = HEDDLE_INTERNAL;
  try {
    read(source);
    FAIL();
  } catch (const Error& error) {
    EXPECT_FALSE(error.wrong_use());
  }
}

TEST(ReadLog, AnEmptySourceIsAnError) {
  EXPECT_EQ(failure([] { read(std::vector<Event>{}); }),
            "test.fake: no events left (0 read, 0 bad rows skipped, 0 below minimum_value)");
}

TEST(ReadLog, ValuesThatAreNotFiniteAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(failure([&] {
              read({{1, 1, 1, 1.0}, {1, 2, 1, nan}});
            }),
            "test.fake: event 1 has the value nan; values must be finite");
}

}  // namespace
}  // namespace heddle::test
