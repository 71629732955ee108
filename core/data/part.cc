#include "core/data/part.h"

#include <algorithm>

namespace heddle {

int64_t Part::event_count() const {
  int64_t events = 0;
  for (const UserRange& range : users) events += range.length();
  return events;
}

int64_t Part::token_count(int64_t max_length, bool training) const {
  int64_t tokens = 0;
  for (const UserRange& range : users) tokens += std::min(range.length() - (training ? 1 : 0), max_length);
  return tokens;
}

}  // namespace heddle
