// Attention of suffixes over a kept prefix. Keys and values of the prefix are packed once for all suffixes of a task.
// Suffixes of one row each (an edit of the last position, a beam) go through the products together, 32 at a time: their
// own key joins as one more link of each chain. Longer ones go one after the other. Bound by the products and the
// exponentials, as attention (attention_kernels.cc). Benchmark: steering_bench.cc.
#include "core/compute/attention_kernels.h"

#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/attention_suffix_kernels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/attention_parts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

struct Packed {
  int64_t lp, wp;  // columns of kt and scores, columns of the others
  float *q, *k, *kt, *v, *bias, *scores, *out;
};

// Rows [first, first + rows) of q, k, v are one suffix each.
void single_rows(const SuffixTask& t, const Packed& m, int64_t first, int64_t rows) {
  const int64_t width = t.width, prefix = t.prefix, wp = m.wp, lp = m.lp, end = pad16(prefix + 1);
  float* own_v = m.v + prefix * wp;
  pack(t.q + first * t.ldq, t.ldq, rows, width, t.scale, m.q);
  pack(t.k + first * t.ldk, t.ldk, rows, width, 1.0f, m.k);
  pack(t.v + first * t.ldv, t.ldv, rows, width, 1.0f, own_v);
  product<false>(false, rows, pad16(prefix), width, m.q, wp, m.kt, lp, m.scores, lp);
  for (int64_t i = 0; i < rows; ++i) {
    float score = 0;
    for (int64_t c = 0; c < width; ++c) score = __builtin_fmaf(m.q[i * wp + c], m.k[i * wp + c], score);
    m.scores[i * lp + prefix] = score;
    softmax_row(m.scores + i * lp, m.bias, prefix + 1, end);
  }
  product<false>(false, rows, wp, prefix, m.scores, lp, m.v, wp, m.out, wp);
  for (int64_t i = 0; i < rows; ++i) {
    const float p = m.scores[i * lp + prefix];
    for (int64_t c = 0; c < width; ++c) m.out[i * wp + c] = __builtin_fmaf(p, own_v[i * wp + c], m.out[i * wp + c]);
  }
  unpack(m.out, rows, width, t.out + first * t.ldo, t.ldo);
}

void one_suffix(const SuffixTask& t, const Packed& m, int64_t first, int64_t length) {
  const int64_t width = t.width, prefix = t.prefix, wp = m.wp, lp = m.lp;
  pack_transposed(t.k + first * t.ldk, t.ldk, length, width, m.kt + prefix, lp);
  pack(t.v + first * t.ldv, t.ldv, length, width, 1.0f, m.v + prefix * wp);
  for (int64_t begin = 0; begin < length; begin += kQueries) {
    const int64_t rows = HWY_MIN(kQueries, length - begin);
    const int64_t keys = prefix + (t.causal ? begin + rows : length), end = pad16(keys);
    pack(t.q + (first + begin) * t.ldq, t.ldq, rows, width, t.scale, m.q);
    product<false>(false, rows, end, width, m.q, wp, m.kt, lp, m.scores, lp);
    for (int64_t i = 0; i < rows; ++i)
      softmax_row(m.scores + i * lp, m.bias, t.causal ? prefix + begin + i + 1 : keys, end);
    product<false>(false, rows, wp, keys, m.scores, lp, m.v, wp, m.out, wp);
    unpack(m.out, rows, width, t.out + (first + begin) * t.ldo, t.ldo);
  }
}

void AttentionSuffixes(const SuffixTask& t, float* scratch) {
  const int64_t width = t.width, own = HWY_MAX(t.longest, kQueries);
  Pieces pieces{scratch};
  Packed m{pad16(t.prefix + t.longest), pad16(width), {}, {}, {}, {}, {}, {}, {}};
  m.q = pieces.take(kQueries * m.wp);
  m.k = pieces.take(kQueries * m.wp);
  m.kt = pieces.take(width * m.lp);
  m.v = pieces.take((t.prefix + own) * m.wp);
  m.bias = pieces.take(m.lp);
  m.scores = pieces.take(kQueries * m.lp);
  m.out = pieces.take(kQueries * m.wp);
  for (int64_t j = 0; j < m.lp; ++j) m.bias[j] = 0;
  pack_transposed(t.kept_k, t.ldkk, t.prefix, width, m.kt, m.lp);
  zero_columns(t.prefix, m.lp, width, m.kt, m.lp);  // later: what a longer suffix left, never looked at
  pack(t.kept_v, t.ldkv, t.prefix, width, 1.0f, m.v);
  const int64_t* offsets = t.offsets;
  bool single = true;
  for (int64_t s = 0; s < t.suffixes; ++s) single = single && offsets[s + 1] - offsets[s] == 1;
  if (single) {
    for (int64_t s = 0; s < t.suffixes; s += kQueries) single_rows(t, m, offsets[s], HWY_MIN(kQueries, t.suffixes - s));
  } else {
    for (int64_t s = 0; s < t.suffixes; ++s) one_suffix(t, m, offsets[s], offsets[s + 1] - offsets[s]);
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(AttentionSuffixes);

int64_t suffix_scratch(int64_t prefix, int64_t longest, int64_t width) {
  const int64_t lp = pad16(prefix + longest), wp = pad16(width), own = longest > kQueries ? longest : kQueries;
  return 3 * kQueries * wp + width * lp + (prefix + own) * wp + lp + kQueries * lp + 7 * kPad;
}
void attention_suffixes(const SuffixTask& task, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionSuffixes)(task, scratch);
}

}  // namespace heddle::cpu
#endif
