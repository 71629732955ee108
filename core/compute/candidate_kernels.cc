// Words of a row's draws, and the losses over sampled candidates. Bound by vector instructions (a generator's ten
// rounds, an exponential and a logarithm per entry). Benchmark: sampled_loss_bench.cc.
#include "core/compute/candidate_kernels.h"

#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/candidate_kernels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

void RandomWords(heddle_rng_key key, int64_t n, uint32_t* to) {
  const U32 du;
  philox_words(du, key.seed, key.stream, 0, (n + 3) / 4, to);
}

// log(1 + e^s), and its slope 1 / (1 + e^-s); both finite for every finite s.
HWY_INLINE VF softplus(F32 d, VF s, VF& slope) {
  const auto one = hn::Set(d, 1.0f);
  const auto e = exp_f32(d, hn::Neg(hn::Abs(s)));
  const auto inverse = hn::Div(one, hn::Add(one, e));
  slope = hn::IfThenElse(hn::Lt(s, hn::Zero(d)), hn::Mul(e, inverse), inverse);
  return hn::Add(hn::Max(hn::Zero(d), s), log_f32(d, hn::Add(one, e)));
}

HWY_INLINE VF load_rest(F32 d, const float* p, int64_t left) {
  return left >= static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, p) : load_n(d, p, static_cast<size_t>(left));
}
HWY_INLINE void store_rest(VF v, F32 d, float* p, int64_t left) {
  if (left >= static_cast<int64_t>(hn::Lanes(d))) hn::StoreU(v, d, p);
  else store_n(v, d, p, static_cast<size_t>(left));
}

double BinaryRow(const CandidateRow& r) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto gradient = hn::Set(d, r.gradient);
  auto sum = hn::Zero(d);
  VF slope;
  for (int64_t i = 0; i < r.n; i += lanes) {
    const auto value = load_rest(d, r.values + i, r.n - i);  // 0 past the end
    sum = hn::MulAdd(value, softplus(d, load_rest(d, r.logits + i, r.n - i), slope), sum);
    if (r.dlogits != nullptr) store_rest(hn::Mul(hn::Mul(value, slope), gradient), d, r.dlogits + i, r.n - i);
  }
  const auto positive = softplus(d, hn::Set(d, -r.logits[r.target]), slope);
  if (r.dlogits != nullptr) r.dlogits[r.target] -= r.positive_power * hn::GetLane(slope) * r.gradient;
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum))) +
         static_cast<double>(r.positive_power) * static_cast<double>(hn::GetLane(positive));
}

double SoftmaxRow(const CandidateRow& r) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto least = hn::Set(d, -3.0e38f);
  auto top = least;
  for (int64_t i = 0; i < r.n; i += lanes) {  // corrected scores; what was not drawn takes no part
    const int64_t left = r.n - i;
    auto score = load_rest(d, r.logits + i, left);
    if (r.corrections != nullptr) {
      for (int64_t j = 0; j < HWY_MIN(lanes, left); ++j) r.scratch[i + j] = r.corrections[r.indices[i + j]];
      score = hn::Sub(score, load_rest(d, r.scratch + i, left));
    }
    const auto drawn = hn::Gt(load_rest(d, r.values + i, left), hn::Zero(d));
    score = hn::IfThenElse(drawn, score, least);
    hn::StoreU(score, d, r.scratch + i);
    top = hn::Max(top, score);
  }
  const float target = r.logits[r.target];
  const float highest = hn::GetLane(hn::MaxOfLanes(d, top)), maximum = highest > target ? highest : target;
  const auto m = hn::Set(d, maximum);
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < r.n; i += lanes) {
    const auto e = hn::Mul(load_rest(d, r.values + i, r.n - i), exp_f32(d, hn::Sub(hn::LoadU(d, r.scratch + i), m)));
    hn::StoreU(e, d, r.scratch + i);
    sum = hn::Add(sum, e);
  }
  const float positive = hn::GetLane(exp_f32(d, hn::Set(d, target - maximum)));
  const auto total = hn::Add(hn::SumOfLanes(d, sum), hn::Set(d, positive));
  if (r.dlogits != nullptr) {
    const auto factor = hn::Div(hn::Set(d, r.gradient), total);
    for (int64_t i = 0; i < r.n; i += lanes)
      store_rest(hn::Mul(hn::LoadU(d, r.scratch + i), factor), d, r.dlogits + i, r.n - i);
    r.dlogits[r.target] += positive * hn::GetLane(factor) - r.gradient;
  }
  return static_cast<double>(maximum) - target + static_cast<double>(hn::GetLane(log_f32(d, total)));
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(RandomWords);
HWY_EXPORT(BinaryRow);
HWY_EXPORT(SoftmaxRow);

int64_t words_room(int64_t n) { return (n + 63) / 64 * 64; }
void random_words(heddle_rng_key key, int64_t n, uint32_t* to) { HWY_DYNAMIC_DISPATCH(RandomWords)(key, n, to); }
double binary_row(const CandidateRow& row) { return HWY_DYNAMIC_DISPATCH(BinaryRow)(row); }
double softmax_row(const CandidateRow& row) { return HWY_DYNAMIC_DISPATCH(SoftmaxRow)(row); }

}  // namespace heddle::cpu
#endif
