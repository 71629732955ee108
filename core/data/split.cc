#include "core/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/error.h"
#include "core/compute/rng.h"

namespace heddle {
namespace {

// Draws of different meaning must not share numbers: steps of the key.
enum Draw : uint64_t { draw_activation_users = 0, draw_validation_users = 1 };

// What every kind of split decides; the rest is common. Per user: events [begin, end) to learn from, `late` an event
// after them that may be used as the validation target (leave_one_out; else -1), and the test target (-1: not a test
// user).
struct Cut {
  int64_t end;
  int64_t late = -1;
  int64_t target = -1;
};

bool starts_in_test(const Interactions& log, int64_t user, int64_t boundary) {
  return log.length(user) > 0 && log.times[static_cast<size_t>(log.begin(user))] >= boundary;
}

// First event of the user at or after the boundary.
int64_t first_at_or_after(const Interactions& log, int64_t user, int64_t boundary) {
  const auto begin = log.times.begin() + log.begin(user), end = log.times.begin() + log.end(user);
  return std::lower_bound(begin, end, boundary) - log.times.begin();
}

int64_t new_users_boundary(const Interactions& log, double test) {
  std::map<int64_t, int64_t, std::greater<>> starts;  // start time -> users, latest first
  for (int64_t user = 0; user < log.user_count(); ++user) ++starts[log.times[static_cast<size_t>(log.begin(user))]];
  const double wanted = test * static_cast<double>(log.user_count());
  int64_t cumulated = 0;
  for (const auto& [time, users] : starts) {
    cumulated += users;
    if (static_cast<double>(cumulated) >= wanted) return time;
  }
  return starts.rbegin()->first;
}

int64_t global_boundary(const Interactions& log, double test) {
  std::vector<int64_t> times(log.times.begin(), log.times.end());
  const double rank = std::floor((1.0 - test) * static_cast<double>(times.size()));
  const size_t at = std::min(static_cast<size_t>(rank), times.size() - 1);
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(at), times.end());
  return times[at];
}

std::vector<Cut> cut_log(const Interactions& log, const SplitOptions& options, Split& split) {
  std::vector<Cut> cuts(static_cast<size_t>(log.user_count()));
  if (options.kind == SplitKind::new_users) split.boundary = new_users_boundary(log, options.test);
  if (options.kind == SplitKind::global_time) split.boundary = global_boundary(log, options.test);
  split.has_boundary = options.kind != SplitKind::leave_one_out;
  for (int64_t user = 0; user < log.user_count(); ++user) {
    Cut& cut = cuts[static_cast<size_t>(user)];
    const int64_t begin = log.begin(user), end = log.end(user);
    switch (options.kind) {
      case SplitKind::leave_one_out:
        cut.end = end;
        if (end - begin >= 3) {
          cut = {end - 2, end - 2, end - 1};
        } else {
          ++split.too_short_test;
        }
        break;
      case SplitKind::new_users:
        if (starts_in_test(log, user, split.boundary)) {
          cut = {begin, -1, end - 1};
        } else {
          cut.end = first_at_or_after(log, user, split.boundary);
          split.neither_side += end - cut.end;
        }
        break;
      case SplitKind::global_time:
        cut.end = first_at_or_after(log, user, split.boundary);
        if (cut.end < end) cut.target = end - 1;
        break;
    }
  }
  return cuts;
}

std::vector<uint8_t> items_in_training(const Interactions& log, const std::vector<Cut>& cuts) {
  std::vector<uint8_t> known(static_cast<size_t>(log.item_count()), 0);
  for (int64_t user = 0; user < log.user_count(); ++user)
    for (int32_t item : log.items_of(log.begin(user), cuts[static_cast<size_t>(user)].end))
      known[static_cast<size_t>(item)] = 1;
  return known;
}

// Removes test events of unknown items. With leave_one_out the target alone can be cold; its user then is no test user,
// and the event stays where it is.
void drop_cold(Interactions& log, std::vector<Cut>& cuts, const std::vector<uint8_t>& known, SplitKind kind,
               Split& split) {
  const auto cold = [&](int64_t event) { return !known[static_cast<size_t>(log.items[static_cast<size_t>(event)])]; };
  if (kind == SplitKind::leave_one_out) {
    for (Cut& cut : cuts) {
      if (cut.target < 0) continue;
      if (cut.late >= 0 && cold(cut.late)) cut.late = -1, ++split.cold_events_dropped;
      if (cold(cut.target)) cut.target = -1, ++split.cold_events_dropped;
    }
    return;
  }
  size_t out = 0;
  int64_t begin = 0;
  for (size_t user = 0; user < cuts.size(); ++user) {
    const int64_t end = log.offsets[user + 1];
    Cut& cut = cuts[user];
    const int64_t shift = begin - log.offsets[user];  // the row moves down by this
    for (int64_t event = begin; event < end; ++event) {
      if (cut.target >= 0 && event >= cut.end && cold(event)) {
        ++split.cold_events_dropped;
        continue;
      }
      log.items[out] = log.items[static_cast<size_t>(event)];
      log.times[out] = log.times[static_cast<size_t>(event)];
      if (!log.values.empty()) log.values[out] = log.values[static_cast<size_t>(event)];
      ++out;
    }
    begin = end;
    log.offsets[user + 1] = static_cast<int64_t>(out);
    cut.end -= shift;
    if (cut.target < 0) continue;
    cut.target = log.offsets[user + 1] - 1 >= cut.end ? log.offsets[user + 1] - 1 : -1;
    split.too_short_test += cut.target < 0;
  }
  log.items.resize(out);
  log.times.resize(out);
  if (!log.values.empty()) log.values.resize(out);
}

void collect_test(const Interactions& log, const std::vector<Cut>& cuts, const std::vector<uint8_t>& known,
                  Split& split) {
  for (int64_t user = 0; user < log.user_count(); ++user) {
    const int64_t target = cuts[static_cast<size_t>(user)].target, begin = log.begin(user);
    if (target < 0) continue;
    if (target - begin < 1) {
      ++split.too_short_test;
      continue;
    }
    split.test.users.push_back({static_cast<int32_t>(user), begin, target, target});
    split.cold_targets += !known[static_cast<size_t>(log.items[static_cast<size_t>(target)])];
  }
}

// `count` of the given users, drawn by the key, ascending.
std::vector<int64_t> draw(const std::vector<int64_t>& users, int64_t count, uint64_t seed, Draw purpose) {
  const std::vector<int64_t> order =
      permutation(rng_key(seed, RngPurpose::split, 0, purpose), static_cast<int64_t>(users.size()));
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < std::min(count, static_cast<int64_t>(order.size())); ++i)
    chosen.push_back(users[static_cast<size_t>(order[static_cast<size_t>(i)])]);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<int64_t> without(const std::vector<int64_t>& users, const std::vector<int64_t>& removed) {
  std::vector<int64_t> rest;
  std::set_difference(users.begin(), users.end(), removed.begin(), removed.end(), std::back_inserter(rest));
  return rest;
}

// The user's history on the training side up to its last target there: the withheld event, or the last event of the
// side.
UserRange with_target(const Interactions& log, int64_t user, const Cut& cut) {
  const int64_t target = cut.late >= 0 ? cut.late : cut.end - 1;
  return {static_cast<int32_t>(user), log.begin(user), target, target};
}

void append_usable(const Interactions& log, const std::vector<int64_t>& users, const std::vector<Cut>& cuts,
                   Part& part) {
  for (int64_t user : users) {
    const UserRange range = with_target(log, user, cuts[static_cast<size_t>(user)]);
    if (range.length() >= 1) part.users.push_back(range);
  }
}

void divide_training_side(const Interactions& log, const std::vector<Cut>& cuts, uint64_t seed, Split& split) {
  const SplitOptions& options = split.options;
  std::vector<int64_t> side;
  for (int64_t user = 0; user < log.user_count(); ++user)
    if (cuts[static_cast<size_t>(user)].end > log.begin(user)) side.push_back(user);
  split.training_users = static_cast<int64_t>(side.size());
  const auto activation =
      static_cast<int64_t>(std::llround(options.activation_users * static_cast<double>(side.size())));
  const std::vector<int64_t> dictionary = draw(side, activation, seed, draw_activation_users);
  std::vector<int64_t> backbone = without(side, dictionary);
  append_usable(log, activation > 0 ? dictionary : backbone, cuts, split.dictionary);

  const int64_t most = options.validation_users;
  std::vector<int64_t> validation;
  if (options.validation == Validation::users) {
    const int64_t tenth = (static_cast<int64_t>(backbone.size()) + 9) / 10;
    validation = draw(backbone, std::min(most, tenth), seed, draw_validation_users);
    backbone = without(backbone, validation);
    if (activation == 0) {  // "the training users": without those that are held out
      split.dictionary.users.clear();
      append_usable(log, backbone, cuts, split.dictionary);
    }
  } else {
    std::vector<int64_t> usable;
    for (int64_t user : options.validation == Validation::last_item ? backbone : dictionary) {
      const Cut& cut = cuts[static_cast<size_t>(user)];
      if (cut.late < 0 && options.kind == SplitKind::leave_one_out) continue;
      if (with_target(log, user, cut).length() >= 1) usable.push_back(user);
    }
    validation = draw(usable, most, seed, draw_validation_users);
  }
  append_usable(log, validation, cuts, split.validation);

  const bool withhold = options.validation == Validation::last_item && options.kind != SplitKind::leave_one_out;
  for (int64_t user : backbone) {
    const Cut& cut = cuts[static_cast<size_t>(user)];
    const int64_t end =
        withhold && std::binary_search(validation.begin(), validation.end(), user) ? cut.end - 1 : cut.end;
    if (end - log.begin(user) >= 2) {
      split.train.users.push_back({static_cast<int32_t>(user), log.begin(user), end, -1});
    } else {
      ++split.too_short_train;
    }
  }
}

void check_options(const Interactions& log, const SplitOptions& options) {
  if (options.kind != SplitKind::leave_one_out && !(options.test > 0 && options.test < 1))
    wrong_use("[split] test = {}: it must lie between 0 and 1 (a share of {})", options.test,
              options.kind == SplitKind::new_users ? "the users" : "the events");
  if (!(options.activation_users >= 0 && options.activation_users < 1))
    wrong_use("[split] activation_users = {}: it must lie in [0, 1) (a share of the training users)",
              options.activation_users);
  if (options.validation_users < 0)
    wrong_use("[split] validation_users = {}: it must be at least 0", options.validation_users);
  if (options.kind != SplitKind::leave_one_out && !log.report.has_time)
    wrong_use("[split] kind = \"{}\" needs times, and the interactions have none; use \"leave_one_out\"",
              to_string(options.kind));
  if (options.validation == Validation::activation_users && options.activation_users == 0)
    wrong_use("[split] validation = \"activation_users\" needs activation_users above 0");
}

}  // namespace

