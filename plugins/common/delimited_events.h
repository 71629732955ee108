// Events from a delimited text file, one per line: the engine behind heddle.movielens and heddle.delimited.
//
// Every row must have as many fields as the first one. A bad row ends the reading with "file:line: …", or is skipped
// and counted. A damaged or cut gzip stream always ends it: nobody knows how much is missing.
//
// The file is cut into blocks of whole lines, which several threads parse and next() hands out in the order of the file;
// what a block cannot know (the number of its first line, a blank line before it) is settled there. So events, counts and
// messages are those of one thread. Rows of plain numbers go the quick way (number_rows.h), all others the exact one.
#pragma once

#include <optional>

#include "heddle/interactions.hpp"
#include "number_rows.h"
#include "ordered_work.h"
#include "text_blocks.h"

namespace heddle::plugins {

enum class OnBadRow { error, skip };

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
  DelimitedEvents(const std::string& path, const EventFormat& format, int threads,
                  std::size_t block_size = TextBlocks::usual_size)
      : format_(format), threads_(threads), blocks_(path, block_size) {}

  sdk::Carries carries() const {
    return {format_.text_users, format_.text_items, format_.columns.time >= 0, format_.columns.value >= 0, 0};
  }

  // The events of the next block; false at the end of the file. What it has thrown once it throws from then on: events
  // behind a fault are not to be had.
  bool next(sdk::Events& block) {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    try {
      return next_block(block);
    } catch (...) {
      failure_ = std::current_exception();
      throw;
    }
  }

 private:
  static_assert(TextBlock::margin >= NumberRows::reads_around);

  bool next_block(sdk::Events& block) {
    Piece* piece = fields_ == 0 ? first_piece() : work_->next();
    if (piece == nullptr) return false;
    settle(*piece);
    for (int64_t i = 0; i < block.bad_rows(); ++i)
      piece->events.skip_bad_row();  // a block of bad rows alone before this
    std::swap(block, piece->events);
    return true;
  }

  // A block and what was found in it. Lines are counted from the block's first, 1.
  struct Piece {
    TextBlock block;
    sdk::Events events;
    int64_t lines = 0, first_row = 0;  // first_row: the first line that is not blank, 0: none
    int64_t blank = 0;                 // the first line of a run of blank ones at the end, 0: none
    int64_t failed_line = 0;           // where reading ended, 0: nowhere
    std::string failure;
    std::optional<FieldSplitter> splitter;
    std::optional<NumberRows> numbers;
    std::string converted;  // the line as UTF-8
  };

  // Blocks are parsed one by one until a row has told how many fields there are; that is the very first nearly always.
  Piece* first_piece() {
    if (!blocks_.next(first_.block)) return nullptr;
    parse(first_);
    if (fields_ != 0 && first_.failed_line == 0)
      work_.emplace(
          threads_, [this](Piece& piece) { return blocks_.next(piece.block); }, [this](Piece& piece) { parse(piece); });
    return &first_;
  }

  // What depends on the blocks before this one.
  void settle(Piece& piece) {
    if (blank_ != 0 &&
        piece.first_row != 0) {  // blank lines at the end of a file are common, in the middle they are not
      if (format_.on_bad_row == OnBadRow::error) fail(blank_, blank_message());
      if (piece.first_row == 1) piece.events.skip_bad_row();  // else the block has counted its part of them
    }
    if (piece.failed_line != 0) fail(lines_ + piece.failed_line, piece.failure);
    if (piece.first_row != 0 || blank_ == 0) blank_ = piece.blank == 0 ? 0 : lines_ + piece.blank;
    lines_ += piece.lines;
    if (format_.columns.time < 0) piece.events.number_times(position_);
    position_ += piece.events.size();
  }
  [[noreturn]] void fail(int64_t line, std::string_view message) const {
    raise(HEDDLE_INVALID_ARGUMENT, blocks_.file().path(), ":", line, ": ", message);
  }
  std::string blank_message() const { return sdk::text("an empty line; expected ", fields_, " fields"); }

  void parse(Piece& piece) {
    piece.events.clear();
    piece.lines = piece.first_row = piece.blank = piece.failed_line = 0;
    if (!piece.splitter) piece.splitter.emplace(format_.separator, format_.quotes);
    if (piece.block.too_long()) {
      piece.failed_line = 1;
      piece.failure = "a line of more than 64 MiB; is it a text file?";
      return;
    }
    const std::string_view text = piece.block.text();
    const bool quick = start_numbers(piece, text);
    int64_t rows_at_once = 16;
    for (std::size_t at = 0; at < text.size() && piece.failed_line == 0;) {
      if (quick && piece.blank == 0 && piece.numbers->left() > 0) {
        const int64_t wanted = std::min(rows_at_once, piece.numbers->left()), read = read_numbers(piece, wanted);
        rows_at_once = read == wanted ? std::min<int64_t>(rows_at_once * 2, 4096) : 16;
        at = piece.numbers->position();
        if (read == wanted) continue;
      }
      const std::size_t end = text.find('\n', at), next = end == text.npos ? text.size() : end + 1;
      parse_line(text.substr(at, std::min(end, text.size()) - at), end != text.npos, piece);
      at = next;
      if (quick) piece.numbers->skip_to(at);
    }
  }

