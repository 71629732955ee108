// Streaming read: intern ids, gather blocks, then one counting sort by user and a stable sort by time within each user.
#include "core/data/interactions.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/data/event_store.h"
#include "core/data/id_map.h"
#include "core/data/utf8.h"

namespace heddle {
namespace {

// Raw ids in order of appearance -> their numbers in ascending order; ids as text in that order. Integer ids are
// compared by value, so that "9" comes before "10".
std::vector<int32_t> rank(const std::vector<int64_t>& ids, std::vector<std::string>& texts) {
  std::vector<int32_t> order(ids.size()), ranks(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return ids[static_cast<size_t>(a)] < ids[static_cast<size_t>(b)]; });
  texts.resize(ids.size());
  for (size_t i = 0; i < order.size(); ++i) {
    ranks[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
    texts[i] = std::to_string(ids[static_cast<size_t>(order[i])]);
  }
  return ranks;
}

std::vector<int32_t> rank(const StringIdMap& ids, std::vector<std::string>& texts) {
  std::vector<int32_t> order(ids.size()), ranks(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return ids.at(a) < ids.at(b); });
  texts.resize(ids.size());
  for (size_t i = 0; i < order.size(); ++i) {
    ranks[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
    texts[i] = std::string(ids.at(order[i]));
  }
  return ranks;
}

// One column of ids, integer or string as the source says.
class IdColumn {
 public:
  IdColumn(const char* what, const std::string& who, int32_t type)
      : what_(what), who_(who), strings_(type == HEDDLE_ID_STRING) {}

  void bind(const int64_t* ids, const uint64_t* offsets, const char* text) {
    if (strings_ ? offsets == nullptr : ids == nullptr)
      fail(HEDDLE_INTERNAL, "{}: {} ids are not of the type that the source declared (a fault of the plugin)", who_,
           what_);
    ids_ = ids;
    offsets_ = offsets;
    text_ = text;
  }
  int32_t operator()(int64_t i) {
    if (!strings_) return ints_.intern(ids_[i]);
    if (offsets_[i + 1] < offsets_[i])
      fail(HEDDLE_INTERNAL, "{}: offsets of {} ids descend (a fault of the plugin)", who_, what_);
    const std::string_view id(text_ + offsets_[i], offsets_[i + 1] - offsets_[i]);
    bool is_new = false;
    const int32_t number = texts_.intern(id, is_new);
    if (is_new && (id.empty() || !is_utf8(id)))
      wrong_use("{}: the {} id of an event is {}", who_, what_, id.empty() ? "empty" : "not UTF-8");
    return number;
  }
  std::vector<int32_t> ranks(std::vector<std::string>& texts) const {
    return strings_ ? rank(texts_, texts) : rank(ints_.ids(), texts);
  }

