// TextBlocks: a plain or gzip text file in pieces of whole lines, for readers that parse several pieces at a time. A
// byte order mark at the start of the file is dropped; the last line may lack its end. One thread at a time.
//
// Errors of the file itself: see InputFile.
#pragma once

#include <vector>

#include "input_file.h"

namespace heddle::plugins {

// Whole lines. `margin` bytes before and after the text may be read, so that parsers can load words at its borders.
class TextBlock {
 public:
  static constexpr std::size_t margin = 128;

  std::string_view text() const { return {bytes_.data() + margin, size_}; }
  // The line is longer than any line of a text file: nothing of it is here.
  bool too_long() const { return too_long_; }

 private:
  friend class TextBlocks;
  std::vector<char> bytes_;
  std::size_t size_ = 0;
  bool too_long_ = false;
};

class TextBlocks {
 public:
  // Fits a core's second-level cache together with what is parsed from it.
  static constexpr std::size_t usual_size = std::size_t{256} << 10;

  explicit TextBlocks(std::string path, std::size_t block_size = usual_size)
      : file_(std::move(path)), block_size_(block_size) {}

  // False at the end of the file.
  bool next(TextBlock& block) {
    block.too_long_ = false;
    std::size_t size = rest_.size(), wanted = size + block_size_;
    reserve(block, wanted);
    std::memcpy(block.bytes_.data() + TextBlock::margin, rest_.data(), size);
    for (std::size_t searched = 0;;) {
      char* const text = block.bytes_.data() + TextBlock::margin;
      while (size < wanted) {
        const std::size_t n = file_.read(text + size, wanted - size);
        if (n == 0) {
          rest_.clear();
          return finish(block, size);
        }
        size += n;
      }
      const auto* end = static_cast<const char*>(::memrchr(text + searched, '\n', size - searched));
      if (end != nullptr) {
        const auto whole = static_cast<std::size_t>(end - text) + 1;
        rest_.assign(text + whole, size - whole);
        return finish(block, whole);
      }
      if (size >= longest_line) {
        block.too_long_ = true;
        return finish(block, 0);
      }
      searched = size;
      wanted = size * 2;
      reserve(block, wanted);
    }
  }
  const InputFile& file() const { return file_; }

 private:
  static constexpr std::size_t longest_line = std::size_t{64} << 20;

  static void reserve(TextBlock& block, std::size_t size) {
    if (block.bytes_.size() < size + 2 * TextBlock::margin) block.bytes_.resize(size + 2 * TextBlock::margin);
  }
  bool finish(TextBlock& block, std::size_t size) {
    char* const text = block.bytes_.data() + TextBlock::margin;
    if (at_start_ && size >= 3 && std::memcmp(text, "\xEF\xBB\xBF", 3) == 0) std::memmove(text, text + 3, size -= 3);
    at_start_ = false;
    block.size_ = size;
    return size > 0 || block.too_long_;
  }

  InputFile file_;
  std::size_t block_size_;
  std::string rest_;  // the beginning of the next block's first line
  bool at_start_ = true;
};

}  // namespace heddle::plugins
