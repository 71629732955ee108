// Training batches of the other kinds: whole windows and cloze, and positions that count from the end.
#include <set>

#include "core/data/batcher.h"
#include "support.h"

namespace heddle::test {
namespace {

using I32 = std::vector<int32_t>;
using I64 = std::vector<int64_t>;

// User u has the items 0 .. lengths[u]-1.
Interactions users_of(const std::vector<int64_t>& lengths) {
  std::vector<Event> events;
  for (size_t user = 0; user < lengths.size(); ++user)
    for (int64_t i = 0; i < lengths[user]; ++i) events.push_back({static_cast<int64_t>(user), i, i});
  return read(events);
}
Part all_of(const Interactions& log) {
  Part part;
  for (int64_t u = 0; u < log.user_count(); ++u)
    part.users.push_back({static_cast<int32_t>(u), log.begin(u), log.end(u), -1});
  return part;
}
BatchOptions cloze(double probability, double last, int64_t max_length = 8) {
  BatchOptions out;
  out.max_length = max_length;
  out.training = true;
  out.kind = HEDDLE_BATCHES_CLOZE;
  out.mask_token = 1000;
  out.mask_probability = probability;
  out.last_mask_probability = last;
  return out;
}

TEST(TrainingBatches, WholeWindowsHoldTheLastEventWithoutATarget) {
  const Interactions log = users_of({5, 1, 3});
  const Part part = all_of(log);
  const Batcher batcher(log, part, {.max_length = 3, .training = true, .kind = HEDDLE_BATCHES_WHOLE});
  Batch batch;
  batcher.fill(batcher.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{2, 3, 4, 0, 0, 1, 2}));
  EXPECT_EQ(batch.targets, (I32{3, 4, -1, -1, 1, 2, -1}));
  EXPECT_EQ(batch.offsets, (I64{0, 3, 4, 7}));
  EXPECT_EQ(batch.positions, (I32{0, 1, 2, 0, 0, 1, 2}));
}

TEST(TrainingBatches, PositionsCountFromTheEnd) {
  const Interactions log = users_of({5, 1, 3});
  const Part part = all_of(log);
  Batch batch;
  const Batcher training(log, part, {.max_length = 4, .training = true, .positions_from_end = true});
  training.fill(training.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{0, 1, 2, 3, 0, 1}));  // a user with one event has no next item
  EXPECT_EQ(batch.positions, (I32{0, 1, 2, 3, 2, 3}));
  const Batcher inference(log, part, {.max_length = 4, .append_token = 99, .positions_from_end = true});
  inference.fill(inference.plan(), 0, batch);
  EXPECT_EQ(batch.items, (I32{2, 3, 4, 99, 0, 99, 0, 1, 2, 99}));
  EXPECT_EQ(batch.positions, (I32{0, 1, 2, 3, 2, 3, 0, 1, 2, 3}));
}

TEST(TrainingBatches, MaskedEventsAreTargetsAndNothingElseIs) {
  const Interactions log = users_of({8, 1, 12, 5});
  const Part part = all_of(log);
  const Batcher batcher(log, part, cloze(0.4, 0.2));
  Batch batch;
  for (uint64_t epoch = 1; epoch <= 50; ++epoch) {
    batcher.fill(batcher.plan(3, epoch), 0, batch);
    for (int64_t s = 0; s < batch.count(); ++s) {
      int masked = 0;
      for (auto t = static_cast<size_t>(batch.offsets[static_cast<size_t>(s)]);
           t < static_cast<size_t>(batch.offsets[static_cast<size_t>(s) + 1]); ++t) {
        const int32_t event = log.items[static_cast<size_t>(batch.events[t])];
        const bool hidden = batch.items[t] == 1000;
        EXPECT_EQ(batch.items[t], hidden ? 1000 : event);
        EXPECT_EQ(batch.targets[t], hidden ? event : -1);
        masked += hidden;
      }
      EXPECT_GE(masked, 1) << "epoch " << epoch << " window " << s;
    }
  }
}

