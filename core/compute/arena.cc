#include "core/compute/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "core/base/error.h"

namespace heddle {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSmallestBlock = size_t{1} << 16;

// From here on memory comes in the processor's large pages where the system has them: activations and tables are walked
// once per op, and with 4 KiB pages part of such a walk's time is address translation (the streaming ops of a GPTRec step
// took some 30 % less with large ones on a Zen 5).
constexpr size_t kLargePage = size_t{2} << 20, kLargeFrom = 2 * kLargePage;

size_t round_up(size_t bytes, size_t alignment = kAlignment) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace

void* aligned_allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  if (bytes < kLargeFrom) return std::aligned_alloc(kAlignment, round_up(std::max<size_t>(bytes, 1)));
  const size_t whole = round_up(bytes, kLargePage);
  void* memory = std::aligned_alloc(kLargePage, whole);
  if (memory != nullptr)
    madvise(memory, whole, MADV_HUGEPAGE);  // a wish: where it is refused, small pages serve as well
  return memory;
}

void aligned_release(void* memory) { std::free(memory); }

Arena::Arena() : Arena(aligned_allocate, aligned_release) {}
Arena::Arena(Allocate allocate, Release release) : allocate_(std::move(allocate)), release_(std::move(release)) {}

Arena::~Arena() {
  for (const Block& block : blocks_) release_(block.data);
}

void* Arena::take(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t size = round_up(std::max<size_t>(bytes, 1));
  for (; current_ < blocks_.size(); ++current_, used_ = 0) {
    if (blocks_[current_].size - used_ < size) continue;
    void* piece = blocks_[current_].data + used_;
    used_ += size;
    return piece;
  }
  // Doubling keeps the number of blocks, and so of merges, logarithmic.
  const size_t grown = std::max({size, kSmallestBlock, blocks_.empty() ? 0 : blocks_.back().size * 2});
  void* data = nullptr;
  size_t got = grown;
  try {
    blocks_.reserve(blocks_.size() + 1);
    data = allocate_(grown);
    if (data == nullptr && grown > size) data = allocate_(got = size);
  } catch (const std::bad_alloc&) {
    data = nullptr;
  }
  if (data == nullptr) {
    // Leave a valid position behind: the end of the last block.
    if (!blocks_.empty()) {
      current_ = blocks_.size() - 1;
      used_ = blocks_.back().size;
    }
    return nullptr;
  }
  blocks_.push_back({static_cast<std::byte*>(data), got});
  current_ = blocks_.size() - 1;
  used_ = size;
  return data;
}

void* Arena::need(size_t bytes, const char* who) {
  void* piece = take(bytes);
  if (piece == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "{}: out of memory, {} bytes of scratch", who, bytes);
  return piece;
}

void Arena::rewind(Mark mark) {
  current_ = mark.block;
  used_ = mark.used;
  if (current_ == 0 && used_ == 0 && blocks_.size() > 1) merge();
}

void Arena::merge() {
  const size_t total = capacity();
  for (const Block& block : blocks_) release_(block.data);
  blocks_.clear();
  // No memory for one block is no error: the next take() allocates what it needs.
  if (void* data = allocate_(total)) blocks_.push_back({static_cast<std::byte*>(data), total});
}

size_t Arena::capacity() const {
  size_t total = 0;
  for (const Block& block : blocks_) total += block.size;
  return total;
}

}  // namespace heddle