  bool start_numbers(Piece& piece, std::string_view text) {
    if (fields_ == 0 || format_.text_users || format_.text_items) return false;
    if (!piece.numbers) piece.numbers.emplace(format_.separator, format_.columns, fields_);
    if (!piece.numbers->possible()) return false;
    if (!piece.numbers->reads_every_field() && !is_plain(text)) return false;
    piece.numbers->start(text);
    return true;
  }
  // Nothing that makes a line bad, or more than its bytes, may stand in the fields that are not read.
  bool is_plain(std::string_view text) const {
    unsigned high = 0, special = 0;
    const char quote = format_.quotes ? '"' : '\0';
    for (const char c : text) {
      high |= static_cast<unsigned char>(c);
      special |= static_cast<unsigned>(c == '\0') | static_cast<unsigned>(c == quote);
    }
    return (high & 0x80) == 0 && special == 0;
  }
  int64_t read_numbers(Piece& piece, int64_t wanted) {
    const sdk::Events::Rows to = piece.events.grow(wanted);
    const int64_t read = piece.numbers->read(wanted, {to.users, to.items, to.times, to.values});
    piece.events.drop(wanted - read);
    if (read > 0 && piece.first_row == 0) piece.first_row = piece.lines + 1;
    piece.lines += read;
    return read;
  }

  // One line the exact way; with_end: whether it has its line end.
  void parse_line(std::string_view line, bool with_end, Piece& piece) {
    ++piece.lines;
    try {
      line = readable_line(line, format_.encoding, piece.converted);
      if (fields_ == 0 && format_.header && lines_ + piece.lines == 1) {
        fields_ = piece.splitter->split(line).size();
        check_columns();
        return;
      }
      if (line.empty()) {
        if (piece.blank == 0) piece.blank = piece.lines;
        return;
      }
      if (piece.first_row == 0) piece.first_row = piece.lines;
      if (piece.blank != 0) {
        if (format_.on_bad_row == OnBadRow::error) {
          piece.failed_line = std::exchange(piece.blank, 0);
          piece.failure = blank_message();
          return;
        }
        piece.blank = 0;
        piece.events.skip_bad_row();
      }
      add(line, piece);
    } catch (const BadRow& bad) {
      if (format_.on_bad_row == OnBadRow::skip && !bad.fatal) return piece.events.skip_bad_row();
      piece.failed_line = piece.lines;
      piece.failure = bad.message;
      if (!with_end) piece.failure += no_line_end;
    }
  }

  void add(std::string_view line, Piece& piece) {
    const std::vector<std::string_view>& fields = piece.splitter->split(line);
    if (fields.size() != fields_) {
      if (fields_ != 0)
        throw BadRow{
            sdk::text(fields.size(), " fields; expected ", fields_, ", separated by ", quoted(format_.separator))};
      fields_ = fields.size();
      check_columns();
    }
    const EventColumns& c = format_.columns;
    const auto at = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
    const int64_t time = c.time >= 0 ? time_value(at(c.time)) : 0;
    const double value = c.value >= 0 ? real_value(at(c.value), "value") : 1.0;
    sdk::Events& block = piece.events;
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
  }

  void check_columns() const {
    for (const int column : {format_.columns.user, format_.columns.item, format_.columns.time, format_.columns.value})
      if (column >= static_cast<int>(fields_))
        throw BadRow{sdk::text("column ", column + 1, " is asked for, but there are ", fields_, " fields separated by ",
                               quoted(format_.separator)),
                     true};
  }

  EventFormat format_;
  int threads_;
  TextBlocks blocks_;
  std::size_t fields_ = 0;  // per row; 0 until the first one, constant from then on
  Piece first_;
  int64_t lines_ = 0;                       // of the blocks before
  int64_t position_ = 0;                    // of the next event, its time where there is none
  int64_t blank_ = 0;                       // an empty line that so far may be the end of the file
  std::exception_ptr failure_;              // what next() has thrown
  std::optional<OrderedWork<Piece>> work_;  // last: its threads end before what they use
};

}  // namespace heddle::plugins
