// A part of a split: for each of its users a range of the log and, where the last event is predicted, the target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace heddle {

// Events [begin, end) of the log are the history. target is the index in the log of the event to be predicted from the
// whole history, or -1 (training: every event of the range but the first is a target).
struct UserRange {
  int32_t user;
  int64_t begin, end;
  int64_t target;
  int64_t length() const { return end - begin; }
  bool operator==(const UserRange&) const = default;
};

struct Part {
  std::vector<UserRange> users;  // ascending by user
  bool empty() const { return users.empty(); }
  int64_t user_count() const { return static_cast<int64_t>(users.size()); }
  // Events in the histories; targets are not counted.
  int64_t event_count() const;
  // Tokens of the last window of at most max_length inputs per user; training: the last event is a target only.
  int64_t token_count(int64_t max_length, bool training) const;
};

}  // namespace heddle
