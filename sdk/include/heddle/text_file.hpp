// TextFile: reads a file line by line and words errors as "file:line: what". For sources of interactions and
// attributes.
//
//   TextFile in(options.path);
//   while (in.next()) if (in.fields('\t').size() != 2) in.fail("expected item and label");
// Lines end in \n or \r\n; a last line without an end counts. The file is bytes: no encoding is assumed.
// Errors: NOT_FOUND when it cannot be opened, DATA_LOSS when reading fails midway, INVALID_ARGUMENT from fail().
#pragma once

#include <cerrno>
#include <cstdio>
#include <memory>
#include <vector>

#include "status.hpp"

namespace heddle::sdk {

namespace detail {
struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;
inline File open_file(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) raise(HEDDLE_NOT_FOUND, "cannot open ", path, ": ", std::string_view(std::strerror(errno)));
  return file;
}
// For fingerprint() slots.
inline void put_text(std::string_view from, char* to, uint64_t capacity) {
  if (from.size() >= capacity)
    raise(HEDDLE_OUT_OF_RANGE, "a text of ", from.size(), " bytes for a buffer of ", capacity);
  std::memcpy(to, from.data(), from.size());
  to[from.size()] = 0;
}
}  // namespace detail

class TextFile {
 public:
  explicit TextFile(std::string_view path) : path_(path), file_(detail::open_file(path_)) {}

  // Moves to the next line; false at the end.
  bool next() {
    line_.clear();
    for (;;) {
      if (begin_ == end_ && !refill()) break;
      const char* start = buffer_.data() + begin_;
      const auto* stop = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
      if (stop == nullptr) {
        line_.append(start, end_ - begin_);
        begin_ = end_;
        continue;
      }
      line_.append(start, static_cast<std::size_t>(stop - start));
      begin_ += static_cast<std::size_t>(stop - start) + 1;
      return finish_line();
    }
    return !line_.empty() && finish_line();
  }
  const std::string& line() const { return line_; }
  int64_t number() const { return number_; }  // of the line, from 1
  // The line cut at every separator; valid until next().
  const std::vector<std::string_view>& fields(char separator) {
    fields_.clear();
    const std::string_view line = line_;
    std::size_t begin = 0;
    for (std::size_t at; (at = line.find(separator, begin)) != line.npos; begin = at + 1)
      fields_.push_back(line.substr(begin, at - begin));
    fields_.push_back(line.substr(begin));
    return fields_;
  }
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    raise(HEDDLE_INVALID_ARGUMENT, path_, ":", number_, ": ", parts...);
  }
  // A whole field as a number: to_number<int64_t>("12").
  template <class Number>
  Number to_number(std::string_view field) const {
    Number out{};
    const auto [stop, code] = std::from_chars(field.data(), field.data() + field.size(), out);
    if (code != std::errc() || stop != field.data() + field.size())
      fail("\"", field, "\" is not a number of the kind expected");
    return out;
  }

 private:
  bool refill() {
    begin_ = 0;
    end_ = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
    if (end_ == 0 && std::ferror(file_.get())) raise(HEDDLE_DATA_LOSS, path_, ": reading failed after line ", number_);
    return end_ > 0;
  }
  bool finish_line() {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    ++number_;
    return true;
  }
  std::string path_;
  detail::File file_;
  std::vector<char> buffer_ = std::vector<char>(1 << 16);
  std::size_t begin_ = 0, end_ = 0;
  std::string line_;
  std::vector<std::string_view> fields_;
  int64_t number_ = 0;
};

// Size and 64-bit FNV-1a of a file's bytes: for fingerprint(). It guards against accidents, not against an adversary.
inline std::string file_fingerprint(std::string_view path) {
  const std::string name(path);
  const detail::File file = detail::open_file(name);
  std::vector<char> buffer(1 << 16);
  uint64_t hash = 0xcbf29ce484222325u, size = 0;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    for (std::size_t i = 0; i < n; ++i) hash = (hash ^ static_cast<unsigned char>(buffer[i])) * 0x100000001b3u;
    size += n;
  }
  if (std::ferror(file.get())) raise(HEDDLE_DATA_LOSS, name, ": reading failed after ", size, " bytes");
  return text(size, " bytes, fnv1a ", hash);
}

}  // namespace heddle::sdk
