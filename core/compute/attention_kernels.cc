// A head's matrices are packed into scratch (attention_parts-inl.h). Queries go in blocks of 32; under causality a
// block looks at the keys up to its end only.
//
// Bound, at 128 tokens and heads of 32 columns, a third each by: the FMA ports (seven products, near their peak),
// vector instructions per pair of query and key (two exponentials and, with dropout, two times the generator), and
// waiting for the caller's rows, which lie far apart (fetch_next). Measured on Zen 5: 5.9 ms of one thread for forward
// and backward of 64 x 128 tokens, two heads; before rows were fetched and packed by whole vectors 10.5 ms. Benchmark:
// attention_step.
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

// The words of query i and keys [0,end), from words[0] of what is returned on.
HWY_INLINE const uint32_t* draw_words(const AttentionTask& t, int64_t i, int64_t end, uint32_t* words) {
  const U32 du;
  const uint64_t first = (static_cast<uint64_t>(t.first_row + i) << 32) | static_cast<uint64_t>(t.first_row);
  const int64_t lead = static_cast<int64_t>(first % 4);  // blocks of four words start before the first key
  philox_words(du, t.rng.seed, t.rng.stream, first / 4, (lead + end + 3) / 4, words);
  return words + lead;
}

// keep_scale, or 0 where a word says so.
HWY_INLINE VF keep_factor(F32 d, const AttentionTask& t, const uint32_t* words) {
  const U32 du;
  const auto dropped = hn::Lt(hn::ShiftRight<8>(hn::LoadU(du, words)), hn::Set(du, t.threshold));
  return hn::IfThenZeroElse(hn::RebindMask(d, dropped), hn::Set(d, t.keep_scale));
}

// One row of the backward: scores to P' (in place), dP' to dS (in place), over the keys [0,limit); zeros up to `end`.
HWY_INLINE void backward_row(const AttentionTask& t, const uint32_t* words, const float* bias, float log_sum,
                             float delta, int64_t limit, int64_t end, float* p_row, float* ds_row) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto shift = hn::Set(d, log_sum), row_delta = hn::Set(d, delta);
  int64_t j = 0;
  if (!(log_sum <= kMasked / 2)) {
    for (; j < limit; j += lanes) {
      auto p = exp_nonpositive(d, hn::Sub(hn::Add(hn::Load(d, p_row + j), hn::Load(d, bias + j)), shift));
      if (j + lanes > limit) p = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(limit - j)), p);
      auto dp = hn::Load(d, ds_row + j);
      auto kept = p;
      if (words != nullptr) {
        const auto factor = keep_factor(d, t, words + j);
        kept = hn::Mul(p, factor);
        dp = hn::Mul(dp, factor);
      }
      hn::Store(kept, d, p_row + j);
      hn::Store(hn::Mul(p, hn::Sub(dp, row_delta)), d, ds_row + j);
    }
  }
  for (; j < end; j += lanes) {
    hn::Store(hn::Zero(d), d, p_row + j);
    hn::Store(hn::Zero(d), d, ds_row + j);
  }
}

// Rows of the task that this thread will probably run next, on their way to the cache while this one computes: the
// share that falls to the queries [begin, begin + rows) of this one. Without it two fifths of the time are waiting for
// rows.
HWY_INLINE void fetch_next(const AttentionTask& t, const AttentionTask* next, int64_t begin, int64_t rows,
                           bool backward) {
  if (next == nullptr) return;
  const auto fetch = [&](const float* from, int64_t ld, int64_t r) {
    for (int64_t c = 0; c < next->width; c += 16) __builtin_prefetch(from + r * ld + c);
  };
  for (int64_t r = begin * next->length / t.length; r < (begin + rows) * next->length / t.length; ++r) {
    fetch(next->q, next->ldq, r);
    fetch(next->k, next->ldk, r);
    fetch(next->v, next->ldv, r);
    if (!backward) continue;
    fetch(next->dout, next->lddo, r);
    fetch(next->out, next->ldo, r);
  }
}

