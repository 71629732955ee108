// The interaction log: every event of every user, in compressed rows (one row per user), ascending in time.
//
// Users and items are numbered by ascending raw id (integers by value, strings by bytes), so that indices do not depend
// on the order of the file's rows. Events of equal time keep the order of the file: the sort is stable, and that is
// part of the protocol. 16 bytes per event (12 where the source has no values). An Interactions owns everything in it
// and may be read from any number of threads; reading it from a source is done by one caller.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/data/event_column.h"
#include "core/data/filters.h"
#include "heddle/abi.h"

namespace heddle {

// What became of the rows of the source on their way into the log.
struct LogReport {
  int64_t rows = 0;                              // events that the source gave
  int64_t bad_rows = 0;                          // rows that the source skipped (on_bad_row = "skip")
  int64_t below_minimum_value = 0;               // filter 1
  int64_t duplicates = 0;                        // filter 2
  int64_t consecutive = 0;                       // filter 3
  int64_t by_minimum_counts = 0;                 // filter 4
  int64_t users_removed = 0, items_removed = 0;  // left without events by filters 2 to 5
  int64_t passes = 0;                            // of filter 4 until nothing changed
  int64_t by_position = 0;                       // filter 5
  int64_t ties = 0;  // events with the same time as their user's previous event, before filters
  bool has_time = true, has_value = true;
  double seconds = 0;  // reading and sorting
};

struct Interactions {
  std::vector<std::string> user_ids, item_ids;  // raw ids as text
  std::vector<int64_t> offsets;                 // [users + 1]
  EventColumn<int32_t> items;                   // [events]
  EventColumn<int64_t> times;  // [events]; the event's position in the file where the source has no time
  EventColumn<float> values;   // [events]; empty where the source has no values
  LogReport report;

  int64_t user_count() const { return static_cast<int64_t>(user_ids.size()); }
  int64_t item_count() const { return static_cast<int64_t>(item_ids.size()); }
  int64_t event_count() const { return static_cast<int64_t>(items.size()); }
  int64_t begin(int64_t user) const { return offsets[static_cast<size_t>(user)]; }
  int64_t end(int64_t user) const { return offsets[static_cast<size_t>(user) + 1]; }
  int64_t length(int64_t user) const { return end(user) - begin(user); }
  // Items of the events [first, last).
  std::span<const int32_t> items_of(int64_t first, int64_t last) const {
    return {items.data() + first, static_cast<size_t>(last - first)};
  }
  // Index of a raw id, -1 when it is not in the log. Binary search by the order of the ids.
  int32_t find_user(std::string_view raw) const;
  int32_t find_item(std::string_view raw) const;
};

// An opened interactions component. Movable, closes itself.
class InteractionsSource {
 public:
  // who: the component's id, used in messages. The table and the host must outlive the object.
  InteractionsSource(const heddle_interactions_vtable& table, std::string who, const heddle_host& host,
                     const heddle_values* values);
  ~InteractionsSource();
  InteractionsSource(const InteractionsSource&) = delete;
  InteractionsSource& operator=(const InteractionsSource&) = delete;

  // Changes whenever the events could; for the cache key of the log. Before read_log.
  std::string fingerprint();
  heddle_interactions_info info();
  // The next block (count 0 = end), checked for consistency; valid until the next call.
  const heddle_event_block& next();
  const std::string& who() const { return who_; }

 private:
  const heddle_interactions_vtable& table_;
  std::string who_;
  heddle_interactions* self_ = nullptr;
  heddle_event_block block_{};
};

// Reads the whole stream, sorts and filters it. Peak memory: the log itself (16 bytes per event) and some MiB where the
// source gives each user's events together and users in ascending order, as published tables mostly do; 28 bytes per
// event in any other order. threads() threads, the same log for any number. Cancellable. Throws wrong_use with the source's message when the source reports bad input, and when nothing is left.
Interactions read_log(InteractionsSource& source, const FilterOptions& options = {});

}  // namespace heddle
