// A head's matrices are packed into scratch with rows padded to 16 columns of zeros, so the products below run on whole
// vectors for every target. Queries go in blocks of 32; under causality a block looks at the keys up to its end only.
#include "core/compute/attention_kernels.h"

#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/attention_kernels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

#ifndef HEDDLE_COMPUTE_ATTENTION_SIZES
#define HEDDLE_COMPUTE_ATTENTION_SIZES
namespace heddle::cpu {
constexpr int64_t kQueries = 32, kPad = 16;
constexpr int64_t pad16(int64_t n) { return (n + kPad - 1) / kPad * kPad; }
}  // namespace heddle::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

constexpr float kMasked = -3.0e38f;

// MR rows by NV vectors of c (+)= op(a) b, in registers.
template <int MR, int NV, bool kTransposeA>
HWY_INLINE void micro(bool accumulate, int64_t depth, const float* a, int64_t lda, const float* b, int64_t ldb,
                      float* c, int64_t ldc) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  VF sum[MR][NV];
  for (int i = 0; i < MR; ++i) {
    for (int j = 0; j < NV; ++j) sum[i][j] = accumulate ? hn::Load(d, c + i * ldc + j * lanes) : hn::Zero(d);
  }
  for (int64_t p = 0; p < depth; ++p) {
    VF bv[NV];
    for (int j = 0; j < NV; ++j) bv[j] = hn::Load(d, b + p * ldb + j * lanes);
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, kTransposeA ? a[p * lda + i] : a[i * lda + p]);
      for (int j = 0; j < NV; ++j) sum[i][j] = hn::MulAdd(av, bv[j], sum[i][j]);
    }
  }
  for (int i = 0; i < MR; ++i) {
    for (int j = 0; j < NV; ++j) hn::Store(sum[i][j], d, c + i * ldc + j * lanes);
  }
}

template <int NV, bool kTransposeA>
HWY_INLINE void strip(bool accumulate, int64_t m, int64_t depth, const float* a, int64_t lda, const float* b,
                      int64_t ldb, float* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 6 <= m; i += 6)
    micro<6, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  for (; i + 2 <= m; i += 2)
    micro<2, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  for (; i < m; ++i)
    micro<1, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
}

// c[m,n] (+)= op(a) b over `depth`; n, ldb, ldc multiples of 16, b and c aligned.
template <bool kTransposeA>
HWY_NOINLINE void product(bool accumulate, int64_t m, int64_t n, int64_t depth, const float* a, int64_t lda,
                          const float* b, int64_t ldb, float* c, int64_t ldc) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes)
    strip<2, kTransposeA>(accumulate, m, depth, a, lda, b + j, ldb, c + j, ldc);
  for (; j < n; j += lanes) strip<1, kTransposeA>(accumulate, m, depth, a, lda, b + j, ldb, c + j, ldc);
}

void pack(const float* from, int64_t ld, int64_t rows, int64_t width, float scale, float* to) {
  const int64_t padded = pad16(width);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) to[r * padded + i] = from[r * ld + i] * scale;
    for (int64_t i = width; i < padded; ++i) to[r * padded + i] = 0;
  }
}

void pack_transposed(const float* from, int64_t ld, int64_t rows, int64_t width, float* to) {
  const int64_t padded = pad16(rows);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) to[i * padded + r] = from[r * ld + i];
  }
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t r = rows; r < padded; ++r) to[i * padded + r] = 0;
  }
}

void unpack(const float* from, int64_t rows, int64_t width, float* to, int64_t ld) {
  const int64_t padded = pad16(width);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) to[r * ld + i] = from[r * padded + i];
  }
}

// Added to scores: 0 for keys that may be attended to, kMasked for padding and for the columns past the end.
void key_bias(const AttentionTask& t, float* bias) {
  for (int64_t j = 0; j < pad16(t.length); ++j) {
    bias[j] = j < t.length && (t.key_mask == nullptr || t.key_mask[j] != 0) ? 0.0f : kMasked;
  }
}

