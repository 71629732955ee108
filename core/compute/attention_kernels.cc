// A head's matrices are packed into scratch (attention_parts-inl.h). Queries go in blocks of 32; under causality a
// block looks at the keys up to its end only.
#include "core/compute/attention_kernels.h"

#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/attention_kernels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/attention_parts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Added to scores: 0 for keys that may be attended to, kMasked for padding and for the columns past the end.
void key_bias(const AttentionTask& t, float* bias) {
  for (int64_t j = 0; j < pad16(t.length); ++j) {
    bias[j] = j < t.length && (t.key_mask == nullptr || t.key_mask[j] != 0) ? 0.0f : kMasked;
  }
}

// Scores of one row to probabilities from the kept log of the sum.
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
  pack_transposed(t.k, t.ldk, length, width, kt, lp);
  zero_columns(length, lp, width, kt, lp);
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
  pack_transposed(t.k, t.ldk, length, width, kt, lp);
  zero_columns(length, lp, width, kt, lp);
  pack_transposed(t.v, t.ldv, length, width, vt, lp);
  zero_columns(length, lp, width, vt, lp);
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
