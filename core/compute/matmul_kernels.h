// A matrix product on the calling thread: C[m,n] = A[m,k] B[k,n] (+ C), where B was laid out beforehand in panels because many
// tiles of A meet the same B: a table of items, a weight. Against oneDNN, which
// lays B out again in every call, see docs/benchmarks.md.
//
// k is counted in words: a word is a float, or with bf16 a pair of values adjacent in k (a lone last one is paired with zero).
// Panel p of B holds columns [p*width, (p+1)*width) as [k][width] words, zeros beyond n.
//
// Bits of a row of C depend on that row of A and on B alone. bf16: products of bf16 values are added to f32 sums in pairs,
// by AVX-512's dot instruction or by AMX. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

struct MatmulArgs {
  int64_t m, n, k;  // k in words
  const void* a;    // word (i, k) at a[i * a_row + k * a_k]
  int64_t a_row, a_k;
  const void* b;    // panels
  int64_t b_panel;  // words from one panel to the next: (words of the whole depth) * panel width
  float* c;
  int64_t ldc;
  bool add;  // C += instead of C =
};

struct MatmulKernel {
  int64_t panel;  // columns per panel
  int64_t depth;  // values of k per word: 1 (f32) or 2 (bf16)
  int64_t rows;   // of A per call at full speed, and multiples of it
  void (*multiply)(const MatmulArgs&);
};

// f32 words, at every ISA level.
const MatmulKernel& f32_matmul();
// bf16 words; only where native_bf16(). Elsewhere round the inputs to bf16 (simd_convert.h) and multiply in f32. By AMX at that
// level, else by AVX-512's dot instruction.
const MatmulKernel& bf16_matmul();
const MatmulKernel& dot_matmul();

// How f32 numbers enter a product: as they are; as bf16 in pairs; or, where bf16 is asked for without such instructions,
// rounded to bf16 and multiplied in f32.
struct ProductInputs {
  explicit ProductInputs(bool bf16);
  const MatmulKernel& kernel;
  const bool pairs, round;
  int64_t words(int64_t values) const { return (values + kernel.depth - 1) / kernel.depth; }
  // n values of a row of A as words(n) words, one behind the other.
  void lay_out_row(const float* row, int64_t n, void* to) const;
};

// Words that B[k,n] takes in panels; k in values.
int64_t panel_words(const MatmulKernel& kernel, int64_t k, int64_t n);

// Lays out B for the kernel, 4 bytes per word. Element (i, j) of B is read at b[i * row + j * column]; one of the two is 1.
// With round (f32 words only) values are rounded to bf16 first.
void lay_out_panels(const MatmulKernel& kernel, const float* b, int64_t row, int64_t column, int64_t k, int64_t n,
                    bool round, void* panels);

}  // namespace heddle::cpu
