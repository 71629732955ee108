// heddle.topk on the CPU device: selection, gradients, AuxK of the C++ layer, the threshold.
#define HEDDLE_STATIC_ENTRY topk_entry
#include "plugins/dictionaries/topk/topk.cc"
#include "dictionary_bench.h"

namespace {

using heddle_test::component;
using heddle_test::DictionaryBench;
using heddle_test::Given;

constexpr int64_t width = 16, inputs = 7, batch = 9, living = 10;

// Features from `living` on respond too weakly ever to be among the k: dead in every batch.
struct Bench : DictionaryBench {
  explicit Bench(Given given = {})
      : DictionaryBench(component(topk_entry(), "heddle.topk"), with_sizes(given), inputs, batch) {
    auto& encoder = value("encoder.weight");
    for (size_t i = living * inputs; i < encoder.size(); ++i) encoder[i] *= 0.01f;
    auto& bias = value("encoder.bias");
    for (size_t j = 0; j < bias.size(); ++j) bias[j] = j < living ? 0.8f : 0;
  }
  static Given with_sizes(Given given) {
    given["width"] = width;
    given["k"] = int64_t{3};
    return given;
  }
};
std::vector<uint8_t> dead() {
  std::vector<uint8_t> mask(width, 0);
  std::fill(mask.begin() + living, mask.end(), uint8_t{1});
  return mask;
}

TEST(TopKDictionary, StartsTiedAndWithTheMedian) {
  Bench b;
  const auto p = [&](const char* name) { return b.parameters[b.names.at(name)]; };
  EXPECT_EQ(p("encoder.weight").init, HEDDLE_INIT_COPY);
  EXPECT_EQ(p("encoder.weight").init_source, static_cast<int64_t>(b.names.at("decoder.weight")));
  EXPECT_LT(b.names.at("decoder.weight"), b.names.at("encoder.weight"));
  EXPECT_EQ(p("encoder.bias").init, HEDDLE_INIT_ZEROS);
  EXPECT_EQ(p("bias").init, HEDDLE_INIT_GEOMETRIC_MEDIAN);
  EXPECT_EQ(p("threshold").flags, uint32_t{HEDDLE_PARAMETER_BUFFER});
}

TEST(TopKDictionary, KeepsTheKLargestOfEachRow) {
  Bench b;
  b.reconstruct(width);
  for (int64_t row = 0; row < batch; ++row) {
    int active = 0;
    for (int64_t j = 0; j < width; ++j) active += b.dense[static_cast<size_t>(row * width + j)] > 0;
    EXPECT_EQ(active, 3);
  }
}

TEST(TopKDictionary, GradientsAreThoseOfTheLoss) {
  for (const char* parameter : {"encoder.weight", "encoder.bias", "decoder.weight", "bias"}) {
    Bench b;
    const auto [numeric, analytic] = b.along(
        parameter, [&] { return b.train(); }, [](size_t) { return true; }, 2e-4f);
    EXPECT_NEAR(numeric, analytic, 2e-2 * std::max(1.0, std::abs(analytic))) << parameter;
    EXPECT_GT(std::abs(analytic), 1e-3) << parameter;
  }
}

// The auxiliary loss, written out in f64 from the inference reconstruction.
TEST(TopKDictionary, AuxKIsTheFormula) {
  Bench b;
  const auto step = b.train(1, dead(), 2, 0.5);
  const auto y = b.reconstruct(width);
  const auto &w = b.value("encoder.weight"), &dec = b.value("decoder.weight"), &bias = b.value("bias");
  std::vector<double> e(y.size()), mean(inputs);
  for (size_t i = 0; i < y.size(); ++i) e[i] = double{b.x[i]} - y[i], mean[i % inputs] += e[i] / batch;
  double variance = 0, loss = 0;
  for (size_t i = 0; i < e.size(); ++i) variance += std::pow(e[i] - mean[i % inputs], 2) / batch;
  for (int64_t row = 0; row < batch; ++row) {
    std::vector<std::pair<double, int64_t>> p;  // (-activation, feature): ascending = largest first, lower index first
    for (int64_t j = living; j < width; ++j) {
      double sum = b.value("encoder.bias")[static_cast<size_t>(j)];
      for (int64_t k = 0; k < inputs; ++k)
        sum += (double{b.x[static_cast<size_t>(row * inputs + k)]} - bias[static_cast<size_t>(k)]) *
               w[static_cast<size_t>(j * inputs + k)];
      if (sum > 0) p.emplace_back(-sum, j);
    }
    std::sort(p.begin(), p.end());
    p.resize(std::min<size_t>(p.size(), 2));
    for (int64_t k = 0; k < inputs; ++k) {
      double out = e[static_cast<size_t>(row * inputs + k)];
      for (const auto& [minus, j] : p) out -= -minus * dec[static_cast<size_t>(j * inputs + k)];
      loss += out * out / batch;
    }
  }
  EXPECT_NEAR(step.terms.at("auxk"), loss / variance, 1e-4);
  EXPECT_NEAR(step.total, step.terms.at("reconstruction") + 0.5 * step.terms.at("auxk"), 1e-5);
}

// Dead features do not touch the main loss, so its residual stays fixed and differences of the total are those of AuxK.
TEST(TopKDictionary, AuxKTrainsEncoderAndDecoderOfDeadFeatures) {
  for (const char* parameter : {"encoder.weight", "encoder.bias", "decoder.weight"}) {
    Bench b;
    const size_t per_feature = b.value(parameter).size() / width;
    const auto among = [&](size_t i) { return i / per_feature >= static_cast<size_t>(living); };
    const auto [numeric, analytic] = b.along(
        parameter, [&] { return b.train(1, dead(), 3, 20.0); }, among, 2e-4f);
    EXPECT_NEAR(numeric, analytic, 2e-2 * std::max(1.0, std::abs(analytic))) << parameter;
    EXPECT_GT(std::abs(analytic), 1e-3) << parameter;
  }
}

TEST(TopKDictionary, AuxKOfAPerfectReconstructionIsZero) {
  Bench b;
  for (auto& v : b.values) std::fill(v.begin(), v.end(), 0.0f);
  std::fill(b.x.begin(), b.x.end(), 0.0f);
  const auto step = b.train(1, dead(), 2, 1.0);
  EXPECT_EQ(step.terms.at("auxk"), 0);
  for (const auto& gradient : step.gradients)
    for (float g : gradient) EXPECT_EQ(g, 0);
}

TEST(TopKDictionary, ThresholdIsAMovingAverage) {
  Bench b({{"threshold_start", int64_t{2}}, {"threshold_decay", 0.9}});
  b.reconstruct(width);
  double smallest = 0;
  for (int64_t row = 0; row < batch; ++row) {
    double least = INFINITY;
    for (int64_t j = 0; j < width; ++j)
      if (const double f = b.dense[static_cast<size_t>(row * width + j)]; f > 0) least = std::min(least, f);
    smallest += least / batch;
  }
  b.train(2);
  EXPECT_EQ(b.value("threshold")[0], 0);
  b.train(3);
  EXPECT_NEAR(b.value("threshold")[0], smallest, 1e-5);
  for (float& t : b.value("threshold")) t = 0;
  b.train(4);
  EXPECT_NEAR(b.value("threshold")[5], 0.1 * smallest, 1e-5);
}

TEST(TopKDictionary, ThresholdInference) {
  Bench b({{"inference", int64_t{1}}});
  for (float& t : b.value("threshold")) t = 0.9f;
  b.reconstruct(width);
  int active = 0;
  for (float f : b.dense) {
    EXPECT_TRUE(f == 0 || f > 0.9f) << f;
    active += f != 0;
  }
  EXPECT_GT(active, 0);
}

TEST(TopKDictionary, RefusesMoreThanThereIs) {
  const auto& c = component(topk_entry(), "heddle.topk");
  const heddle_test::Options options(c, {{"width", int64_t{8}}, {"k", int64_t{9}}});
  heddle_test::ErrorText error;
  EXPECT_EQ(c.check(options.raw(), &error.raw), HEDDLE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.text, "k = 9 is more than width = 8");
}

}  // namespace
