// One Adam step (Kingma, Ba 2015, algorithm 1: bias-corrected, epsilon outside the root) with decoupled weight decay
// (Loshchilov, Hutter 2019), and its variant for rows of norm 1: the gradient is projected on the tangent of the sphere
// before the moments see it, and rows are rescaled after the update.
#include <algorithm>
#include <cmath>

#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/adam.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

#ifndef HEDDLE_COMPUTE_ADAM_STEP
#define HEDDLE_COMPUTE_ADAM_STEP
namespace heddle::cpu {
struct AdamStep {
  float beta1, beta2, grad_scale, decay;  // decay = 1 - learning_rate * weight_decay
  float step_size;                        // learning_rate / (1 - beta1^t)
  float root_scale;                       // 1 / sqrt(1 - beta2^t)
  float epsilon;
};
}  // namespace heddle::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

struct State {
  VF param, m, v;
};

// `radial` times param is taken out of the scaled gradient.
HWY_INLINE State update(F32 d, const AdamStep& s, VF param, VF grad, VF m, VF v, VF radial) {
  const auto one = hn::Set(d, 1.0f);
  const auto b1 = hn::Set(d, s.beta1), b2 = hn::Set(d, s.beta2);
  const auto g = hn::NegMulAdd(radial, param, hn::Mul(grad, hn::Set(d, s.grad_scale)));
  m = hn::MulAdd(b1, m, hn::Mul(hn::Sub(one, b1), g));
  v = hn::MulAdd(b2, v, hn::Mul(hn::Sub(one, b2), hn::Mul(g, g)));
  const auto root = hn::MulAdd(hn::Sqrt(v), hn::Set(d, s.root_scale), hn::Set(d, s.epsilon));
  const auto change = hn::Mul(hn::Set(d, s.step_size), hn::Div(m, root));
  return {hn::Sub(hn::Mul(param, hn::Set(d, s.decay)), change), m, v};
}

HWY_INLINE void update_span(const AdamStep& s, float radial, float* param, const float* grad, float* m, float* v,
                            int64_t n) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const auto r = hn::Set(d, radial);
  int64_t i = 0;
  for (; i + step <= n; i += step) {
    const State next =
        update(d, s, hn::LoadU(d, param + i), hn::LoadU(d, grad + i), hn::LoadU(d, m + i), hn::LoadU(d, v + i), r);
    hn::StoreU(next.param, d, param + i);
    hn::StoreU(next.m, d, m + i);
    hn::StoreU(next.v, d, v + i);
  }
  if (i == n) return;
  const auto k = static_cast<size_t>(n - i);
  const State next =
      update(d, s, load_n(d, param + i, k), load_n(d, grad + i, k), load_n(d, m + i, k), load_n(d, v + i, k), r);
  store_n(next.param, d, param + i, k);
  store_n(next.m, d, m + i, k);
  store_n(next.v, d, v + i, k);
}

HWY_INLINE float dot(const float* a, const float* b, int64_t n) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + step <= n; i += step) sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  if (i < n)
    sum = hn::MulAdd(load_n(d, a + i, static_cast<size_t>(n - i)), load_n(d, b + i, static_cast<size_t>(n - i)), sum);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void AdamBlock(const AdamStep& s, float* param, const float* grad, float* m, float* v, int64_t n) {
  update_span(s, 0.0f, param, grad, m, v, n);
}

void AdamUnitRows(const AdamStep& s, float* param, const float* grad, float* m, float* v, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, param += n, grad += n, m += n, v += n) {
    const float square = dot(param, param, n);
    const float radial = square > 0 ? s.grad_scale * dot(param, grad, n) / square : 0.0f;
    update_span(s, radial, param, grad, m, v, n);
    const float after = dot(param, param, n);
    if (after <= 0) continue;
    const float inverse = 1.0f / __builtin_sqrtf(after);
    for (int64_t i = 0; i < n; ++i) param[i] *= inverse;
  }
}