Split make_split(Interactions& log, const SplitOptions& options, uint64_t seed) {
  check_options(log, options);
  Split split;
  split.options = options;
  if (options.validation == Validation::automatic)
    split.options.validation = options.kind == SplitKind::leave_one_out ? Validation::last_item : Validation::users;
  std::vector<Cut> cuts = cut_log(log, options, split);
  const std::vector<uint8_t> known = items_in_training(log, cuts);
  split.cold_items = std::count(known.begin(), known.end(), uint8_t{0});
  if (options.drop_cold_items) drop_cold(log, cuts, known, options.kind, split);
  collect_test(log, cuts, known, split);
  divide_training_side(log, cuts, seed, split);
  for (const Cut& cut : cuts) split.training_end.push_back(cut.end);
  if (split.train.empty())
    wrong_use("[split] leaves no user to train on: {} users on the training side of {} in all", split.training_users,
              log.user_count());
  if (split.test.empty()) wrong_use("[split] leaves no user to test on ({} users in all)", log.user_count());
  if (options.activation_users > 0 && split.dictionary.empty())
    wrong_use("[split] activation_users = {} leaves no dictionary user ({} users on the training side)",
              options.activation_users, split.training_users);
  if (options.validation_users > 0 && split.validation.empty())
    wrong_use("[split] leaves no validation user; set validation_users = 0 to train without early stopping");
  return split;
}

std::string to_string(SplitKind kind) {
  switch (kind) {
    case SplitKind::leave_one_out: return "leave_one_out";
    case SplitKind::global_time: return "global_time";
    default: return "new_users";
  }
}

std::string to_string(Validation validation) {
  switch (validation) {
    case Validation::users: return "users";
    case Validation::last_item: return "last_item";
    case Validation::activation_users: return "activation_users";
    default: return "automatic";
  }
}

}  // namespace heddle
