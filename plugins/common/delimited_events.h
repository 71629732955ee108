// Events from a delimited text file, one per line: the engine behind heddle.movielens and heddle.delimited.
//
// Every row must have as many fields as the first one. A bad row ends the reading with "file:line: …", or is skipped
// and counted. A damaged or cut gzip stream always ends it: nobody knows how much is missing.
#pragma once

#include "fields.h"
#include "heddle/interactions.hpp"

namespace heddle::plugins {

enum class OnBadRow { error, skip };

struct EventColumns {
  int user = 0, item = 1;     // from 0
  int time = -1, value = -1;  // -1: none
};

struct EventFormat {
  std::string separator = ",";
  bool quotes = false;
  bool header = false;  // the first line is not an event
  EventColumns columns;
  bool text_users = false, text_items = false;
  const char *user_hint = "", *item_hint = "";  // what the user may do about ids that are no integers
  Encoding encoding = Encoding::utf8;
  OnBadRow on_bad_row = OnBadRow::error;
};

class DelimitedEvents {
 public:
  DelimitedEvents(const std::string& path, const EventFormat& format)
      : format_(format), lines_(path, format.encoding), splitter_(format.separator, format.quotes) {}

  sdk::Carries carries() const {
    return {format_.text_users, format_.text_items, format_.columns.time >= 0, format_.columns.value >= 0, 0};
  }

  // Up to block_size events; false at the end of the file.
  bool next(sdk::Events& block) {
    for (int64_t i = 0; i < block_size; ++i) {
      try {
        std::string_view line;
        if (!lines_.next(line)) return false;
        if (lines_.number() == 1 && format_.header) {
          fields_ = splitter_.split(line).size();
          check_columns();
          continue;
        }
        if (line.empty()) {  // blank lines at the end of a file are common, in the middle they are not
          blank_ = blank_ != 0 ? blank_ : lines_.number();
          continue;
        }
        if (blank_ != 0) {
          const int64_t at = blank_;
          blank_ = 0;
          if (format_.on_bad_row == OnBadRow::error)
            raise(HEDDLE_INVALID_ARGUMENT, lines_.file().path(), ":", at, ": an empty line; expected ", fields_,
                  " fields");
          block.skip_bad_row();
        }
        add(line, block);
      } catch (const BadRow& bad) {
        if (format_.on_bad_row == OnBadRow::error) lines_.fail(bad.message);
        block.skip_bad_row();
      }
    }
    return true;
  }

 private:
  static constexpr int64_t block_size = 1 << 16;

  void add(std::string_view line, sdk::Events& block) {
    const std::vector<std::string_view>& fields = splitter_.split(line);
    if (fields.size() != fields_) {
      if (fields_ != 0)
        throw BadRow{
            sdk::text(fields.size(), " fields; expected ", fields_, ", separated by ", quoted(splitter_.separator()))};
      fields_ = fields.size();
      check_columns();
    }
    const EventColumns& c = format_.columns;
    const auto at = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
    const int64_t time = c.time >= 0 ? time_value(at(c.time)) : position_;
    const double value = c.value >= 0 ? real_value(at(c.value), "value") : 1.0;
    if (!format_.text_users && !format_.text_items) [[likely]] {
      const int64_t user = integer_id(at(c.user), "user", format_.user_hint),
                    item = integer_id(at(c.item), "item", format_.item_hint);
      block.add(user, item, time, value);
    } else if (format_.text_users && format_.text_items) {
      const std::string_view user = text_id(at(c.user), "user"), item = text_id(at(c.item), "item");
      block.add(user, item, time, value);
    } else if (format_.text_users) {
      const int64_t item = integer_id(at(c.item), "item", format_.item_hint);
      block.add(text_id(at(c.user), "user"), item, time, value);
    } else {
      const int64_t user = integer_id(at(c.user), "user", format_.user_hint);
      block.add(user, text_id(at(c.item), "item"), time, value);
    }
    ++position_;
  }

  void check_columns() const {
    for (const int column : {format_.columns.user, format_.columns.item, format_.columns.time, format_.columns.value})
      if (column >= static_cast<int>(fields_))
        lines_.fail(sdk::text("column ", column + 1, " is asked for, but there are ", fields_, " fields separated by ",
                              quoted(splitter_.separator())));
  }

  EventFormat format_;
  LineReader lines_;
  FieldSplitter splitter_;
  std::size_t fields_ = 0;  // per row; 0 until the first one
  int64_t position_ = 0;    // of the event, its time where there is none
  int64_t blank_ = 0;       // an empty line that so far may be the end of the file
};

}  // namespace heddle::plugins
