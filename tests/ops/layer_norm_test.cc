// layer_norm and its backward: oracle, finite differences, threads, batch splits.
#include "tests/ops/fixture.h"
#include "tests/ops/oracle.h"

namespace heddle::testing {
namespace {

constexpr double kEpsilon = 1e-5;

struct Inputs {
  Inputs(int64_t rows, int64_t n) : x(rows, n), gamma(n), beta(n), y(rows, n), mean(rows), rstd(rows) {
    x.random(1, -3, 5);
    gamma.random(2, 0.5, 1.5);
    beta.random(3);
  }
  heddle_layer_norm args() {
    heddle_layer_norm a{};
    a.struct_size = sizeof a;
    a.epsilon = kEpsilon;
    a.x = x;
    a.gamma = gamma;
    a.beta = beta;
    a.y = y;
    a.mean = mean;
    a.rstd = rstd;
    return a;
  }
  Guarded<float> x, gamma, beta, y, mean, rstd;
};

TEST(LayerNorm, MatchesOracle) {
  for (int64_t n : {1, 2, 7, 16, 17, 64, 131}) {
    for (int64_t rows : {0, 1, 5, 131}) {
      Inputs in(rows, n);
      const auto args = in.args();
      run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &args, e); });
      EXPECT_CLOSE(in.y, oracle::layer_norm(wide(in.x), wide(in.gamma), wide(in.beta), kEpsilon), 1e-6)
          << rows << "x" << n;
    }
  }
}

TEST(LayerNorm, RowsDoNotDependOnTheBatch) {
  Inputs in(300, 64);
  auto args = in.args();
  run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &args, e); });
  Guarded<float> alone(1, 64);
  auto row = view(in.x.data() + 299 * 64, 1, 64);
  args.x = row;
  args.y = alone;
  args.mean = args.rstd = nullptr;
  run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &args, e); });
  EXPECT_EQ(std::memcmp(alone.data(), in.y.data() + 299 * 64, 64 * sizeof(float)), 0);
}

TEST(LayerNormBackward, MatchesFiniteDifferencesAndAccumulates) {
  for (int64_t n : {3, 16, 37}) {
    const int64_t rows = 7;
    Inputs in(rows, n);
    const auto forward = in.args();
    Guarded<float> dy(rows, n), dx(rows, n), dgamma(n), dbeta(n);
    dy.random(4);
    dx.fill(2);
    dgamma.fill(3);
    dbeta.fill(4);
    run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &forward, e); });
    heddle_layer_norm_backward back{};
    back.struct_size = sizeof back;
    back.accumulate_dx = 1;
    back.x = in.x;
    back.gamma = in.gamma;
    back.mean = in.mean;
    back.rstd = in.rstd;
    back.dy = dy;
    back.dx = dx;
    back.dgamma = dgamma;
    back.dbeta = dbeta;
    run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm_backward(dc, &back, e); });
    const auto x = wide(in.x), gamma = wide(in.gamma), beta = wide(in.beta), w = wide(dy);
    auto want_x =
        numeric_gradient(x, [&](const auto& v) { return dot(oracle::layer_norm(v, gamma, beta, kEpsilon), w); });
    auto want_gamma =
        numeric_gradient(gamma, [&](const auto& v) { return dot(oracle::layer_norm(x, v, beta, kEpsilon), w); });
    auto want_beta =
        numeric_gradient(beta, [&](const auto& v) { return dot(oracle::layer_norm(x, gamma, v, kEpsilon), w); });
    for (double& v : want_x) v += 2;
    for (double& v : want_gamma) v += 3;
    for (double& v : want_beta) v += 4;
    EXPECT_CLOSE(dx, want_x, 1e-6);
    EXPECT_CLOSE(dgamma, want_gamma, 1e-6);
    EXPECT_CLOSE(dbeta, want_beta, 1e-6);
  }
}

TEST(LayerNormBackward, SameBitsOnAnyNumberOfThreads) {
  const int64_t rows = 1000, n = 64;
  Inputs in(rows, n);
  const auto forward = in.args();
  run([&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &forward, e); });
  Guarded<float> dy(rows, n), dx(rows, n), dgamma(n), dbeta(n);
  dy.random(4);
  expect_same_bits_on_any_threads([&](Context& context) {
    dgamma.fill(0);
    dbeta.fill(0);
    heddle_layer_norm_backward back{};
    back.struct_size = sizeof back;
    back.x = in.x;
    back.gamma = in.gamma;
    back.mean = in.mean;
    back.rstd = in.rstd;
    back.dy = dy;
    back.dx = dx;
    back.dgamma = dgamma;
    back.dbeta = dbeta;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.layer_norm_backward(dc, &back, e); });
    auto all = dx.values();
    for (int64_t i = 0; i < n; ++i) all.insert(all.end(), {dgamma[i], dbeta[i]});
    return all;
  });
}

TEST(LayerNorm, WrongShapesAreNamed) {
  Inputs in(3, 4);
  Guarded<float> wrong(5);
  auto args = in.args();
  args.gamma = wrong;
  EXPECT_EQ(
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &args, e); }),
      "layer_norm: gamma is f32 [5]; accepted: f32 [4]");
}

}  // namespace
}  // namespace heddle::testing
