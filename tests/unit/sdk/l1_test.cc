// heddle.l1 on the CPU device: its loss against plain f64 arithmetic, its gradients against finite differences.
#define HEDDLE_STATIC_ENTRY l1_entry
#include "plugins/dictionaries/l1/l1.cc"
#include "dictionary_bench.h"

namespace {

using heddle_test::component;
using heddle_test::DictionaryBench;
using heddle_test::Given;

constexpr int64_t width = 13, inputs = 7, batch = 11;

DictionaryBench bench(Given given = {}) {
  given["width"] = width;
  return DictionaryBench(component(l1_entry(), "heddle.l1"), given, inputs, batch);
}

struct Reference {
  double norm = 0, squared = 0, l1 = 0;
};
Reference reference(DictionaryBench& b) {
  const auto &w = b.value("encoder.weight"), &c = b.value("encoder.bias"), &dec = b.value("decoder.weight"),
             &bias = b.value("bias");
  Reference out;
  for (int64_t row = 0; row < batch; ++row) {
    double y[inputs], e = 0;
    for (int64_t k = 0; k < inputs; ++k) y[k] = bias[static_cast<size_t>(k)];
    for (int64_t j = 0; j < width; ++j) {
      double p = c[static_cast<size_t>(j)];
      for (int64_t k = 0; k < inputs; ++k)
        p += (double{b.x[static_cast<size_t>(row * inputs + k)]} - bias[static_cast<size_t>(k)]) *
             w[static_cast<size_t>(j * inputs + k)];
      if (p <= 0) continue;
      out.l1 += p / batch;
      for (int64_t k = 0; k < inputs; ++k) y[k] += p * dec[static_cast<size_t>(j * inputs + k)];
    }
    for (int64_t k = 0; k < inputs; ++k) e += std::pow(b.x[static_cast<size_t>(row * inputs + k)] - y[k], 2);
    out.norm += std::sqrt(e) / batch;
    out.squared += e / batch;
  }
  return out;
}

TEST(L1Dictionary, DeclaresThePapersStart) {
  auto b = bench();
  const double bound = 1 / std::sqrt(7.0);
  const auto& p = [&](const char* name) -> const heddle_parameter& { return b.parameters[b.names.at(name)]; };
  EXPECT_EQ(p("encoder.weight").init, HEDDLE_INIT_UNIFORM);
  EXPECT_DOUBLE_EQ(p("encoder.weight").init_scale, bound);
  EXPECT_EQ(p("encoder.bias").init, HEDDLE_INIT_UNIFORM);
  EXPECT_DOUBLE_EQ(p("encoder.bias").init_scale, bound);
  EXPECT_EQ(p("decoder.weight").init, HEDDLE_INIT_UNIT_ROWS);
  EXPECT_EQ(p("decoder.weight").constraint, HEDDLE_CONSTRAINT_UNIT_ROWS);
  EXPECT_EQ(p("bias").init, HEDDLE_INIT_ZEROS);
  EXPECT_EQ(p("bias").role, HEDDLE_ROLE_DECODER_BIAS);
  EXPECT_EQ(p("decoder.weight").shape[0], width);
  EXPECT_EQ(p("decoder.weight").shape[1], inputs);
}

TEST(L1Dictionary, LossIsTheFormula) {
  const char* kinds[] = {"l2_norm", "l2_squared", "mse_mean"};
  for (int64_t kind = 0; kind < 3; ++kind) {
    auto b = bench({{"reconstruction", kind}, {"l1", 0.3}});
    const auto step = b.train();
    const Reference r = reference(b);
    EXPECT_NEAR(step.terms.at("reconstruction"),
                kind == 0   ? r.norm
                : kind == 1 ? r.squared
                            : r.squared / inputs,
                1e-5)
        << kinds[kind];
    EXPECT_NEAR(step.terms.at("sparsity"), r.l1, 1e-5);
    EXPECT_NEAR(step.total, step.terms.at("reconstruction") + 0.3 * r.l1, 1e-5);
  }
}

TEST(L1Dictionary, GradientsAreThoseOfTheLoss) {
  for (int64_t kind = 0; kind < 3; ++kind)
    for (const char* parameter : {"encoder.weight", "encoder.bias", "decoder.weight", "bias"}) {
      auto b = bench({{"reconstruction", kind}, {"l1", 0.3}});
      const auto [numeric, analytic] = b.along(parameter, [&] { return b.train(); });
      EXPECT_NEAR(numeric, analytic, 5e-3 * std::max(1.0, std::abs(analytic))) << parameter << ", kind " << kind;
      EXPECT_GT(std::abs(analytic), 1e-3) << "the test saw nothing";
    }
}

TEST(L1Dictionary, SparsityWarmsUp) {
  auto b = bench({{"l1", 0.5}, {"sparsity_warmup", int64_t{10}}});
  const auto first = b.train(1), middle = b.train(6), late = b.train(60);
  EXPECT_NEAR(first.total, first.terms.at("reconstruction"), 1e-9);
  EXPECT_NEAR(middle.total - middle.terms.at("reconstruction"), 0.25 * middle.terms.at("sparsity"), 1e-6);
  EXPECT_NEAR(late.total - late.terms.at("reconstruction"), 0.5 * late.terms.at("sparsity"), 1e-6);
}

TEST(L1Dictionary, ExactReconstructionHasAZeroGradient) {
  auto b = bench({{"l1", 0.0}});
  for (auto& v : b.values) std::fill(v.begin(), v.end(), 0.0f);
  std::fill(b.x.begin(), b.x.end(), 0.0f);
  const auto step = b.train();
  EXPECT_EQ(step.total, 0);
  for (const auto& gradient : step.gradients)
    for (float g : gradient) EXPECT_EQ(g, 0);
}

TEST(L1Dictionary, InferenceAgreesWithTraining) {
  auto b = bench();
  const auto y = b.reconstruct(width);
  double error = 0;
  for (size_t i = 0; i < y.size(); ++i) error += std::pow(y[i] - b.x[i], 2) / batch;
  EXPECT_NEAR(error, reference(b).squared, 1e-5);
}

}  // namespace
