// Options of the log's filters and of its split, as plain data: read from [filters] and [split] of an experiment by
// core/config, used by core/data. What each does is said in filters.h and split.h. Validated where they are used.
#pragma once

#include <cstdint>
#include <limits>

namespace heddle {

enum class Duplicates { keep_all, keep_first, keep_last };

struct FilterOptions {
  double minimum_value = -std::numeric_limits<double>::infinity();  // keep value >= this; -inf: keep all
  Duplicates duplicates = Duplicates::keep_all;
  bool consecutive = false;     // true: drop immediate repeats of an item
  int64_t min_user_events = 1;  // 1: no condition
  int64_t min_item_events = 1;
  bool iterative = true;  // false: one pass, items first
  int64_t first_n = 0;    // 0: all
  int64_t last_n = 0;     // 0: all; after first_n when both are given
};

enum class SplitKind { leave_one_out, global_time, new_users };
enum class Validation { automatic, users, last_item, activation_users };

struct SplitOptions {
  SplitKind kind = SplitKind::new_users;
  double test = 0.1;              // share of users (new_users) or of events (global_time); unused by leave_one_out
  double activation_users = 0.4;  // share of the training side's users, in [0, 1)
  Validation validation = Validation::automatic;
  int64_t validation_users = 2048;  // at most; 0 = no validation part
  bool drop_cold_items = false;     // test events whose item has no event on the training side are removed from the log
};

}  // namespace heddle
