// One matrix product on the calling thread, by oneDNN. The building block of gemm, cross_entropy and encode: they cut
// their work into tiles whose shapes come from a small set, so that the cache of primitives stays small, and run them
// on the pool.
//
// Call only inside a ThreadPool task (the pool keeps oneDNN's OpenMP at one thread). Each thread owns its engine,
// stream and primitives (oneDNN 2.6: a primitive runs on the thread that made it). Errors: INTERNAL when oneDNN
// fails, RESOURCE_EXHAUSTED without scratch memory.
#pragma once

#include <cstdint>

#include "core/compute/arena.h"
#include "core/compute/isa.h"

namespace heddle::cpu {

// c[m,n] = op(a) op(b), all f32 row-major; op(a) is [m,k], op(b) is [k,n]; ld* are row strides of the stored matrices.
struct TileShape {
  int64_t m, n, k;
  int64_t lda, ldb, ldc;
  bool transpose_a = false, transpose_b = false;
  bool bf16 = false;  // round inputs to bf16 first (nearest even), accumulate in f32
  friend bool operator==(const TileShape&, const TileShape&) = default;
};

// Rows of a tile in which a row's bits do not depend on its place: callers that promise rows independent of their
// batch use tiles of exactly this m. Measured for oneDNN 2.6.3: its AVX2 product treats the last rows of m = 126 or
// 128 differently, but not of m = 48, 64, 96, 120, 144, 192; its AVX-512 product showed no difference at any m.
inline int64_t invariant_rows(IsaLevel isa) { return isa == IsaLevel::avx2 ? 96 : 128; }

void tile_matmul(const TileShape& shape, const float* a, const float* b, float* c, Arena& scratch);

// Same with inputs already in bf16. Only where the ISA level has avx512_bf16.
void tile_matmul_bf16(const TileShape& shape, const uint16_t* a, const uint16_t* b, float* c, Arena& scratch);

}  // namespace heddle::cpu