 private:
  const char* what_;
  const std::string& who_;
  bool strings_;
  IntIdMap ints_;
  StringIdMap texts_;
  const int64_t* ids_ = nullptr;
  const uint64_t* offsets_ = nullptr;
  const char* text_ = nullptr;
};

// Sorts the rows of users [first, last) by time, ties in the order in which they stand; returns the number of ties.
int64_t sort_rows(Interactions& log, int64_t first, int64_t last) {
  struct Key {
    int64_t time;
    int64_t at;
    bool operator<(const Key& other) const { return time != other.time ? time < other.time : at < other.at; }
  };
  std::vector<Key> keys;
  std::vector<int32_t> items;
  std::vector<float> values;
  int64_t ties = 0;
  for (int64_t user = first; user < last; ++user) {
    const auto begin = static_cast<size_t>(log.begin(user)), end = static_cast<size_t>(log.end(user)), n = end - begin;
    int64_t* times = log.times.data() + begin;
    if (!std::is_sorted(times, times + n)) {
      keys.resize(n);
      for (size_t i = 0; i < n; ++i) keys[i] = {times[i], static_cast<int64_t>(i)};
      std::sort(keys.begin(), keys.end());
      items.assign(log.items.data() + begin, log.items.data() + end);
      for (size_t i = 0; i < n; ++i) {
        times[i] = keys[i].time;
        log.items[begin + i] = items[static_cast<size_t>(keys[i].at)];
      }
      if (!log.values.empty()) {
        values.assign(log.values.data() + begin, log.values.data() + end);
        for (size_t i = 0; i < n; ++i) log.values[begin + i] = values[static_cast<size_t>(keys[i].at)];
      }
    }
    for (size_t i = 1; i < n; ++i) ties += times[i] == times[i - 1];
  }
  return ties;
}

// Blocks in the order of the file into rows by user. Each block is freed as soon as it is placed.
void place(EventStore& store, const IdColumn& users, const IdColumn& items, Interactions& log) {
  const std::vector<int32_t> user_rank = users.ranks(log.user_ids), item_rank = items.ranks(log.item_ids);
  log.offsets.assign(log.user_ids.size() + 1, 0);
  for (const EventStore::Block& block : store.blocks())
    for (int64_t i = 0; i < block.count; ++i)
      ++log.offsets[static_cast<size_t>(user_rank[static_cast<size_t>(block.user[static_cast<size_t>(i)])]) + 1];
  std::partial_sum(log.offsets.begin(), log.offsets.end(), log.offsets.begin());
  const auto n = static_cast<size_t>(store.count());
  log.items.resize(n);
  log.times.resize(n);
  if (store.with_values()) log.values.resize(n);
  std::vector<int64_t> cursor(log.offsets.begin(), log.offsets.end() - 1);
  for (EventStore::Block& block : store.blocks()) {
    for (size_t i = 0; i < static_cast<size_t>(block.count); ++i) {
      const auto user = static_cast<size_t>(user_rank[static_cast<size_t>(block.user[i])]);
      const auto at = static_cast<size_t>(cursor[user]++);
      log.items[at] = item_rank[static_cast<size_t>(block.item[i])];
      log.times[at] = block.time[i];
      if (store.with_values()) log.values[at] = block.value[i];
    }
    block = {};
  }
}

// Rows are independent, so the number of threads changes no result.
void sort_by_time(Interactions& log) {
  const int64_t users = log.user_count();
  const auto threads = static_cast<size_t>(
      std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, log.event_count() < 100000 ? 1 : 16));
  std::vector<int64_t> ties(threads, 0);
  std::vector<std::thread> workers;
  const auto share = [&](size_t t) {  // users, cut so that every thread has about as many events
    const int64_t goal = log.event_count() * static_cast<int64_t>(t) / static_cast<int64_t>(threads);
    return t == threads ? users
                        : std::lower_bound(log.offsets.begin(), log.offsets.end() - 1, goal) - log.offsets.begin();
  };
  for (size_t t = 1; t < threads; ++t)
    workers.emplace_back([&, t] { ties[t] = sort_rows(log, share(t), share(t + 1)); });
  ties[0] = sort_rows(log, share(0), share(1));
  for (std::thread& worker : workers) worker.join();
  log.report.ties = std::accumulate(ties.begin(), ties.end(), int64_t{0});
}

int32_t find_id(const std::vector<std::string>& ids, std::string_view raw) {
  const auto at = std::lower_bound(ids.begin(), ids.end(), raw);
  if (at != ids.end() && *at == raw) return static_cast<int32_t>(at - ids.begin());
  int64_t number = 0;  // integer ids are ordered by value
  const auto [end, status] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (status != std::errc() || end != raw.data() + raw.size()) return -1;
  const auto value = [](const std::string& text) {
    int64_t v = 0;
    std::from_chars(text.data(), text.data() + text.size(), v);
    return v;
  };
  const auto by_value = std::lower_bound(ids.begin(), ids.end(), number,
                                         [&](const std::string& id, int64_t wanted) { return value(id) < wanted; });
  return by_value != ids.end() && *by_value == raw ? static_cast<int32_t>(by_value - ids.begin()) : -1;
}

}  // namespace

int32_t Interactions::find_user(std::string_view raw) const { return find_id(user_ids, raw); }
int32_t Interactions::find_item(std::string_view raw) const { return find_id(item_ids, raw); }

Interactions read_log(InteractionsSource& source, const FilterOptions& options) {
  validate(options);
  const auto start = std::chrono::steady_clock::now();
  const heddle_interactions_info info = source.info();
  Interactions log;
  log.report.has_time = info.has_time != 0;
  log.report.has_value = info.has_value != 0;
  if (std::isfinite(options.minimum_value) && !log.report.has_value)
    wrong_use("[filters] minimum_value = {}: {} has no values to compare it with", options.minimum_value, source.who());
  IdColumn users("user", source.who(), info.user_ids), items("item", source.who(), info.item_ids);
  EventStore store(log.report.has_value);
  Progress progress("reading interactions", static_cast<uint64_t>(std::max<int64_t>(info.expected_events, 0)),
                    "events");
  for (;;) {
    throw_if_cancelled();
    const heddle_event_block& block = source.next();
    log.report.bad_rows += block.bad_rows;
    if (block.count == 0) break;
    log.report.rows += block.count;
    users.bind(block.user, block.user_offsets, block.user_text);
    items.bind(block.item, block.item_offsets, block.item_text);
    for (int64_t i = 0; i < block.count; ++i) {
      const double value = block.value != nullptr ? block.value[i] : 1.0;
      if (log.report.has_value && !std::isfinite(value))
        wrong_use("{}: event {} has the value {}; values must be finite", source.who(),
                  log.report.rows - block.count + i, value);
      if (value < options.minimum_value) {
        ++log.report.below_minimum_value;
        continue;
      }
      const int32_t user = users(i), item = items(i);
      store.push(user, item, block.time[i], static_cast<float>(value));
    }
    progress.update(static_cast<uint64_t>(log.report.rows));
  }
  progress.finish();
  if (store.count() == 0)
    wrong_use("{}: no events left ({} read, {} bad rows skipped, {} below minimum_value)", source.who(),
              log.report.rows, log.report.bad_rows, log.report.below_minimum_value);
  place(store, users, items, log);
  sort_by_time(log);
  apply_filters(log, options);
  if (log.items.empty())
    wrong_use("[filters]: no events left of {}; lower min_user_events or min_item_events", log.report.rows);
  log.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return log;
}

}  // namespace heddle
