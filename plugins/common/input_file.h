// InputFile: the bytes of a plain or gzip-compressed file, one piece after the other. gzip is recognised by content
// (RFC 1952 magic), several members in a row are one file. One thread at a time; owns its descriptor.
//
// Errors: NOT_FOUND when it cannot be opened; DATA_LOSS when reading fails, when a gzip stream is damaged or ends too
// early.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "heddle/status.hpp"

namespace heddle::plugins {

using sdk::raise;

class InputFile {
 public:
  explicit InputFile(std::string path)
      : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0) raise(HEDDLE_NOT_FOUND, "cannot open ", path_, ": ", std::string_view(std::strerror(errno)));
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      raise(HEDDLE_NOT_FOUND, path_, " is not a regular file");
    }
    size_ = status.st_size;
    unsigned char magic[2] = {};
    compressed_ = ::pread(descriptor_, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    if (!compressed_) return;
    input_ = std::make_unique<unsigned char[]>(input_capacity);
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) {  // +16: gzip wrapper
      ::close(descriptor_);
      raise(HEDDLE_RESOURCE_EXHAUSTED, "zlib cannot start");
    }
  }
  ~InputFile() {
    if (compressed_) inflateEnd(&stream_);
    ::close(descriptor_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Fills at most `capacity` bytes; 0 = the end.
  std::size_t read(char* to, std::size_t capacity) {
    return compressed_ ? inflate_some(to, capacity) : read_some(to, capacity);
  }
  const std::string& path() const { return path_; }
  bool compressed() const { return compressed_; }
  int64_t size() const { return size_; }  // on disk

 private:
  static constexpr std::size_t input_capacity = std::size_t{1} << 18;

  std::size_t read_some(void* to, std::size_t capacity) {
    for (;;) {
      const ssize_t n = ::read(descriptor_, to, capacity);
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) raise(HEDDLE_DATA_LOSS, path_, ": reading failed: ", std::string_view(std::strerror(errno)));
    }
  }

  std::size_t inflate_some(char* to, std::size_t capacity) {
    stream_.next_out = reinterpret_cast<unsigned char*>(to);
    stream_.avail_out = static_cast<unsigned>(capacity);
    while (stream_.avail_out == capacity) {
      if (stream_.avail_in == 0) {
        stream_.next_in = input_.get();
        stream_.avail_in = static_cast<unsigned>(read_some(input_.get(), input_capacity));
        if (stream_.avail_in == 0) {
          if (inside_member_) raise(HEDDLE_DATA_LOSS, path_, ": the gzip file is cut short");
          return 0;
        }
      }
      inside_member_ = true;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        inside_member_ = false;
        inflateReset(&stream_);
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        raise(HEDDLE_DATA_LOSS, path_,
              ": the gzip file is damaged: ", std::string_view(stream_.msg != nullptr ? stream_.msg : "unknown"));
      }
    }
    return capacity - stream_.avail_out;
  }

  std::string path_;
  int descriptor_;
  int64_t size_ = 0;
  bool compressed_ = false, inside_member_ = false;
  std::unique_ptr<unsigned char[]> input_;
  z_stream stream_{};
};

}  // namespace heddle::plugins
