// gemm and activation_backward: oracle over odd shapes, epilogue, strides, K chunks, threads, batch splits, bf16.
#include "tests/ops/fixture.h"
#include "tests/ops/oracle.h"

namespace heddle::testing {
namespace {

struct Case {
  int64_t m, n, k;
};

heddle_gemm gemm_args(Guarded<float>& a, Guarded<float>& b, Guarded<float>& c, bool ta, bool tb) {
  heddle_gemm args{};
  args.struct_size = sizeof args;
  args.transpose_a = ta;
  args.transpose_b = tb;
  args.alpha = 1;
  args.a = a;
  args.b = b;
  args.c = c;
  return args;
}

TEST(Gemm, MatchesOracleOnOddShapes) {
  for (const Case& s : std::vector<Case>{{1, 1, 1},
                                         {1, 7, 3},
                                         {5, 1, 64},
                                         {17, 31, 13},
                                         {129, 257, 65},
                                         {64, 256, 1030},
                                         {3, 300, 2049},
                                         {2, 3, 70001},
                                         {131, 5, 2100}}) {
    for (int flags = 0; flags < 4; ++flags) {
      const bool ta = flags & 1, tb = flags & 2;
      Guarded<float> a(ta ? s.k : s.m, ta ? s.m : s.k), b(tb ? s.n : s.k, tb ? s.k : s.n), c(s.m, s.n);
      a.random(1);
      b.random(2);
      const auto args = gemm_args(a, b, c, ta, tb);
      run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
      const auto want = oracle::product(wide(a), wide(b), s.m, s.n, s.k, ta, tb);
      EXPECT_CLOSE(c, want, 2e-6) << s.m << "x" << s.n << "x" << s.k << " " << flags;
    }
  }
}

TEST(Gemm, EpilogueBiasActivationPreAlphaBeta) {
  for (int32_t kind : {HEDDLE_ACTIVATION_NONE, HEDDLE_ACTIVATION_RELU, HEDDLE_ACTIVATION_GELU_TANH}) {
    const int64_t m = 37, n = 53, k = 29;
    Guarded<float> a(m, k), b(k, n), c(m, n), bias(n), pre(m, n);
    a.random(1, -2, 2);
    b.random(2);
    bias.random(3);
    c.random(4);
    auto want = oracle::product(wide(a), wide(b), m, n, k, false, false), want_pre = want;
    for (int64_t i = 0; i < m * n; ++i) {
      want_pre[i] = 0.5 * want[i] + bias[i % n];
      want[i] = oracle::activation(kind, want_pre[i]) + 0.25 * c[i];
    }
    auto args = gemm_args(a, b, c, false, false);
    args.alpha = 0.5f;
    args.beta = 0.25f;
    args.activation = kind;
    args.bias = bias;
    args.pre = pre;
    run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
    EXPECT_CLOSE(c, want, 2e-6);
    EXPECT_CLOSE(pre, want_pre, 2e-6);
  }
}

TEST(Gemm, RowStridesOfEveryMatrix) {
  const int64_t m = 130, n = 19, k = 23;
  Guarded<float> a(m, k + 5), b(k, n + 3), c(m, n + 7), dense_a(m, k), dense_b(k, n), dense_c(m, n);
  a.random(1);
  b.random(2);
  c.fill(7);
  for (int64_t i = 0; i < m * k; ++i) dense_a[i] = a[i / k * (k + 5) + i % k];
  for (int64_t i = 0; i < k * n; ++i) dense_b[i] = b[i / n * (n + 3) + i % n];
  auto args = gemm_args(a, b, c, false, false);
  auto av = strided_view(a.data(), m, k, k + 5), bv = strided_view(b.data(), k, n, n + 3),
       cv = strided_view(c.data(), m, n, n + 7);
  args.a = av;
  args.b = bv;
  args.c = cv;
  run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
  const auto want = oracle::product(wide(dense_a), wide(dense_b), m, n, k, false, false);
  for (int64_t i = 0; i < m * n; ++i) dense_c[i] = c[i / n * (n + 7) + i % n];
  EXPECT_CLOSE(dense_c, want, 2e-6);
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = n; j < n + 7; ++j) EXPECT_EQ(c[r * (n + 7) + j], 7) << "wrote between rows";
  }
}

TEST(Gemm, EmptyExtents) {
  Guarded<float> a(0, 4), b(4, 3), c(0, 3), a1(2, 0), b1(0, 3), c1(2, 3), bias(3);
  bias.set({1, 2, 3});
  auto args = gemm_args(a, b, c, false, false);
  run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
  args = gemm_args(a1, b1, c1, false, false);
  args.bias = bias;
  run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
  EXPECT_EQ(c1.values(), (std::vector<float>{1, 2, 3, 1, 2, 3}));
}

