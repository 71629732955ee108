// Streaming read: blocks go straight into the log's columns, ids as numbers of first appearance. Then events are brought
// together by user (nothing moves where the file has them so), and each user's row is renumbered and sorted by time.
//
// Bound by memory: 32 bytes of block read and 16 of log written per event while reading, the log read and written once
// more by the rows' threads.
#include "core/data/interactions.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/event_store.h"
#include "core/data/id_map.h"
#include "core/data/row_sort.h"
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
  // The numbers of events [first, first + n) of the block.
  void numbers(int64_t first, int64_t n, int32_t* out) {
    if (!strings_) return ints_.intern(ids_ + first, static_cast<size_t>(n), out);
    for (int64_t i = 0; i < n; ++i) out[i] = (*this)(first + i);
  }
  // Where the run of the id of event `first` ends; at first + 1 for texts.
  int64_t end_of_run(int64_t first, int64_t last) const {
    int64_t at = first + 1;
    if (!strings_)
      while (at < last && ids_[at] == ids_[first]) ++at;
    return at;
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

// Events [first, last) of a block, which pass the filter, into the store.
void append(const heddle_event_block& block, int64_t first, int64_t last, IdColumn& users, IdColumn& items,
            EventStore& store) {
  const int64_t n = last - first;
  for (int64_t at = first; at < last;) {
    const int64_t end = users.end_of_run(at, last);
    store.add_users(users(at), end - at);
    at = end;
  }
  items.numbers(first, n, store.items.extend(static_cast<size_t>(n)));
  std::copy_n(block.time + first, n, store.times.extend(static_cast<size_t>(n)));
  if (!store.with_values()) return;
  float* values = store.values.extend(static_cast<size_t>(n));
  if (block.value == nullptr) std::fill_n(values, n, 1.0f);
  else std::transform(block.value + first, block.value + last, values, [](double v) { return static_cast<float>(v); });
}

// The first value that is infinite or no number, -1 when there is none.
int64_t first_infinite(const double* values, int64_t n) {
  // An exponent of ones carries into the sign when one is added to it: nothing but additions, which vectorise.
  constexpr uint64_t exponent = uint64_t{0x7FF} << 52, one = uint64_t{1} << 52, sign = uint64_t{1} << 63;
  uint64_t any = 0;
  for (int64_t i = 0; i < n; ++i) any |= (std::bit_cast<uint64_t>(values[i]) & exponent) + one;
  if ((any & sign) == 0) return -1;
  return std::find_if(values, values + n, [](double v) { return !std::isfinite(v); }) - values;
}

// A column in the order of the file into rows by user.
template <class T>
void group(EventColumn<T>& column, const EventStore& store, const std::vector<int32_t>& rank,
           const std::vector<int64_t>& offsets) {
  EventColumn<T> grouped(column.size());
  std::vector<int64_t> cursor(offsets.begin(), offsets.end() - 1);
  store.for_each_run([&](int32_t user, int64_t first, int64_t last) {
    int64_t& at = cursor[static_cast<size_t>(rank[static_cast<size_t>(user)])];
    std::copy(column.data() + first, column.data() + last, grouped.data() + at);
    at += last - first;
  });
  column = std::move(grouped);
}

// Columns of the store become those of the log, one at a time: that is what peak memory depends on.
void place(EventStore& store, const std::vector<int32_t>& rank, Interactions& log) {
  log.offsets.assign(log.user_ids.size() + 1, 0);
  int64_t previous = -1;
  bool in_order = true;
  store.for_each_run([&](int32_t user, int64_t first, int64_t last) {
    const int64_t row = rank[static_cast<size_t>(user)];
    log.offsets[static_cast<size_t>(row) + 1] += last - first;
    in_order = in_order && row >= previous;
    previous = row;
  });
  std::partial_sum(log.offsets.begin(), log.offsets.end(), log.offsets.begin());
  if (!in_order) {
    group(store.items, store, rank, log.offsets);
    group(store.times, store, rank, log.offsets);
    if (store.with_values()) group(store.values, store, rank, log.offsets);
  }
  log.items = std::move(store.items);
  log.times = std::move(store.times);
  log.values = std::move(store.values);
}

// Rows of users [first, last): items get their final numbers, events the order of time. Returns the number of ties.
int64_t finish_rows(Interactions& log, const std::vector<int32_t>& item_rank, int64_t first, int64_t last) {
  RowSorter sorter;
  int64_t ties = 0;
  for (int64_t user = first; user < last; ++user) {
    const auto begin = static_cast<size_t>(log.begin(user)), n = static_cast<size_t>(log.length(user));
    int64_t* times = log.times.data() + begin;
    int32_t* items = log.items.data() + begin;
    for (size_t i = 0; i < n; ++i) items[i] = item_rank[static_cast<size_t>(items[i])];
    sorter.sort(times, items, log.values.empty() ? nullptr : log.values.data() + begin, n);
    for (size_t i = 1; i < n; ++i) ties += times[i] == times[i - 1];
  }
  return ties;
}

// Rows are independent, so the number of threads changes no result.
void finish_rows(Interactions& log, const std::vector<int32_t>& item_rank) {
  const int64_t users = log.user_count();
  // Some shares per thread, so that one thread that is held up does not hold up all.
  const int64_t workers = log.event_count() < 100000 ? 1 : threads(), shares = workers == 1 ? 1 : workers * 8;
  std::vector<int64_t> ties(static_cast<size_t>(shares), 0);
  const auto start_of = [&](int64_t share) {  // users, cut so that every share has about as many events
    const int64_t goal = log.event_count() * share / shares;
    return share == shares ? users
                           : std::lower_bound(log.offsets.begin(), log.offsets.end() - 1, goal) - log.offsets.begin();
  };
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t share; (share = next.fetch_add(1)) < shares;)
      ties[static_cast<size_t>(share)] = finish_rows(log, item_rank, start_of(share), start_of(share + 1));
  };
  run_on_threads(workers, work);
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
    if (log.report.has_value && block.value != nullptr)
      if (const int64_t i = first_infinite(block.value, block.count); i >= 0)
        wrong_use("{}: event {} has the value {}; values must be finite", source.who(),
                  log.report.rows - block.count + i, block.value[i]);
    const auto passes = [&](int64_t i) {
      return (block.value != nullptr ? block.value[i] : 1.0) >= options.minimum_value;
    };
    const int64_t before = store.count();
    if (options.minimum_value == -std::numeric_limits<double>::infinity()) {
      append(block, 0, block.count, users, items, store);
    } else {
      for (int64_t first = 0, last; first < block.count; first = last) {
        for (last = first; last < block.count && passes(last);) ++last;
        append(block, first, last, users, items, store);
        while (last < block.count && !passes(last)) ++last;
      }
    }
    log.report.below_minimum_value += block.count - (store.count() - before);
    progress.update(static_cast<uint64_t>(log.report.rows));
  }
  progress.finish();
  if (store.count() == 0)
    wrong_use("{}: no events left ({} read, {} bad rows skipped, {} below minimum_value)", source.who(),
              log.report.rows, log.report.bad_rows, log.report.below_minimum_value);
  const std::vector<int32_t> user_rank = users.ranks(log.user_ids), item_rank = items.ranks(log.item_ids);
  place(store, user_rank, log);
  finish_rows(log, item_rank);
  apply_filters(log, options);
  if (log.items.empty())
    wrong_use("[filters]: no events left of {}; lower min_user_events or min_item_events", log.report.rows);
  log.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return log;
}

}  // namespace heddle
