// Filters of the interaction log, applied in one fixed order, each off unless asked for:
//   1. minimum_value: events whose value is below it are dropped while reading (before anything is counted);
//   2. duplicates: of several events of one (user, item), keep the first or the last in the user's order;
//   3. consecutive: of a run of the same item in a user's order, keep the first;
//   4. minimum counts: items with fewer than min_item_events and users with fewer than min_user_events are removed,
//      repeatedly until nothing changes (k-core), or in a single pass: items first, then users counted on what is left;
//   5. first_n / last_n events of each user.
// "The user's order" is ascending time; events of equal time keep the order of the file. Filters change the log in
// place and add what they removed to its report. Users and items without events do not exist afterwards. [one thread]
#pragma once

#include "core/data/options.h"

namespace heddle {

struct Interactions;

// Throws wrong_use when the options contradict themselves (negative counts).
void validate(const FilterOptions& options);

// Filters 2 to 5. The log must be sorted by time within each user.
void apply_filters(Interactions& log, const FilterOptions& options);

}  // namespace heddle