TEST(Gemm, SameBitsOnAnyNumberOfThreads) {
  for (const Case& s : std::vector<Case>{{64, 192, 5000}, {300, 700, 64}}) {
    for (int flags = 0; flags < 4; ++flags) {
      const bool ta = flags & 1, tb = flags & 2;
      Guarded<float> a(ta ? s.k : s.m, ta ? s.m : s.k), b(tb ? s.n : s.k, tb ? s.k : s.n), c(s.m, s.n);
      a.random(1);
      b.random(2);
      const auto args = gemm_args(a, b, c, ta, tb);
      expect_same_bits_on_any_threads([&](Context& context) {
        run(context, [&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
        return c.values();
      });
    }
  }
}

TEST(Gemm, RowsDoNotDependOnTheBatch) {
  for (const Case& s : std::vector<Case>{{300, 333, 64}, {261, 64, 2048}}) {
    for (int32_t precision : {HEDDLE_PRECISION_F32, HEDDLE_PRECISION_BF16}) {
      Guarded<float> a(s.m, s.k), b(s.n, s.k), whole(s.m, s.n);
      a.random(1);
      b.random(2);
      auto args = gemm_args(a, b, whole, false, true);
      args.precision = precision;
      run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
      for (int64_t size : {1, 2, 7, 128, 129}) {
        const int64_t begin = s.m - size;
        Guarded<float> part(size, s.n);
        auto rows = view(a.data() + begin * s.k, size, s.k);
        args.a = rows;
        args.c = part;
        run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
        EXPECT_EQ(std::memcmp(part.data(), whole.data() + begin * s.n, static_cast<size_t>(size * s.n) * sizeof(float)),
                  0)
            << size;
      }
    }
  }
}

TEST(Gemm, Bf16RoundsInputsOnly) {
  const int64_t m = 140, n = 77, k = 1500;
  for (int flags = 0; flags < 4; ++flags) {
    const bool ta = flags & 1, tb = flags & 2;
    Guarded<float> a(ta ? k : m, ta ? m : k), b(tb ? n : k, tb ? k : n), c(m, n);
    const auto rounded = [](float value) {  // nearest even
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u;
      std::memcpy(&value, &bits, 4);
      return static_cast<double>(value);
    };
    a.random(1);
    b.random(2);
    auto wa = wide(a), wb = wide(b);
    for (size_t i = 0; i < wa.size(); ++i) wa[i] = rounded(a[static_cast<int64_t>(i)]);
    for (size_t i = 0; i < wb.size(); ++i) wb[i] = rounded(b[static_cast<int64_t>(i)]);
    auto args = gemm_args(a, b, c, ta, tb);
    args.precision = HEDDLE_PRECISION_BF16;
    run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
    EXPECT_CLOSE(c, oracle::product(wa, wb, m, n, k, ta, tb), 5e-6);
  }
}

TEST(Gemm, WrongShapesAreNamed) {
  Guarded<float> a(3, 4), b(5, 6), c(3, 6);
  const auto args = gemm_args(a, b, c, false, false);
  const auto message =
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
  EXPECT_NE(message.find("gemm: a is f32 [3,4], b is f32 [5,6]"), std::string::npos) << message;
  Guarded<float> good(4, 6), small(2, 6);
  const auto bad = gemm_args(a, good, small, false, false);
  EXPECT_EQ(run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &bad, e); }),
            "gemm: c is f32 [2,6]; accepted: f32 [3,6]");
}

TEST(ActivationBackward, MatchesFiniteDifferences) {
  for (int32_t kind : {HEDDLE_ACTIVATION_NONE, HEDDLE_ACTIVATION_RELU, HEDDLE_ACTIVATION_GELU_TANH}) {
    Guarded<float> pre(13, 17), dy(13, 17), dpre(13, 17);
    pre.random(1, -5, 5);
    dy.random(2);
    const auto w = wide(dy);
    const auto want = numeric_gradient(wide(pre), [&](const std::vector<double>& x) {
      double sum = 0;
      for (size_t i = 0; i < x.size(); ++i) sum += w[i] * oracle::activation(kind, x[i]);
      return sum;
    });
    run([&](auto& ops, void* dc, auto* e) { return ops.activation_backward(dc, kind, pre, dy, dpre, e); });
    EXPECT_CLOSE(dpre, want, 1e-6);
  }
}

TEST(Activation, GeluKeepsRelativeAccuracyInTheTail) {
  const int64_t n = 2001;
  Guarded<float> x(n, 1), one(1, 1), y(n, 1);
  one.fill(1);
  for (int64_t i = 0; i < n; ++i) x[i] = -5.0f + 10.0f * static_cast<float>(i) / 2000;
  auto args = gemm_args(x, one, y, false, false);
  args.activation = HEDDLE_ACTIVATION_GELU_TANH;
  run([&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
  for (int64_t i = 0; i < n; ++i) {
    const double value = x[i], u = std::sqrt(2 / M_PI) * (value + 0.044715 * value * value * value);
    const double want = value / (1 + std::exp(-2 * u));
    EXPECT_NEAR(y[i], want, 4e-6 * std::fabs(want) + 1e-30) << value;
  }
}

}  // namespace
}  // namespace heddle::testing