// Scores of one row to probabilities over keys [0,limit), zeros up to `end` (a multiple of 16). Returns the log of
// the sum.
HWY_INLINE float softmax_row(float* row, const float* bias, int64_t limit, int64_t end) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto masked = hn::Set(d, kMasked);
  auto top = masked;
  for (int64_t j = 0; j < limit; j += lanes) {
    auto s = hn::Max(masked, hn::Add(hn::Load(d, row + j), hn::Load(d, bias + j)));  // NaN stays NaN
    if (j + lanes > limit) s = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(limit - j)), s, masked);
    hn::Store(s, d, row + j);
    top = hn::Max(top, s);
  }
  const auto m = hn::MaxOfLanes(d, top);
  const float maximum = hn::GetLane(m);
  int64_t j = 0;
  auto sum = hn::Zero(d);
  if (!(maximum <= kMasked / 2)) {
    for (; j < limit; j += lanes) {
      const auto e = exp_f32(d, hn::Sub(hn::Load(d, row + j), m));
      hn::Store(e, d, row + j);
      sum = hn::Add(sum, e);
    }
  }
  for (int64_t z = j; z < end; z += lanes) hn::Store(hn::Zero(d), d, row + z);
  if (j == 0) return -__builtin_huge_valf();
  const auto total = hn::SumOfLanes(d, sum);
  const auto inverse = hn::Div(hn::Set(d, 1.0f), total);
  for (int64_t i = 0; i < limit; i += lanes) hn::Store(hn::Mul(hn::Load(d, row + i), inverse), d, row + i);
  return hn::GetLane(hn::Add(m, log_f32(d, total)));
}

// As above from the kept log of the sum.
HWY_INLINE void probabilities_row(float* row, const float* bias, float log_sum, int64_t limit, int64_t end) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto shift = hn::Set(d, log_sum);
  int64_t j = 0;
  if (!(log_sum <= kMasked / 2)) {
    for (; j < limit; j += lanes) {
      auto e = exp_f32(d, hn::Sub(hn::Add(hn::Load(d, row + j), hn::Load(d, bias + j)), shift));
      if (j + lanes > limit) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(limit - j)), e);
      hn::Store(e, d, row + j);
    }
  }
  for (; j < end; j += lanes) hn::Store(hn::Zero(d), d, row + j);
}

// factors[j] = keep_scale or 0 for query i and keys [0,end).
HWY_INLINE void dropout_row(const AttentionTask& t, int64_t i, int64_t end, uint32_t* words, float* factors) {
  const F32 d;
  const U32 du;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const uint64_t first = (static_cast<uint64_t>(t.first_row + i) << 32) | static_cast<uint64_t>(t.first_row);
  const int64_t lead = static_cast<int64_t>(first % 4);  // blocks of four words start before the first key
  const auto vectors = static_cast<size_t>((lead + end + 4 * lanes - 1) / (4 * lanes));
  philox_words(du, t.rng.seed, t.rng.stream, first / 4, vectors, words);
  const auto limit = hn::Set(du, t.threshold);
  for (int64_t j = 0; j < end; j += lanes) {
    const auto dropped = hn::RebindMask(d, hn::Lt(hn::ShiftRight<8>(hn::LoadU(du, words + lead + j)), limit));
    hn::Store(hn::IfThenZeroElse(dropped, hn::Set(d, t.keep_scale)), d, factors + j);
  }
}

void MultiplyInto(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y, float* HWY_RESTRICT out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] * y[i];
}

// Hands out pieces of the scratch.
struct Pieces {
  float* next;
  HWY_INLINE float* take(int64_t n) {
    float* piece = next;
    next += pad16(n);
    return piece;
  }
};

void AttentionForward(const AttentionTask& t, float* scratch) {
  const int64_t length = t.length, width = t.width, lp = pad16(length), wp = pad16(width);
  Pieces pieces{scratch};
  float* q = pieces.take(length * wp);
  float* kt = pieces.take(width * lp);
  float* v = pieces.take(length * wp);
  float* bias = pieces.take(lp);
  float* scores = pieces.take(kQueries * lp);
  float* out = pieces.take(kQueries * wp);
  float* factors = pieces.take(lp);
  auto* words = reinterpret_cast<uint32_t*>(pieces.take(lp + 80));
  pack(t.q, t.ldq, length, width, t.scale, q);
  pack_transposed(t.k, t.ldk, length, width, kt);
  pack(t.v, t.ldv, length, width, 1.0f, v);
  key_bias(t, bias);
  for (int64_t begin = 0; begin < length; begin += kQueries) {
    const int64_t rows = HWY_MIN(kQueries, length - begin), keys = t.causal ? begin + rows : length, end = pad16(keys);
    product<false>(false, rows, end, width, q + begin * wp, wp, kt, lp, scores, lp);
    for (int64_t i = 0; i < rows; ++i) {
      float* row = scores + i * lp;
      const float log_sum = softmax_row(row, bias, t.causal ? begin + i + 1 : length, end);
      if (t.log_sum_exp != nullptr) t.log_sum_exp[(begin + i) * t.ldl] = log_sum;
      if (t.threshold == 0) continue;
      dropout_row(t, begin + i, end, words, factors);
      for (int64_t j = 0; j < end; ++j) row[j] *= factors[j];
    }
    product<false>(false, rows, wp, keys, scores, lp, v, wp, out, wp);
    unpack(out, rows, width, t.out + begin * t.ldo, t.ldo);
  }
}

