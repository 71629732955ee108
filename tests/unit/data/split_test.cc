// Worked examples: small tables whose splits can be checked by eye.
#include "core/data/split.h"

#include "core/data/report.h"
#include "support.h"

namespace heddle::test {
namespace {

SplitOptions kind(SplitKind k, double test = 0.1, double activation = 0) {
  SplitOptions options;
  options.kind = k;
  options.test = test;
  options.activation_users = activation;
  options.validation_users = 0;
  return options;
}

// Starts: user 1 at 1, 2 at 2, 3 at 3, 4 at 8, 5 at 9.
const std::vector<Event> five_users = {
    {1, 10, 1}, {1, 20, 4}, {1, 30, 8}, {1, 40, 9},  // its events at 8 and 9 come after T = 8
    {2, 10, 2}, {2, 30, 3}, {3, 20, 3}, {3, 10, 7}, {4, 10, 8}, {4, 20, 9}, {4, 50, 9}, {5, 30, 9}, {5, 10, 10}};

TEST(NewUsersSplit, TakesTheMostRecentUsersWholeAndForgetsOldUsersLaterEvents) {
  Interactions log = read(five_users);
  const Split split = make_split(log, kind(SplitKind::new_users, 0.4), 1);
  EXPECT_EQ(split.boundary, 8);
  EXPECT_EQ(describe(log, split.train), "1: 10 20; 2: 10 30; 3: 20 10");
  EXPECT_EQ(describe(log, split.test), "4: 10 20 > 50; 5: 30 > 10");
  EXPECT_EQ(split.neither_side, 2);
  EXPECT_EQ(split.cold_items, 2);    // 40 (only after T) and 50 (only in test)
  EXPECT_EQ(split.cold_targets, 1);  // 50
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(NewUsersSplit, TIsTheLargestStartThatReachesTheShare) {
  Interactions log = read(five_users);
  EXPECT_EQ(make_split(log, kind(SplitKind::new_users, 0.2), 1).boundary, 9);   // 1 of 5 users
  EXPECT_EQ(make_split(log, kind(SplitKind::new_users, 0.21), 1).boundary, 8);  // 0.21 needs a second one
}

TEST(NewUsersSplit, TiesAtTGoToTestAndMayExceedTheShare) {
  // Three users start at 5; a share of 0.2 asks for one of five and gets three.
  Interactions log = read({{1, 1, 1},
                           {1, 2, 2},
                           {2, 1, 2},
                           {2, 3, 5},
                           {3, 1, 5},
                           {3, 2, 6},
                           {4, 1, 5},
                           {4, 2, 6},
                           {5, 1, 5},
                           {5, 2, 7},
                           {2, 2, 4}});
  const Split split = make_split(log, kind(SplitKind::new_users, 0.2), 1);
  EXPECT_EQ(split.boundary, 5);
  EXPECT_EQ(describe(log, split.test), "3: 1 > 2; 4: 1 > 2; 5: 1 > 2");
  EXPECT_EQ(describe(log, split.train), "1: 1 2; 2: 1 2");  // the event of user 2 at T itself is on neither side
  EXPECT_EQ(split.neither_side, 1);
}

TEST(NewUsersSplit, UsersWithOneEventAreNoTestUsers) {
  Interactions log = read({{1, 1, 1}, {1, 2, 2}, {2, 1, 5}, {3, 1, 6}, {3, 2, 7}});
  const Split split = make_split(log, kind(SplitKind::new_users, 0.6), 1);
  EXPECT_EQ(describe(log, split.test), "3: 1 > 2");
  EXPECT_EQ(split.too_short_test, 1);
}

TEST(NewUsersSplit, DroppingColdItemsChangesTheLogOfTestUsersOnly) {
  Interactions log = read(five_users);
  SplitOptions options = kind(SplitKind::new_users, 0.4);
  options.drop_cold_items = true;
  const Split split = make_split(log, options, 1);
  EXPECT_EQ(describe(log, split.test), "4: 10 > 20; 5: 30 > 10");
  EXPECT_EQ(describe(log, split.train), "1: 10 20; 2: 10 30; 3: 20 10");
  EXPECT_EQ(split.cold_events_dropped, 1);
  EXPECT_EQ(split.cold_targets, 0);
  EXPECT_EQ(log.event_count(), 12);
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(GlobalTimeSplit, CutsEveryHistoryAtOneTime) {
  // 13 events; rank floor(0.7 * 13) = 9 (from 0) in time: 1 2 3 3 4 7 8 8 9 [9] 9 9 10, so T = 9 and all ties at 9 are
  // test.
  Interactions log = read(five_users);
  const Split split = make_split(log, kind(SplitKind::global_time, 0.3), 1);
  EXPECT_EQ(split.boundary, 9);
  EXPECT_EQ(describe(log, split.train), "1: 10 20 30; 2: 10 30; 3: 20 10");
  EXPECT_EQ(split.too_short_train, 1);  // user 4 has one event before T
  EXPECT_EQ(describe(log, split.test), "1: 10 20 30 > 40; 4: 10 20 > 50; 5: 30 > 10");
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(LeaveOneOut, LastIsTestLastButOneIsValidation) {
  Interactions log = read(five_users);
  SplitOptions options = kind(SplitKind::leave_one_out);
  options.validation_users = 100;
  const Split split = make_split(log, options, 1);
  EXPECT_EQ(split.options.validation, Validation::last_item);
  EXPECT_EQ(describe(log, split.test), "1: 10 20 30 > 40; 4: 10 20 > 50");
  EXPECT_EQ(describe(log, split.validation), "1: 10 20 > 30; 4: 10 > 20");
  EXPECT_EQ(describe(log, split.train), "1: 10 20; 2: 10 30; 3: 20 10; 5: 30 10");  // short users stay whole
  EXPECT_EQ(split.too_short_test, 3);
  EXPECT_EQ(split.too_short_train, 1);  // user 4: one event is left
  EXPECT_FALSE(split.has_boundary);
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(LeaveOneOut, DroppingColdItemsDropsColdTargets) {
  // On the training side are items 10 and 20: 30 is only ever a validation target, 40 a test target.
  Interactions log =
      read({{1, 10, 1}, {1, 20, 2}, {1, 30, 3}, {1, 40, 4}, {2, 20, 1}, {2, 10, 2}, {2, 30, 3}, {2, 10, 4}});
  SplitOptions options = kind(SplitKind::leave_one_out);
  options.drop_cold_items = true;
  const Split split = make_split(log, options, 1);
  EXPECT_EQ(split.cold_items, 2);
  EXPECT_EQ(split.cold_events_dropped, 3);
  EXPECT_EQ(split.cold_targets, 0);
  EXPECT_EQ(describe(log, split.test), "2: 20 10 30 > 10");
  EXPECT_EQ(log.event_count(), 8);  // the log stays as it is
  options.validation_users = 10;
  EXPECT_EQ(failure([&] { make_split(log, options, 1); }),
            "[split] leaves no validation user; set validation_users = 0 to train without early stopping");
}

std::vector<Event> many_users(int64_t users, int64_t events) {
  std::vector<Event> out;
  for (int64_t u = 0; u < users; ++u)
    for (int64_t e = 0; e < events; ++e) out.push_back({u, (u * 7 + e * 3) % 50, u * 10 + e});
  return out;
}

TEST(ActivationUsers, AreARoundedShareDrawnBySeedAndUnknownToTheBackbone) {
  Interactions log = read(many_users(103, 6));
  SplitOptions options = kind(SplitKind::new_users, 0.1, 0.4);
  const Split split = make_split(log, options, 5);
  EXPECT_EQ(split.test.user_count(), 11);
  EXPECT_EQ(split.training_users, 92);
  EXPECT_EQ(split.dictionary.user_count(), 37);  // round(36.8)
  EXPECT_EQ(split.train.user_count(), 55);
  EXPECT_TRUE(find_leaks(log, split).empty());
  EXPECT_EQ(make_split(log, options, 5).dictionary.users, split.dictionary.users);
  EXPECT_NE(make_split(log, options, 6).dictionary.users, split.dictionary.users);
  for (const UserRange& range : split.dictionary.users) EXPECT_EQ(range.target, range.end);
}

TEST(ActivationUsers, ZeroMeansTheTrainingUsers) {
  Interactions log = read(many_users(50, 6));
  const Split split = make_split(log, kind(SplitKind::new_users, 0.2, 0), 5);
  ASSERT_EQ(split.dictionary.user_count(), split.train.user_count());
  for (size_t i = 0; i < split.train.users.size(); ++i)
    EXPECT_EQ(split.dictionary.users[i].user, split.train.users[i].user);
}

TEST(ValidationUsers, AreHeldOutOfTheBackboneAtMostATenth) {
  Interactions log = read(many_users(100, 6));
  SplitOptions options = kind(SplitKind::new_users, 0.1, 0.4);
  options.validation_users = 1000;
  const Split split = make_split(log, options, 5);
  EXPECT_EQ(split.options.validation, Validation::users);
  EXPECT_EQ(split.validation.user_count(), 6);  // a tenth of 54, rounded up
  EXPECT_EQ(split.train.user_count(), 48);
  EXPECT_TRUE(find_leaks(log, split).empty());
  options.validation_users = 2;
  EXPECT_EQ(make_split(log, options, 5).validation.user_count(), 2);
  EXPECT_EQ(make_split(log, options, 5).dictionary.users, split.dictionary.users);  // draws do not disturb one another
}

TEST(ValidationUsers, LastItemWithholdsOneEventOfEachValidationUser) {
  Interactions log = read(many_users(20, 4));
  SplitOptions options = kind(SplitKind::new_users, 0.1, 0);
  options.validation = Validation::last_item;
  options.validation_users = 5;
  const Split split = make_split(log, options, 3);
  EXPECT_EQ(split.validation.user_count(), 5);
  EXPECT_EQ(split.train.user_count(), 18);
  EXPECT_EQ(split.train.event_count(), 18 * 4 - 5);
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(ValidationUsers, ActivationUsersCostNoTrainingData) {
  Interactions log = read(many_users(20, 4));
  SplitOptions options = kind(SplitKind::new_users, 0.1, 0.5);
  options.validation = Validation::activation_users;
  options.validation_users = 100;
  const Split split = make_split(log, options, 3);
  EXPECT_EQ(split.validation.users, split.dictionary.users);
  EXPECT_EQ(split.train.user_count(), 9);
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(SplitOptionsCheck, OneClearLineEach) {
  Interactions log = read(five_users);
  const auto message = [&](const SplitOptions& options) { return failure([&] { make_split(log, options, 1); }); };
  EXPECT_EQ(message(kind(SplitKind::new_users, 1.5)),
            "[split] test = 1.5: it must lie between 0 and 1 (a share of the users)");
  EXPECT_EQ(message(kind(SplitKind::new_users, 0.4, 1)),
            "[split] activation_users = 1: it must lie in [0, 1) (a share of the training users)");
  SplitOptions options = kind(SplitKind::new_users, 0.4);
  options.validation = Validation::activation_users;
  EXPECT_EQ(message(options), "[split] validation = \"activation_users\" needs activation_users above 0");
  EXPECT_EQ(message(kind(SplitKind::new_users, 0.9)),
            "[split] leaves no user to train on: 0 users on the training side of 5 in all");
  FakeSource timeless;
  timeless.events = five_users;
  timeless.has_time = false;
  log = read(timeless);
  EXPECT_EQ(message(kind(SplitKind::new_users)),
            "[split] kind = \"new_users\" needs times, and the interactions have none; use \"leave_one_out\"");
}

TEST(FindLeaks, SeesWhatIsWrong) {
  Interactions log = read(five_users);
  Split split = make_split(log, kind(SplitKind::new_users, 0.4), 1);
  Split bad = split;
  bad.train.users.push_back(split.test.users[0]);
  bad.train.users.back().target = -1;
  bad.train.users.back().end = log.end(bad.train.users.back().user);
  const std::vector<std::string> leaks = find_leaks(log, bad);
  ASSERT_EQ(leaks.size(), 3u);
  EXPECT_EQ(leaks[0], "test: the target of user 4 (event 10) is also trained on");
  EXPECT_EQ(leaks[1], "test: user 4 is also trained on");
  EXPECT_EQ(leaks[2], "train: user 4 has an event at or after the boundary 8");
  bad = split;
  bad.test.users[0].target += 5;
  EXPECT_EQ(find_leaks(log, bad).size(), 1u);
}

}  // namespace
}  // namespace heddle::test
