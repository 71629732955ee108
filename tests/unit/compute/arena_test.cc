// Arena: alignment, reuse, nesting, exhaustion.
#include "core/compute/arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/base/error.h"

namespace heddle {
namespace {

TEST(Arena, PiecesAreAlignedAndApart) {
  Arena arena;
  std::byte* last = nullptr;
  for (size_t bytes : {1, 63, 64, 65, 100000, 0, 7}) {
    auto* piece = static_cast<std::byte*>(arena.take(bytes));
    ASSERT_NE(piece, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % 64, 0u);
    EXPECT_NE(piece, last);
    std::memset(piece, 1, bytes);
    last = piece;
  }
}

TEST(Arena, SteadyStateAllocatesNothing) {
  int allocations = 0;
  Arena arena(
      [&](size_t bytes) {
        ++allocations;
        return aligned_allocate(bytes);
      },
      aligned_release);
  for (int round = 0; round < 5; ++round) {
    ArenaScope scope(arena);
    for (int i = 0; i < 20; ++i) ASSERT_NE(arena.take(50000), nullptr);
    if (round == 1) allocations = 0;
  }
  EXPECT_EQ(allocations, 0);
}

TEST(Arena, ScopesNestLikeAStack) {
  Arena arena;
  void* outer = arena.take(100);
  std::memset(outer, 3, 100);
  void* first = nullptr;
  {
    ArenaScope scope(arena);
    first = arena.take(1000000);  // another block
    std::memset(first, 4, 1000000);
  }
  ArenaScope scope(arena);
  EXPECT_EQ(arena.take(1000000), first);
  EXPECT_EQ(static_cast<unsigned char*>(outer)[99], 3);
}

TEST(Arena, OutOfMemoryIsOneClearError) {
  Arena arena([](size_t) -> void* { return nullptr; }, [](void*) {});
  EXPECT_EQ(arena.take(10), nullptr);
  try {
    arena.need(10, "gemm");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HEDDLE_RESOURCE_EXHAUSTED);
    EXPECT_STREQ(error.what(), "gemm: out of memory, 10 bytes of scratch");
  }
  Arena real;
  EXPECT_EQ(real.take(SIZE_MAX - 10), nullptr);
  EXPECT_NE(real.take(10), nullptr) << "usable after a refusal";
}

}  // namespace
}  // namespace heddle