void NormalizeRows(float* x, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n) {
    const float square = dot(x, x, n);
    if (square > 1e-30f && square < 1e30f) {
      const float inverse = 1.0f / __builtin_sqrtf(square);
      for (int64_t i = 0; i < n; ++i) x[i] *= inverse;
      continue;
    }
    double wide = 0;  // squares that under- or overflow f32
    for (int64_t i = 0; i < n; ++i) wide += static_cast<double>(x[i]) * x[i];
    if (!(wide > 0)) continue;
    const double inverse = 1.0 / __builtin_sqrt(wide);
    for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(x[i] * inverse);
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(AdamBlock);
HWY_EXPORT(AdamUnitRows);
HWY_EXPORT(NormalizeRows);

namespace {

void want_like(const char* name, const DLTensor* tensor, const DLTensor* param) {
  const int64_t* s = param->shape;
  switch (param->ndim) {
    case 1: return want("adam", name, tensor, DType::f32, {s[0]});
    case 2: return want("adam", name, tensor, DType::f32, {s[0], s[1]});
    case 3: return want("adam", name, tensor, DType::f32, {s[0], s[1], s[2]});
    case 4: return want("adam", name, tensor, DType::f32, {s[0], s[1], s[2], s[3]});
    default: fail(HEDDLE_INVALID_ARGUMENT, "adam: param is {}; accepted: 1 to 4 dimensions", shape_text(param));
  }
}

void check_numbers(const heddle_adam& a) {
  const bool fine = a.step >= 1 && a.beta1 >= 0 && a.beta1 < 1 && a.beta2 >= 0 && a.beta2 < 1 && a.epsilon >= 0 &&
                    std::isfinite(a.learning_rate) && std::isfinite(a.weight_decay) && std::isfinite(a.grad_scale);
  if (!fine) {
    fail(HEDDLE_INVALID_ARGUMENT,
         "adam: step {}, beta1 {}, beta2 {}, epsilon {}, learning_rate {}, weight_decay {}, grad_scale {}; accepted: "
         "step >= 1, "
         "betas in [0,1), epsilon >= 0, finite numbers",
         a.step, a.beta1, a.beta2, a.epsilon, a.learning_rate, a.weight_decay, a.grad_scale);
  }
}

}  // namespace

int32_t adam(void* dc, const heddle_adam* args, heddle_error* error) {
  return guarded(error, [&] {
    want_struct("adam", args, args ? args->struct_size : 0, sizeof(heddle_adam));
    if (args->param == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "adam: param is null");
    want_like("param", args->param, args->param);
    want_like("grad", args->grad, args->param);
    want_like("m", args->m, args->param);
    want_like("v", args->v, args->param);
    check_numbers(*args);
    const auto t = static_cast<double>(args->step);
    const AdamStep step{static_cast<float>(args->beta1),
                        static_cast<float>(args->beta2),
                        static_cast<float>(args->grad_scale),
                        static_cast<float>(1 - args->learning_rate * args->weight_decay),
                        static_cast<float>(args->learning_rate / (1 - std::pow(args->beta1, t))),
                        static_cast<float>(1 / std::sqrt(1 - std::pow(args->beta2, t))),
                        static_cast<float>(args->epsilon)};
    float *param = data<float>(args->param), *m = data<float>(args->m), *v = data<float>(args->v);
    const float* grad = data<float>(args->grad);
    const int64_t n = elements(args->param);
    if (n == 0) return;
    if (args->unit_rows == 0) {
      context(dc).pool.run(ceil_div(n, kBlock), [&](int64_t task) {
        const int64_t b = task * kBlock;
        HWY_DYNAMIC_DISPATCH(AdamBlock)(step, param + b, grad + b, m + b, v + b, std::min(kBlock, n - b));
      });
      return;
    }
    const int64_t rows = dim(args->param, 0), width = n / rows, block = std::max<int64_t>(1, kBlock / width);
    context(dc).pool.run(ceil_div(rows, block), [&](int64_t task) {
      const int64_t b = task * block * width;
      HWY_DYNAMIC_DISPATCH(AdamUnitRows)
      (step, param + b, grad + b, m + b, v + b, std::min(block, rows - task * block), width);
    });
  });
}

int32_t normalize_rows(void* dc, DLTensor* x, heddle_error* error) {
  return guarded(error, [&] {
    want("normalize_rows", "x", x, DType::f32, {kAny, kAny});
    const int64_t rows = dim(x, 0), width = dim(x, 1);
    if (width == 0) return;
    const int64_t block = std::max<int64_t>(1, kBlock / width);
    context(dc).pool.run(ceil_div(rows, block), [&](int64_t task) {
      HWY_DYNAMIC_DISPATCH(NormalizeRows)
      (data<float>(x) + task * block * width, std::min(block, rows - task * block), width);
    });
  });
}

}  // namespace heddle::cpu
#endif
