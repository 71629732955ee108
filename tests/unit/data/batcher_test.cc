#include "core/data/batcher.h"

#include <set>

#include "support.h"

namespace heddle::test {
namespace {

// User 1 has items 0..4, user 2 items 0..1, user 3 item 0..2 (raw ids = indices).
Interactions three_users() {
  std::vector<Event> events;
  for (int64_t user = 1; user <= 3; ++user)
    for (int64_t i = 0; i < (user == 1 ? 5 : user); ++i) events.push_back({user, i, i});
  return read(events);
}
Part whole(const Interactions& log, bool with_target) {
  Part part;
  for (int64_t u = 0; u < log.user_count(); ++u)
    part.users.push_back(
        {static_cast<int32_t>(u), log.begin(u), log.end(u) - with_target, with_target ? log.end(u) - 1 : -1});
  return part;
}
using I32 = std::vector<int32_t>;
using I64 = std::vector<int64_t>;

TEST(Batcher, TrainingWindowsAreInputsAndTheirNextItems) {
  const Interactions log = three_users();
  const Part part = whole(log, false);
  const Batcher batcher(log, part, {.max_length = 3, .training = true});
  Batch batch;
  batcher.fill(batcher.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{1, 2, 3, 0, 0, 1}));  // last three inputs of user 1; users 2 and 3 whole
  EXPECT_EQ(batch.targets, (I32{2, 3, 4, 1, 1, 2}));
  EXPECT_EQ(batch.positions, (I32{0, 1, 2, 0, 0, 1}));
  EXPECT_EQ(batch.offsets, (I64{0, 3, 4, 6}));
  EXPECT_EQ(batch.users, (I32{0, 1, 2}));
  EXPECT_EQ(batch.events, (I64{1, 2, 3, 5, 7, 8}));
  const heddle_sequences& raw = batch.sequences();
  EXPECT_EQ(raw.count, 3);
  EXPECT_EQ(raw.tokens, 6);
  EXPECT_EQ(raw.items->shape[0], 6);
  EXPECT_EQ(raw.items->data, batch.items.data());
  EXPECT_EQ(raw.offsets->dtype.bits, 64);
  EXPECT_EQ(raw.targets->data, batch.targets.data());
}

TEST(Batcher, InferenceWindowsEndBeforeTheTarget) {
  const Interactions log = three_users();
  const Part part = whole(log, true);
  const Batcher batcher(log, part, {.max_length = 3});
  Batch batch;
  batcher.fill(batcher.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{1, 2, 3, 0, 0, 1}));
  EXPECT_TRUE(batch.targets.empty());
  EXPECT_EQ(batch.sequences().targets, nullptr);
}

TEST(Batcher, AnAppendedTokenTakesAPlace) {
  const Interactions log = three_users();
  const Part part = whole(log, true);
  const Batcher batcher(log, part, {.max_length = 3, .append_token = 99});
  Batch batch;
  batcher.fill(batcher.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{2, 3, 99, 0, 99, 0, 1, 99}));
  EXPECT_EQ(batch.positions, (I32{0, 1, 2, 0, 1, 0, 1, 2}));
  EXPECT_EQ(batch.events, (I64{2, 3, -1, 5, -1, 7, 8, -1}));
  EXPECT_EQ(batcher.tokens(), 8);
}

TEST(Batcher, AllWindowsMakeEveryEventATargetOnce) {
  const Interactions log = three_users();
  const Part part = whole(log, false);
  const Batcher batcher(log, part, {.max_length = 3, .training = true, .windows = Windows::all});
  EXPECT_EQ(batcher.windows(), 4);
  std::multiset<int64_t> targets;
  Batch batch;
  const Batcher::Plan plan = batcher.plan();
  for (int64_t i = 0; i < plan.size(); ++i) {
    batcher.fill(plan, i, batch);
    for (int64_t event : batch.events) targets.insert(event + 1);
  }
  EXPECT_EQ(targets, (std::multiset<int64_t>{1, 2, 3, 4, 6, 8, 9}));
}

TEST(Batcher, BatchesEndAtTheirLimits) {
  const Interactions log = three_users();
  const Part part = whole(log, true);  // windows of 4, 1, 2 tokens
  EXPECT_EQ(Batcher(log, part, {.sequences = 2}).plan().batches, (I64{0, 2, 3}));
  EXPECT_EQ(Batcher(log, part, {.sequences = 0, .tokens = 5}).plan().batches, (I64{0, 2, 3}));
  EXPECT_EQ(Batcher(log, part, {.sequences = 0, .tokens = 2}).plan().batches,
            (I64{0, 1, 2, 3}));  // the first one exceeds it alone
  EXPECT_EQ(Batcher(log, part, {.sequences = 1, .tokens = 100}).plan().size(), 3);
  const Part none;
  EXPECT_EQ(Batcher(log, none, {}).plan().size(), 0);
}

TEST(Batcher, ShufflesByeSeedAndEpochAlone) {
  std::vector<Event> events;
  for (int64_t user = 0; user < 200; ++user)
    for (int64_t i = 0; i < 3; ++i) events.push_back({user, i, i});
  const Interactions log = read(events);
  const Part part = whole(log, false);
  const Batcher batcher(log, part, {.sequences = 7, .training = true});
  const Batcher::Plan plan = batcher.plan(1, 0);
  EXPECT_EQ(plan.size(), 29);
  EXPECT_EQ(batcher.plan(1, 0).order, plan.order);
  EXPECT_NE(batcher.plan(1, 1).order, plan.order);
  EXPECT_NE(batcher.plan(2, 0).order, plan.order);
  I32 sorted = plan.order;
  std::sort(sorted.begin(), sorted.end());
  for (int32_t i = 0; i < 200; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
  // Batch k of an epoch is made without the ones before it.
  Batch one, again;
  batcher.fill(plan, 17, one);
  batcher.fill(batcher.plan(1, 0), 3, again);
  batcher.fill(batcher.plan(1, 0), 17, again);
  EXPECT_EQ(one.items, again.items);
  EXPECT_EQ(one.users, again.users);
}

TEST(Batcher, RefusesLimitsThatMakeNoSense) {
  const Interactions log = three_users();
  const Part part = whole(log, false);
  EXPECT_EQ(failure([&] { Batcher(log, part, {.max_length = 0}); }), "max_length = 0: it must be at least 1");
  EXPECT_EQ(failure([&] { Batcher(log, part, {.max_length = 1, .append_token = 9}); }),
            "max_length = 1: it must be at least 2");
  EXPECT_NE(failure([&] { Batcher(log, part, {.sequences = 0}); }), "no error");
  EXPECT_NE(failure([&] { Batcher(log, part, {.training = true, .append_token = 9}); }), "no error");
}

TEST(SeenItemsTest, AreOfTheWholeHistoryAlsoWhereTheTargetIsARepeat) {
  const Interactions log = read({{1, 5, 1}, {1, 3, 2}, {1, 5, 3}, {1, 4, 4}, {2, 3, 1}, {2, 4, 2}, {2, 3, 3}});
  const Part part = whole(log, true);
  const std::vector<int64_t> ranges = {1, 0};
  const SeenItems seen = seen_items(log, part, ranges);
  EXPECT_EQ(seen.offsets, (I64{0, 2, 4}));
  EXPECT_EQ(seen.items, (I32{0, 1, 0, 2}));  // user 2: 3 (seen before it became the target) and 4; user 1: 3 and 5
}

}  // namespace
}  // namespace heddle::test