// Copies dout into whole vectors; delta = rowsum(dO O).
HWY_INLINE void pack_dout(const AttentionTask& t, float* dout, float* delta) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t padded = pad16(t.width);
  for (int64_t r = 0; r < t.length; ++r) {
    const float *from = t.dout + r * t.lddo, *out = t.out + r * t.ldo;
    float* to = dout + r * padded;
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < padded; i += lanes) {
      const auto n = static_cast<size_t>(HWY_MAX(t.width - i, 0));
      const bool whole = i + lanes <= t.width;
      const auto g = whole ? hn::LoadU(d, from + i) : n > 0 ? load_n(d, from + i, n) : hn::Zero(d);
      const auto o = whole ? hn::LoadU(d, out + i) : n > 0 ? load_n(d, out + i, n) : hn::Zero(d);
      hn::Store(g, d, to + i);
      sum = hn::MulAdd(g, o, sum);
    }
    delta[r] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void AttentionForward(const AttentionTask& t, const AttentionTask* next, float* scratch) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t length = t.length, width = t.width, lp = pad16(length), wp = pad16(width);
  Pieces pieces{scratch};
  float* q = pieces.take(length * wp);
  float* kt = pieces.take(width * lp);
  float* v = pieces.take(length * wp);
  float* bias = pieces.take(lp);
  float* scores = pieces.take(kQueries * lp);
  float* out = pieces.take(kQueries * wp);
  auto* words = reinterpret_cast<uint32_t*>(pieces.take(lp + 80));
  pack(t.q, t.ldq, length, width, t.scale, q);
  pack_transposed(t.k, t.ldk, length, width, kt, lp);
  zero_columns(length, lp, width, kt, lp);
  pack(t.v, t.ldv, length, width, 1.0f, v);
  key_bias(t, bias);
  for (int64_t begin = 0; begin < length; begin += kQueries) {
    const int64_t rows = HWY_MIN(kQueries, length - begin), keys = t.causal ? begin + rows : length, end = pad16(keys);
    fetch_next(t, next, begin, rows, false);
    product<false>(false, rows, end, width, q + begin * wp, wp, kt, lp, scores, lp);
    for (int64_t i = 0; i < rows; ++i) {
      float* row = scores + i * lp;
      const float log_sum = softmax_row(row, bias, t.causal ? begin + i + 1 : length, end);
      if (t.log_sum_exp != nullptr) t.log_sum_exp[(begin + i) * t.ldl] = log_sum;
      if (t.threshold == 0) continue;
      const int64_t live = t.causal ? pad16(begin + i + 1) : end;
      const uint32_t* drawn = draw_words(t, begin + i, live, words);
      for (int64_t j = 0; j < live; j += lanes)
        hn::Store(hn::Mul(hn::Load(d, row + j), keep_factor(d, t, drawn + j)), d, row + j);
    }
    product<false>(false, rows, wp, keys, scores, lp, v, wp, out, wp);
    unpack(out, rows, width, t.out + begin * t.ldo, t.ldo);
  }
}

// dV = P'^T dO;  dP' = dO V^T;  dS = P (dP - rowsum(dO O));  dQ = scale dS K;  dK = scale dS^T Q.  P' is P after
// dropout.
void AttentionBackward(const AttentionTask& t, const AttentionTask* next, float* scratch) {
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
  float* ds = pieces.take(kQueries * lp);
  float* dq = pieces.take(kQueries * wp);
  float* delta = pieces.take(lp);
  auto* words = reinterpret_cast<uint32_t*>(pieces.take(lp + 80));
  pack(t.q, t.ldq, length, width, t.scale, q);
  pack(t.k, t.ldk, length, width, t.scale, k);
  pack_transposed(t.k, t.ldk, length, width, kt, lp);
  zero_columns(length, lp, width, kt, lp);
  pack_transposed(t.v, t.ldv, length, width, vt, lp);
  zero_columns(length, lp, width, vt, lp);
  pack_dout(t, dout, delta);
  key_bias(t, bias);
  for (int64_t i = 0; i < length * wp; ++i) dk[i] = dv[i] = 0;
  for (int64_t begin = 0; begin < length; begin += kQueries) {
    const int64_t rows = HWY_MIN(kQueries, length - begin), keys = t.causal ? begin + rows : length, end = pad16(keys);
    fetch_next(t, next, begin, rows, true);
    product<false>(false, rows, end, width, q + begin * wp, wp, kt, lp, p, lp);
    product<false>(false, rows, end, width, dout + begin * wp, wp, vt, lp, ds, lp);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = begin + i, limit = t.causal ? at + 1 : length;
      const uint32_t* drawn = t.threshold == 0 ? nullptr : draw_words(t, at, pad16(limit), words);
      backward_row(t, drawn, bias, t.log_sum_exp[at * t.ldl], delta[at], limit, end, p + i * lp, ds + i * lp);
    }
    product<true>(true, keys, wp, rows, p, lp, dout + begin * wp, wp, dv, wp);
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
  if (!backward) return 2 * length * wp + width * lp + lp + kQueries * (lp + wp) + lp + 80;
  return 5 * length * wp + 2 * width * lp + lp + 2 * kQueries * lp + kQueries * wp + lp + lp + 80;
}
void attention_forward(const AttentionTask& task, const AttentionTask* next, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionForward)(task, next, scratch);
}
void attention_backward_task(const AttentionTask& task, const AttentionTask* next, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionBackward)(task, next, scratch);
}

}  // namespace heddle::cpu
#endif
