// adam with and without rows of norm 1: oracle, threads.
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

struct AdamCase {
  AdamCase(int64_t rows, int64_t n, bool unit) : param(rows, n), grad(rows, n), m(rows, n), v(rows, n) {
    param.random(1);
    grad.random(2);
    m.random(3, -0.1, 0.1);
    v.random(4, 0, 0.1);
    args = {};
    args.struct_size = sizeof args;
    args.learning_rate = 0.01;
    args.beta1 = 0.9;
    args.beta2 = 0.999;
    args.epsilon = 1e-8;
    args.weight_decay = unit ? 0 : 0.1;
    args.grad_scale = 0.5;
    args.step = 7;
    args.unit_rows = unit;
    args.param = param;
    args.grad = grad;
    args.m = m;
    args.v = v;
  }
  Guarded<float> param, grad, m, v;
  heddle_adam args;
};

void oracle_row(const heddle_adam& a, double* p, double* g, double* m, double* v, int64_t n) {
  double pp = 0, pg = 0, norm = 0;
  for (int64_t i = 0; i < n; ++i) {
    g[i] *= a.grad_scale;
    pp += p[i] * p[i];
    pg += p[i] * g[i];
  }
  for (int64_t i = 0; i < n; ++i) {
    if (a.unit_rows && pp > 0) g[i] -= pg / pp * p[i];
    m[i] = a.beta1 * m[i] + (1 - a.beta1) * g[i];
    v[i] = a.beta2 * v[i] + (1 - a.beta2) * g[i] * g[i];
    const double mh = m[i] / (1 - std::pow(a.beta1, a.step)), vh = v[i] / (1 - std::pow(a.beta2, a.step));
    p[i] = p[i] * (1 - a.learning_rate * a.weight_decay) - a.learning_rate * mh / (std::sqrt(vh) + a.epsilon);
    norm += p[i] * p[i];
  }
  if (!a.unit_rows || norm == 0) return;
  for (int64_t i = 0; i < n; ++i) p[i] /= std::sqrt(norm);
}

TEST(Adam, MatchesOracle) {
  for (bool unit : {false, true}) {
    for (int64_t n : {1, 3, 16, 37, 64}) {
      for (int64_t rows : {0, 1, 5, 600}) {
        AdamCase s(rows, n, unit);
        auto p = wide(s.param), g = wide(s.grad), m = wide(s.m), v = wide(s.v);
        for (int64_t r = 0; r < rows; ++r) oracle_row(s.args, &p[r * n], &g[r * n], &m[r * n], &v[r * n], n);
        run([&](auto& ops, void* dc, auto* e) { return ops.adam(dc, &s.args, e); });
        EXPECT_CLOSE(s.param, p, 1e-6);
        EXPECT_CLOSE(s.m, m, unit && n == 1 ? 1e-5 : 1e-6);
        EXPECT_CLOSE(s.v, v, 1e-6);
      }
    }
  }
}

TEST(Adam, SameBitsOnAnyNumberOfThreads) {
  for (bool unit : {false, true}) {
    expect_same_bits_on_any_threads([&](Context& context) {
      AdamCase s(2000, 64, unit);
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.adam(dc, &s.args, e); });
      return s.param.values();
    });
  }
}

TEST(Adam, WrongArgumentsAreNamed) {
  AdamCase s(2, 3, false);
  s.args.step = 0;
  EXPECT_NE(run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.adam(dc, &s.args, e); })
                .find("step 0"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::testing
