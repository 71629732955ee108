// One user per line, followed by its items in order. Runs of the separator " " count as one.
#pragma once

#include "../../common/delimited_events.h"

namespace heddle::plugins {

class Sequences {
 public:
  Sequences(const std::string& path, const EventFormat& format)
      : format_(format), lines_(path, format.encoding), splitter_(format.separator, format.quotes) {}

  // Whole lines until there are enough events; false at the end of the file.
  bool next(sdk::Events& block) {
    while (block.size() < (1 << 16)) {
      try {
        std::string_view line;
        if (!lines_.next(line)) return false;
        if ((lines_.number() == 1 && format_.header) || line.empty()) continue;
        add(line, block);
      } catch (const BadRow& bad) {
        if (format_.on_bad_row == OnBadRow::error) lines_.fail(bad.message);
        block.skip_bad_row();
      }
    }
    return true;
  }

 private:
  // The whole line is read before any of it is added: a bad line is skipped whole.
  void add(std::string_view line, sdk::Events& block) {
    fields_.clear();
    const bool blanks = splitter_.separator() == " ";
    for (const std::string_view field : splitter_.split(line))
      if (!blanks || !field.empty()) fields_.push_back(field);
    if (fields_.size() < 2)
      throw BadRow{sdk::text(fields_.size(), " fields; expected a user and at least one item, separated by ",
                             quoted(splitter_.separator()))};
    numbers_.clear();
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const char* column = i == 0 ? "user" : "item";
      if (i == 0 ? format_.text_users : format_.text_items) text_id(fields_[i], column);
      numbers_.push_back((i == 0 ? format_.text_users : format_.text_items)
                             ? 0
                             : integer_id(fields_[i], column, i == 0 ? format_.user_hint : format_.item_hint));
    }
    for (std::size_t i = 1; i < fields_.size(); ++i, ++position_) {
      if (format_.text_users && format_.text_items) block.add(fields_[0], fields_[i], position_);
      else if (format_.text_users) block.add(fields_[0], numbers_[i], position_);
      else if (format_.text_items) block.add(numbers_[0], fields_[i], position_);
      else block.add(numbers_[0], numbers_[i], position_);
    }
  }

  EventFormat format_;
  LineReader lines_;
  FieldSplitter splitter_;
  std::vector<std::string_view> fields_;
  std::vector<int64_t> numbers_;
  int64_t position_ = 0;
};

}  // namespace heddle::plugins
