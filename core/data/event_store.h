// Events as they come from a source, until they are put into rows by user. Internal to core/data.
//
// Items, times and values lie in columns that become those of the log. Users are kept as runs of events of one user: in
// published logs a user's events mostly stand together, and a run costs nothing per event. A log in another order (runs
// of less than four events on average) gets a number per event instead.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/event_column.h"

namespace heddle {

class EventStore {
 public:
  explicit EventStore(bool with_values) : with_values_(with_values) {}

  EventColumn<int32_t> items;
  EventColumn<int64_t> times;
  EventColumn<float> values;  // empty without values

  // The next n events are of this user; their fields are appended by the caller.
  void add_users(int32_t user, int64_t n) {
    if (by_run_) {
      if (runs_.empty() || runs_.back().user != user) {
        if (static_cast<int64_t>(runs_.size()) > patience + count_ / 4) expand();
        else runs_.push_back({user, 0});
      }
      if (by_run_) runs_.back().events += n;
    }
    if (!by_run_) std::fill_n(users_.extend(static_cast<size_t>(n)), n, user);
    count_ += n;
  }
  int64_t count() const { return count_; }
  bool with_values() const { return with_values_; }

  // visit(user, first, last) for runs of events [first, last) of one user, in the order of the file.
  template <class Visit>
  void for_each_run(Visit&& visit) const {
    int64_t first = 0;
    for (const Run& run : runs_) {
      visit(run.user, first, first + run.events);
      first += run.events;
    }
    for (; first < static_cast<int64_t>(users_.size()); ++first)
      visit(users_[static_cast<size_t>(first)], first, first + 1);
  }

 private:
  static constexpr int64_t patience = 4096;  // runs before their length is judged
  struct Run {
    int32_t user;
    int64_t events;
  };
  void expand() {
    for (const Run& run : runs_) std::fill_n(users_.extend(static_cast<size_t>(run.events)), run.events, run.user);
    runs_ = {};
    by_run_ = false;
  }

  bool with_values_, by_run_ = true;
  int64_t count_ = 0;
  std::vector<Run> runs_;
  EventColumn<int32_t> users_;  // [events] once runs do not pay
};

}  // namespace heddle
