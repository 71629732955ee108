// LineReader: the lines of a plain or gzip text file as UTF-8. \n and \r\n end a line; a byte order mark at the start
// of the file is dropped; a last line without an end counts. One thread at a time.
//
// A line is bad when it holds a NUL byte, or bytes that are not UTF-8 while Latin-1 was not declared: next() then
// throws BadRow, and may be called again for the line after it. Errors of the file itself: see InputFile.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "encoding.h"
#include "input_file.h"

namespace heddle::plugins {

enum class Encoding { utf8, latin1 };

// One row cannot be used. The message says what was found and what is expected; where it stands is added by bad_row().
struct BadRow {
  std::string message;
  bool fatal = false;  // not to be skipped: no row can be used
};

// Follows the message of a bad last line.
inline constexpr std::string_view no_line_end = " (the last line, without a line end: the file may be cut short)";

// A line without its end as UTF-8; `converted` is room for it.
inline std::string_view readable_line(std::string_view line, Encoding encoding, std::string& converted) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  unsigned char high = 0;
  for (const char c : line) high |= static_cast<unsigned char>(c);
  if (const std::size_t at = line.find('\0'); at != line.npos)
    throw BadRow{sdk::text("a NUL byte in column ", at + 1, "; text is expected")};
  if ((high & 0x80) == 0) return line;
  if (encoding == Encoding::latin1) {
    converted.clear();
    append_latin1(converted, line);
    return converted;
  }
  if (!is_utf8(line)) throw BadRow{"bytes that are not UTF-8; declare encoding = \"latin-1\" if the file is that"};
  return line;
}

class LineReader {
 public:
  LineReader(std::string path, Encoding encoding)
      : file_(std::move(path)), encoding_(encoding), buffer_(std::size_t{1} << 20) {}

  // The next line, without its end, valid until the next call; false at the end of the file.
  bool next(std::string_view& line) {
    const char* stop = nullptr;
    while ((stop = find_end()) == nullptr)
      if (!refill()) break;
    const char* start = buffer_.data() + begin_;
    if (stop == nullptr) {
      if (begin_ == end_) return false;
      stop = buffer_.data() + end_;
      begin_ = end_;
      ended_ = false;
    } else {
      begin_ = static_cast<std::size_t>(stop - buffer_.data()) + 1;
      ended_ = true;
    }
    scanned_ = begin_;
    ++number_;
    line = {start, static_cast<std::size_t>(stop - start)};
    line = readable_line(line, encoding_, converted_);
    return true;
  }

  int64_t number() const { return number_; }  // of the line last given, from 1
  const InputFile& file() const { return file_; }
  // "file:line: message", and that the file may be cut short where its last line has no end.
  std::string bad_row(std::string_view message) const {
    return sdk::text(file_.path(), ":", number_, ": ", message, ended_ ? std::string_view() : no_line_end);
  }
  [[noreturn]] void fail(std::string_view message) const { raise(HEDDLE_INVALID_ARGUMENT, bad_row(message)); }

 private:
  static constexpr std::size_t longest_line = std::size_t{64} << 20;

  const char* find_end() {
    const auto* found = static_cast<const char*>(std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_));
    scanned_ = end_;
    return found;
  }

  // Moves the unfinished line to the front and reads on behind it.
  bool refill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == buffer_.size()) {
      if (end_ >= longest_line)
        raise(HEDDLE_INVALID_ARGUMENT, file_.path(), ":", number_ + 1,
              ": a line of more than 64 MiB; is it a text file?");
      buffer_.resize(buffer_.size() * 2);
    }
    std::size_t n = file_.read(buffer_.data() + end_, buffer_.size() - end_);
    if (at_start_) {
      at_start_ = false;
      while (n > 0 && n < 3) {  // a byte order mark may come in pieces
        const std::size_t more = file_.read(buffer_.data() + n, buffer_.size() - n);
        if (more == 0) break;
        n += more;
      }
      if (n >= 3 && std::memcmp(buffer_.data(), "\xEF\xBB\xBF", 3) == 0) begin_ = 3;
    }
    scanned_ = std::max(begin_, end_);
    end_ += n;
    return n > 0;
  }

  InputFile file_;
  Encoding encoding_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0, scanned_ = 0;  // unread bytes; up to where no line end was found
  bool at_start_ = true, ended_ = true;
  int64_t number_ = 0;
  std::string converted_;
};

}  // namespace heddle::plugins
