// Logs made by hand for tests of core/data: a source in memory behind the real C table.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/interactions.h"
#include "core/data/split.h"
#include "heddle/abi.h"

namespace heddle::test {

struct Event {
  int64_t user, item, time;
  double value = 1;
};

// What a source plugin would give. Blocks of two events, so that every test crosses block borders.
struct FakeSource {
  std::vector<Event> events;
  std::vector<std::string> users, items;  // text ids, when not empty: of event i
  bool has_time = true, has_value = true;
  int64_t bad_rows = 0;     // told with the last block
  int64_t fail_after = -1;  // next() fails once so many events were given
  int32_t fail_code = HEDDLE_INVALID_ARGUMENT;
  size_t at = 0;

  std::vector<int64_t> user_block, item_block, times;
  std::vector<uint64_t> user_ends, item_ends;
  std::string user_text, item_text;
  std::vector<double> values;
};

inline FakeSource* current_source = nullptr;  // what open() hands out

inline const heddle_interactions_vtable& fake_table() {
  static const heddle_interactions_vtable table = {
      sizeof(heddle_interactions_vtable),
      0,
      [](const heddle_host*, const heddle_values*, heddle_interactions** out, heddle_error*) -> int32_t {
        *out = reinterpret_cast<heddle_interactions*>(current_source);
        return HEDDLE_OK;
      },
      [](heddle_interactions*) {},
      [](heddle_interactions* self, heddle_interactions_info* out, heddle_error*) -> int32_t {
        const auto& s = *reinterpret_cast<FakeSource*>(self);
        *out = {sizeof *out,
                0,
                s.users.empty() ? HEDDLE_ID_INT : HEDDLE_ID_STRING,
                s.items.empty() ? HEDDLE_ID_INT : HEDDLE_ID_STRING,
                s.has_time,
                s.has_value,
                0};
        return HEDDLE_OK;
      },
      [](heddle_interactions* self, heddle_event_block* out, heddle_error* error) -> int32_t {
        auto& s = *reinterpret_cast<FakeSource*>(self);
        if (s.fail_after >= 0 && static_cast<int64_t>(s.at) >= s.fail_after)
          return set_error(error, s.fail_code, "ratings.csv:7: what is wrong");
        const size_t n = std::min<size_t>(2, s.events.size() - s.at);
        s.user_block.clear(), s.item_block.clear(), s.times.clear(), s.values.clear();
        s.user_ends.assign(1, 0), s.item_ends.assign(1, 0), s.user_text.clear(), s.item_text.clear();
        for (size_t i = s.at; i < s.at + n; ++i) {
          s.user_block.push_back(s.events[i].user);
          s.item_block.push_back(s.events[i].item);
          s.times.push_back(s.has_time ? s.events[i].time : static_cast<int64_t>(i));
          s.values.push_back(s.events[i].value);
          if (!s.users.empty()) s.user_ends.push_back((s.user_text += s.users[i]).size());
          if (!s.items.empty()) s.item_ends.push_back((s.item_text += s.items[i]).size());
        }
        s.at += n;
        *out = {sizeof *out,
                0,
                static_cast<int64_t>(n),
                s.users.empty() ? s.user_block.data() : nullptr,
                s.items.empty() ? s.item_block.data() : nullptr,
                s.users.empty() ? nullptr : s.user_ends.data(),
                s.items.empty() ? nullptr : s.item_ends.data(),
                s.user_text.data(),
                s.item_text.data(),
                s.times.data(),
                s.values.data(),
                s.at == s.events.size() ? std::exchange(s.bad_rows, 0) : 0};
        return HEDDLE_OK;
      },
      [](heddle_interactions*, char* text, uint64_t, heddle_error*) -> int32_t {
        std::snprintf(text, 8, "fake");
        return HEDDLE_OK;
      }};
  return table;
}

inline Interactions read(FakeSource source, const FilterOptions& filters = {}) {
  static const heddle_host host{};
  current_source = &source;
  InteractionsSource opened(fake_table(), "test.fake", host, nullptr);
  return read_log(opened, filters);
}
inline Interactions read(std::vector<Event> events, const FilterOptions& filters = {}) {
  FakeSource source;
  source.events = std::move(events);
  return read(std::move(source), filters);
}

// "1: 10@5 20@7; 2: 10@1": users with their items and times.
inline std::string describe(const Interactions& log) {
  std::string text;
  for (int64_t u = 0; u < log.user_count(); ++u) {
    text += (u > 0 ? "; " : "") + log.user_ids[static_cast<size_t>(u)] + ":";
    for (int64_t e = log.begin(u); e < log.end(u); ++e)
      text += " " + log.item_ids[static_cast<size_t>(log.items[static_cast<size_t>(e)])] + "@" +
              std::to_string(log.times[static_cast<size_t>(e)]);
  }
  return text;
}

// "1: 10 20 > 30; …": users of a part with their history and, after >, the target.
inline std::string describe(const Interactions& log, const Part& part) {
  const auto item = [&](int64_t e) { return log.item_ids[static_cast<size_t>(log.items[static_cast<size_t>(e)])]; };
  std::string text;
  for (const UserRange& range : part.users) {
    text += (text.empty() ? "" : "; ") + log.user_ids[static_cast<size_t>(range.user)] + ":";
    for (int64_t e = range.begin; e < range.end; ++e) text += " " + item(e);
    if (range.target >= 0) text += " > " + item(range.target);
  }
  return text;
}

// Runs f and returns the message of its Error.
template <class F>
std::string failure(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace heddle::test
