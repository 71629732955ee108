// bf16 product of panels by AVX-512's dot instruction, twice the arithmetic of f32. See matmul_tile-inl.h. Highway 1.0.3 has
// no target with that instruction, hence intrinsics.
#include <hwy/base.h>
#include <immintrin.h>

#include "core/compute/isa.h"
#include "core/compute/matmul_amx.h"
#include "core/compute/matmul_kernels.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")

namespace heddle::cpu {
namespace {

using Word = uint32_t;
using Sum = __m512;
using Words = __m512bh;
constexpr int64_t kLanes = 16;
constexpr int kTileVectors = 4;

HWY_INLINE __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
HWY_INLINE Sum zero() { return _mm512_setzero_ps(); }
HWY_INLINE Sum load(const float* p) { return _mm512_loadu_ps(p); }
HWY_INLINE Sum load_first(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
HWY_INLINE Words load_words(const Word* p) { return reinterpret_cast<Words>(_mm512_loadu_si512(p)); }
HWY_INLINE Words broadcast(const Word* p) { return reinterpret_cast<Words>(_mm512_set1_epi32(static_cast<int>(*p))); }
HWY_INLINE Sum multiply_add(Words a, Words b, Sum sum) { return _mm512_dpbf16_ps(sum, a, b); }
HWY_INLINE void store(Sum v, float* p) { _mm512_storeu_ps(p, v); }
HWY_INLINE void store_first(Sum v, float* p, int64_t n) { _mm512_mask_storeu_ps(p, first(n), v); }

#include "core/compute/matmul_tile-inl.h"

}  // namespace

const MatmulKernel& dot_matmul() {
  static constexpr MatmulKernel kernel{kPanelWords, 2, 12, multiply};
  return kernel;
}

}  // namespace heddle::cpu

#pragma GCC pop_options

namespace heddle::cpu {
const MatmulKernel& bf16_matmul() { return select_isa("auto") == IsaLevel::amx ? amx_matmul() : dot_matmul(); }
}  // namespace heddle::cpu
