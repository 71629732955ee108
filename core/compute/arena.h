// Scratch memory that is taken in pieces and given back all at once. Blocks are kept between uses; after a use that
// needed several blocks they are merged into one, so a steady state allocates nothing. Not thread-safe: one arena per
// worker. Pieces are 64-byte aligned and uninitialised. Out of memory: take() gives nullptr, need() throws
// RESOURCE_EXHAUSTED.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace heddle {

class Arena {
 public:
  using Allocate = std::function<void*(size_t)>;  // 64-byte aligned, nullptr when exhausted
  using Release = std::function<void(void*)>;
  Arena();  // host memory
  Arena(Allocate allocate, Release release);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* take(size_t bytes);
  void* need(size_t bytes, const char* who);
  template <class T>
  T* need(int64_t count, const char* who) {
    return static_cast<T*>(need(static_cast<size_t>(count) * sizeof(T), who));
  }

  // A position to return to; everything taken since is given back.
  struct Mark {
    size_t block, used;
  };
  Mark mark() const { return {current_, used_}; }
  void rewind(Mark mark);
  void reset() { rewind({0, 0}); }
  size_t capacity() const;  // bytes held

 private:
  struct Block {
    std::byte* data;
    size_t size;
  };
  void merge();
  Allocate allocate_;
  Release release_;
  std::vector<Block> blocks_;
  size_t current_ = 0, used_ = 0;
};

// Gives back what was taken in its scope.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

// Host memory as the CPU device gives it: 64-byte aligned; nullptr when exhausted, never throws.
void* aligned_allocate(size_t bytes);
void aligned_release(void* memory);

}  // namespace heddle
