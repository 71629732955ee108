// The JumpReLU example on the CPU device: loss, gradients, and the straight-through gradient of its thresholds.
#define HEDDLE_STATIC_ENTRY jumprelu_entry
#include "examples/jumprelu/jumprelu.cc"
#include "dictionary_bench.h"

namespace {

using heddle_test::component;
using heddle_test::DictionaryBench;

constexpr int64_t width = 12, inputs = 6, batch = 10;
constexpr double bandwidth = 0.4, target = 2, weight = 0.7;

DictionaryBench bench() {
  return DictionaryBench(component(jumprelu_entry(), "example.jumprelu"),
                         {{"width", width},
                          {"target_l0", target},
                          {"sparsity", weight},
                          {"sparsity_warmup", int64_t{0}},
                          {"bandwidth", bandwidth}},
                         inputs, batch);
}

// p [batch,width] in f64.
std::vector<double> pre_activations(DictionaryBench& b) {
  std::vector<double> p(batch * width);
  for (size_t row = 0; row < batch; ++row)
    for (size_t j = 0; j < width; ++j) {
      double sum = b.value("encoder.bias")[j];
      for (size_t k = 0; k < inputs; ++k)
        sum += double{b.x[row * inputs + k]} * b.value("encoder.weight")[j * inputs + k];
      p[row * width + j] = sum;
    }
  return p;
}

TEST(JumpReLUExample, SparsityTermIsTheSquaredDistanceFromTheTarget) {
  auto b = bench();
  const auto p = pre_activations(b);
  double l0 = 0;
  for (size_t i = 0; i < p.size(); ++i) l0 += (p[i] > b.value("threshold")[i % width]) / double{batch};
  const auto step = b.train();
  EXPECT_NEAR(step.terms.at("sparsity"), std::pow(l0 / target - 1, 2), 1e-6);
  EXPECT_NEAR(step.total, step.terms.at("reconstruction") + weight * step.terms.at("sparsity"), 1e-6);
}

TEST(JumpReLUExample, GradientsOfWeightsAreThoseOfTheLoss) {
  for (const char* parameter : {"encoder.weight", "encoder.bias", "decoder.weight", "bias"}) {
    auto b = bench();
    const auto [numeric, analytic] = b.along(
        parameter, [&] { return b.train(); }, [](size_t) { return true; }, 1e-4f);
    EXPECT_NEAR(numeric, analytic, 3e-2 * std::max(1.0, std::abs(analytic))) << parameter;
    EXPECT_GT(std::abs(analytic), 1e-3) << parameter;
  }
}

TEST(JumpReLUExample, ThresholdsGetTheStraightThroughGradient) {
  auto b = bench();
  const auto p = pre_activations(b);
  const auto& threshold = b.value("threshold");
  std::vector<double> y(batch * inputs), wanted(width);
  double l0 = 0;
  for (size_t row = 0; row < batch; ++row)
    for (size_t j = 0; j < width; ++j) {
      if (p[row * width + j] <= threshold[j]) continue;
      l0 += 1.0 / batch;
      for (size_t k = 0; k < inputs; ++k)
        y[row * inputs + k] += p[row * width + j] * b.value("decoder.weight")[j * inputs + k];
    }
  for (size_t row = 0; row < batch; ++row)
    for (size_t j = 0; j < width; ++j) {
      if (std::abs(p[row * width + j] - threshold[j]) >= bandwidth / 2) continue;
      double df = 0;  // d loss / d f
      for (size_t k = 0; k < inputs; ++k)
        df += 2.0 / batch * (y[row * inputs + k] + b.value("bias")[k] - b.x[row * inputs + k]) *
              b.value("decoder.weight")[j * inputs + k];
      wanted[j] += -threshold[j] / bandwidth * df - weight * 2 * (l0 / target - 1) / target / batch / bandwidth;
    }
  const auto gradient = b.train().gradients[b.names.at("threshold")];
  for (size_t j = 0; j < width; ++j)
    EXPECT_NEAR(gradient[j], wanted[j], 1e-4 * std::max(1.0, std::abs(wanted[j]))) << j;
}

}  // namespace