TEST(TrainingBatches, MasksHaveTheirShares) {
  const Interactions log = users_of(std::vector<int64_t>(400, 20));
  const Part part = all_of(log);
  BatchOptions options = cloze(0.25, 0, 20);
  options.sequences = 400;
  Batch batch;
  const auto masked_share = [&](const BatchOptions& how) {
    const Batcher batcher(log, part, how);
    batcher.fill(batcher.plan(1, 1), 0, batch);
    return static_cast<double>(std::count(batch.items.begin(), batch.items.end(), 1000)) / 8000;
  };
  EXPECT_NEAR(masked_share(options), 0.25, 0.02);  // 8,000 draws: a deviation of 0.005
  options.last_mask_probability = 1;
  EXPECT_DOUBLE_EQ(masked_share(options), 1.0 / 20);
  for (size_t s = 0; s < 400; ++s) EXPECT_EQ(batch.items[s * 20 + 19], 1000);
  options.last_mask_probability = 0.5;
  const double both = masked_share(options);
  EXPECT_NEAR(both, 0.5 / 20 + 0.5 * 0.25, 0.02);
  // Probability 0: one event per window all the same, wherever it stands.
  options.last_mask_probability = 0;
  options.mask_probability = 0;
  EXPECT_DOUBLE_EQ(masked_share(options), 1.0 / 20);
  std::set<size_t> places;
  for (size_t t = 0; t < batch.items.size(); ++t)
    if (batch.items[t] == 1000) places.insert(t % 20);
  EXPECT_EQ(places.size(), 20u);
  options.mask_probability = 1;
  EXPECT_DOUBLE_EQ(masked_share(options), 1);
}

TEST(TrainingBatches, MasksDependOnSeedEpochAndWindowAlone) {
  const Interactions log = users_of({9, 7, 11, 5, 6, 10});
  const Part part = all_of(log);
  // By user: the items of the window as they come in the batches of one epoch.
  const auto windows = [&](int64_t sequences, uint64_t seed, uint64_t epoch) {
    BatchOptions options = cloze(0.4, 0.3);
    options.sequences = sequences;
    const Batcher batcher(log, part, options);
    const Batcher::Plan plan = batcher.plan(seed, epoch);
    std::vector<I32> out(6);
    Batch batch;
    for (int64_t b = plan.size(); b-- > 0;) {  // in any order
      batcher.fill(plan, b, batch);
      for (size_t s = 0; s < static_cast<size_t>(batch.count()); ++s)
        out[static_cast<size_t>(batch.users[s])] = {batch.items.begin() + batch.offsets[s],
                                                    batch.items.begin() + batch.offsets[s + 1]};
    }
    return out;
  };
  const auto one = windows(2, 1, 1);
  EXPECT_EQ(one, windows(6, 1, 1));
  EXPECT_EQ(one, windows(1, 1, 1));
  EXPECT_NE(one, windows(2, 1, 2));
  EXPECT_NE(one, windows(2, 2, 1));
}

TEST(TrainingBatches, HistoriesByHandArePackedAsTheBatcherDoesIt) {
  const Interactions log = users_of({9, 1, 4});
  const Part part = all_of(log);
  std::vector<std::vector<int32_t>> histories;
  for (int64_t u = 0; u < 3; ++u)
    histories.emplace_back(log.items.begin() + log.begin(u), log.items.begin() + log.end(u));
  for (const bool from_end : {false, true}) {
    for (const int32_t token : {-1, 77}) {
      const BatchOptions options{.max_length = 5, .append_token = token, .positions_from_end = from_end};
      const Batcher batcher(log, part, options);
      Batch made, by_hand;
      batcher.fill(batcher.plan(), 0, made);
      pack_histories(histories, made.users, options, by_hand);
      EXPECT_EQ(by_hand.items, made.items);
      EXPECT_EQ(by_hand.positions, made.positions);
      EXPECT_EQ(by_hand.offsets, made.offsets);
      EXPECT_EQ(by_hand.users, made.users);
      EXPECT_EQ(by_hand.sequences().tokens, made.sequences().tokens);
      EXPECT_EQ(by_hand.sequences().targets, nullptr);
    }
  }
}

TEST(TrainingBatches, RefuseWhatMakesNoSense) {
  const Interactions log = users_of({3});
  const Part part = all_of(log);
  EXPECT_EQ(failure([&] { Batcher(log, part, {.training = true, .kind = 7}); }), "batches of kind 7; accepted: 0 to 2");
  EXPECT_EQ(failure([&] { Batcher(log, part, {.training = true, .kind = HEDDLE_BATCHES_CLOZE}); }),
            "cloze batches need a mask token");
}

}  // namespace
}  // namespace heddle::test
