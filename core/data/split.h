// Splits of the log into training, validation, dictionary (activation) and test users.
//
// Kinds (new_users is RePlay's NewUsersSplitter):
//  new_users      start(u) = first time of u. Start times are sorted descending and users cumulated; T = the largest
//                 start time whose cumulative count >= test * users. Test: all events of users with start(u) >= T (ties
//                 at T go to test, whose share may so exceed `test`). Training side: events with time < T; an old
//                 user's later events are on neither side.
//  global_time    T = time of the event with rank floor((1 - test) * events) in ascending time. Training side: events
//                 with time < T. Test: users with an event at or after T; history = everything before their last event.
//  leave_one_out  every user with at least 3 events: last event = test target, last but one = validation target, the
//                 rest is the training side. Users with fewer events stay whole on the training side.
//
// Then the users of the training side are divided: round(activation_users * users) of them, drawn by seed, become the
// dictionary part, whose sequences the backbone never sees; the others are its own. activation_users = 0: the
// dictionary part is the training users themselves. Dictionary users carry a target like test users (their last event
// on the training side, or the validation event of leave_one_out), so that activations are taken where recommendations
// are made.
//
// Validation (early stopping) users, at most validation_users of them, drawn by seed:
//  users             held out of the backbone's users whole (at most a tenth of them); target = their last event;
//  last_item         users of the backbone: the last event of each is withheld from training and is the target;
//  activation_users  the dictionary users, whom the backbone never sees: costs no training data.
//  automatic         last_item for leave_one_out, otherwise users.
#pragma once

#include <cstdint>
#include <string>

#include "core/data/interactions.h"
#include "core/data/options.h"
#include "core/data/part.h"

namespace heddle {

struct Split {
  SplitOptions options;  // as used: validation resolved
  Part train, validation, dictionary, test;
  int64_t boundary = 0;  // T of new_users and global_time
  bool has_boundary = false;
  // [users]: events [log.begin(u), training_end[u]) lie on the training side (of all three inner parts together).
  std::vector<int64_t> training_end;
  int64_t training_users = 0;   // users of the training side before it is divided
  int64_t too_short_train = 0;  // users of the training side without an event to learn from
  int64_t too_short_test = 0;   // test users without a history or a target
  int64_t neither_side = 0;     // events that are in no part (old users' events after T)
  int64_t cold_items = 0;       // items of the log without an event on the training side
  int64_t cold_targets = 0;     // test targets among them (after drop_cold_items: 0)
  int64_t cold_events_dropped = 0;
};

// With drop_cold_items the log itself loses those events, else it is not changed. Throws wrong_use when a share is out
// of range or a part that is asked for would be empty.
Split make_split(Interactions& log, const SplitOptions& options, uint64_t seed);

std::string to_string(SplitKind kind);
std::string to_string(Validation validation);

}  // namespace heddle