// dV = P'^T dO;  dP' = dO V^T;  dS = P (dP - rowsum(dO O));  dQ = scale dS K;  dK = scale dS^T Q.  P' is P after
// dropout.
void AttentionBackward(const AttentionTask& t, float* scratch) {
  const int64_t length = t.length, width = t.width, lp = pad16(length), wp = pad16(width);
  Pieces pieces{scratch};
  float* q = pieces.take(length * wp);
  float* k = pieces.take(length * wp);
  float* kt = pieces.take(width * lp);
  float* vt = pieces.take(width * lp);
  float* dout = pieces.take(length * wp);
  float* dk = pieces.take(length * wp);
  float* dv = pieces.take(length * wp);
  float* bias = pieces.take(lp);
  float* p = pieces.take(kQueries * lp);
  float* dropped = pieces.take(kQueries * lp);
  float* ds = pieces.take(kQueries * lp);
  float* dq = pieces.take(kQueries * wp);
  float* factors = pieces.take(lp);
  auto* words = reinterpret_cast<uint32_t*>(pieces.take(lp + 80));
  pack(t.q, t.ldq, length, width, t.scale, q);
  pack(t.k, t.ldk, length, width, t.scale, k);
  pack_transposed(t.k, t.ldk, length, width, kt);
  pack_transposed(t.v, t.ldv, length, width, vt);
  pack(t.dout, t.lddo, length, width, 1.0f, dout);
  key_bias(t, bias);
  for (int64_t i = 0; i < length * wp; ++i) dk[i] = dv[i] = 0;
  for (int64_t begin = 0; begin < length; begin += kQueries) {
    const int64_t rows = HWY_MIN(kQueries, length - begin), keys = t.causal ? begin + rows : length, end = pad16(keys);
    product<false>(false, rows, end, width, q + begin * wp, wp, kt, lp, p, lp);
    product<false>(false, rows, end, width, dout + begin * wp, wp, vt, lp, ds, lp);
    const float* kept = t.threshold == 0 ? p : dropped;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = begin + i;
      float *p_row = p + i * lp, *ds_row = ds + i * lp;
      probabilities_row(p_row, bias, t.log_sum_exp[at * t.ldl], t.causal ? at + 1 : length, end);
      if (t.threshold != 0) {
        dropout_row(t, at, end, words, factors);
        MultiplyInto(p_row, factors, dropped + i * lp, end);
        for (int64_t j = 0; j < end; ++j) ds_row[j] *= factors[j];
      }
      float delta = 0;
      for (int64_t c = 0; c < width; ++c) delta += t.dout[at * t.lddo + c] * t.out[at * t.ldo + c];
      for (int64_t j = 0; j < end; ++j) ds_row[j] = p_row[j] * (ds_row[j] - delta);
    }
    product<true>(true, keys, wp, rows, kept, lp, dout + begin * wp, wp, dv, wp);
    product<true>(true, keys, wp, rows, ds, lp, q + begin * wp, wp, dk, wp);
    product<false>(false, rows, wp, keys, ds, lp, k, wp, dq, wp);
    unpack(dq, rows, width, t.dq + begin * t.lddq, t.lddq);
  }
  unpack(dk, length, width, t.dk, t.lddk);
  unpack(dv, length, width, t.dv, t.lddv);
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(AttentionForward);
HWY_EXPORT(AttentionBackward);

int64_t attention_scratch(int64_t length, int64_t width, bool backward) {
  const int64_t lp = pad16(length), wp = pad16(width);
  // Sums of the pieces taken above; each take rounds up to 16.
  if (!backward) return 2 * length * wp + width * lp + lp + kQueries * (lp + wp) + lp + lp + 80;
  return 5 * length * wp + 2 * width * lp + lp + 3 * kQueries * lp + kQueries * wp + lp + lp + 80;
}
void attention_forward(const AttentionTask& task, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionForward)(task, scratch);
}
void attention_backward_task(const AttentionTask& task, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionBackward)(task, scratch);
}

}  // namespace heddle::cpu
#endif
