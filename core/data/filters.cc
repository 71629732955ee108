#include "core/data/filters.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/data/interactions.h"

namespace heddle {
namespace {

// Keeps the events of each user for which keep(user, event, row_begin, row_end) says so, in place; returns how many
// went.
template <class Keep>
int64_t retain(Interactions& log, Keep&& keep) {
  size_t out = 0;
  int64_t begin = 0;
  for (int64_t user = 0; user < log.user_count(); ++user) {
    const int64_t end = log.offsets[static_cast<size_t>(user) + 1];
    for (int64_t event = begin; event < end; ++event) {
      if (!keep(user, event, begin, end)) continue;
      const auto from = static_cast<size_t>(event);
      log.items[out] = log.items[from];
      log.times[out] = log.times[from];
      if (!log.values.empty()) log.values[out] = log.values[from];
      ++out;
    }
    begin = end;
    log.offsets[static_cast<size_t>(user) + 1] = static_cast<int64_t>(out);
  }
  const auto removed = static_cast<int64_t>(log.items.size() - out);
  log.items.resize(out);
  log.times.resize(out);
  if (!log.values.empty()) log.values.resize(out);
  return removed;
}

int64_t drop_duplicates(Interactions& log, Duplicates mode) {
  // last_seen[item] = event (+1) that represents the item for the current user; events grow from user to user, so a
  // stale entry of an earlier user lies before the row.
  std::vector<int64_t> seen(static_cast<size_t>(log.item_count()), 0);
  if (mode == Duplicates::keep_first) {
    return retain(log, [&](int64_t, int64_t event, int64_t begin, int64_t) {
      int64_t& first = seen[static_cast<size_t>(log.items[static_cast<size_t>(event)])];
      if (first > begin) return false;
      first = event + 1;
      return true;
    });
  }
  int64_t filled = -1;  // the row for which `seen` holds the last occurrences
  return retain(log, [&](int64_t, int64_t event, int64_t begin, int64_t end) {
    if (filled != begin) {
      for (int64_t e = begin; e < end; ++e) seen[static_cast<size_t>(log.items[static_cast<size_t>(e)])] = e + 1;
      filled = begin;
    }
    return seen[static_cast<size_t>(log.items[static_cast<size_t>(event)])] == event + 1;
  });
}

int64_t drop_consecutive(Interactions& log) {
  int32_t previous = -1;
  return retain(log, [&](int64_t, int64_t event, int64_t begin, int64_t) {
    const int32_t item = log.items[static_cast<size_t>(event)];
    const bool repeat = event > begin && item == previous;
    previous = item;
    return !repeat;
  });
}

void apply_minimum_counts(Interactions& log, const FilterOptions& options) {
  std::vector<int64_t> counts(static_cast<size_t>(log.item_count()));
  for (;;) {
    std::fill(counts.begin(), counts.end(), 0);
    for (int32_t item : log.items) ++counts[static_cast<size_t>(item)];
    int64_t removed = 0;
    const auto too_few = [](int64_t count, int64_t least) { return count > 0 && count < least; };
    if (std::any_of(counts.begin(), counts.end(), [&](int64_t n) { return too_few(n, options.min_item_events); }))
      removed += retain(log, [&](int64_t, int64_t event, int64_t, int64_t) {
        return counts[static_cast<size_t>(log.items[static_cast<size_t>(event)])] >= options.min_item_events;
      });
    bool short_row = false;
    for (int64_t user = 0; user < log.user_count() && !short_row; ++user)
      short_row = too_few(log.length(user), options.min_user_events);
    if (short_row)
      removed += retain(
          log, [&](int64_t, int64_t, int64_t begin, int64_t end) { return end - begin >= options.min_user_events; });
    ++log.report.passes;
    log.report.by_minimum_counts += removed;
    if (removed == 0 || !options.iterative) return;
  }
}

// Renumbers users and items so that those without events are gone; the order of the rest stays.
void drop_empty(Interactions& log) {
  std::vector<int32_t> renumber(static_cast<size_t>(log.item_count()), -1);
  for (int32_t item : log.items) renumber[static_cast<size_t>(item)] = 0;
  int32_t next = 0;
  for (size_t i = 0; i < renumber.size(); ++i) {
    if (renumber[i] < 0) continue;
    renumber[i] = next;
    if (static_cast<size_t>(next) != i) log.item_ids[static_cast<size_t>(next)] = std::move(log.item_ids[i]);
    ++next;
  }
  log.report.items_removed += log.item_count() - next;
  log.item_ids.resize(static_cast<size_t>(next));
  for (int32_t& item : log.items) item = renumber[static_cast<size_t>(item)];
  size_t users = 0;
  for (size_t user = 0; user < log.user_ids.size(); ++user) {
    if (log.offsets[user + 1] == log.offsets[user]) continue;
    if (users != user) log.user_ids[users] = std::move(log.user_ids[user]);
    log.offsets[++users] = log.offsets[user + 1];
  }
  log.report.users_removed += static_cast<int64_t>(log.user_ids.size() - users);
  log.user_ids.resize(users);
  log.offsets.resize(users + 1);
}

}  // namespace

void validate(const FilterOptions& options) {
  const auto at_least = [](const char* name, int64_t value, int64_t least) {
    if (value < least) wrong_use("[filters] {} = {}: it must be at least {}", name, value, least);
  };
  at_least("min_user_events", options.min_user_events, 0);
  at_least("min_item_events", options.min_item_events, 0);
  at_least("first_n", options.first_n, 0);
  at_least("last_n", options.last_n, 0);
  if (std::isnan(options.minimum_value)) wrong_use("[filters] minimum_value is not a number");
}

void apply_filters(Interactions& log, const FilterOptions& options) {
  validate(options);
  const size_t before = log.items.size();
  if (options.duplicates != Duplicates::keep_all) log.report.duplicates += drop_duplicates(log, options.duplicates);
  if (options.consecutive) log.report.consecutive += drop_consecutive(log);
  if (options.min_user_events > 1 || options.min_item_events > 1) apply_minimum_counts(log, options);
  if (options.first_n > 0)
    log.report.by_position +=
        retain(log, [&](int64_t, int64_t event, int64_t begin, int64_t) { return event - begin < options.first_n; });
  if (options.last_n > 0)
    log.report.by_position +=
        retain(log, [&](int64_t, int64_t event, int64_t, int64_t end) { return end - event <= options.last_n; });
  // Every user and item has an event to begin with, so only a filter that removed some can leave one without.
  if (log.items.size() < before) drop_empty(log);
}

}  // namespace heddle
