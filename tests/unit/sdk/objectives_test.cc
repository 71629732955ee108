// nn::Objective and nn::Sampler: loss and gradients of every objective against f64 and finite differences, buffers of
// popularity, options spliced into a schema.
#include "heddle/nn/objectives.hpp"

#include <functional>
#include <map>
#include <numeric>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"
#include "harness.h"

namespace {

namespace nn = heddle::sdk::nn;
using heddle::sdk::Ops;
using heddle::sdk::Param;
using Doubles = std::vector<double>;

constexpr int64_t kItems = 37, kRows = kItems + 2, kWidth = 6, kTokens = 15;
constexpr float kBefore = 0x1p-6f;  // what gradients hold before the call

// Parameters of a head with two rows more than there are items, and one running call on them.
struct Head {
  explicit Head(const nn::ObjectiveOptions& options, bool with_bias = true) {
    table = parameters.add("table", {kRows, kWidth});
    if (with_bias) bias = parameters.add("bias", {kRows});
    objective = nn::Objective(parameters, options, kItems);
    const heddle_parameters declared = parameters.raw();
    for (uint64_t i = 0; i < declared.count; ++i) {
      int64_t size = 1;
      for (int k = 0; k < declared.items[i].ndim; ++k) size *= declared.items[i].shape[k];
      const bool buffer = (declared.items[i].flags & HEDDLE_PARAMETER_BUFFER) != 0;
      values.emplace_back(static_cast<size_t>(size), 0.0f);
      gradients.emplace_back(buffer ? 0 : static_cast<size_t>(size), kBefore);  // += shows
      if (!buffer)
        for (float& v : values.back()) v = number();
      names[declared.items[i].name] = i;
    }
    for (int64_t t = 0; t < kTokens; ++t) targets.push_back(t % 4 == 1 ? -1 : static_cast<int32_t>(t * 5 % kItems));
    hidden.resize(kTokens * kWidth);
    for (float& v : hidden) v = number();
  }
  float number() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<double>(state >> 40) / (1 << 23) - 1);
  }

  // f(ops) inside a call.
  template <class F>
  void call(F&& f) {
    const heddle_parameters declared = parameters.raw();
    std::vector<heddle::TensorView> value_views, gradient_views;
    for (size_t i = 0; i < values.size(); ++i) {
      const std::span<const int64_t> shape(declared.items[i].shape, static_cast<size_t>(declared.items[i].ndim));
      value_views.emplace_back(values[i].data(), heddle::DType::f32, shape, DLDevice{kDLCPU, 0});
      gradient_views.emplace_back(gradients[i].data(), heddle::DType::f32, shape, DLDevice{kDLCPU, 0});
    }
    std::vector<DLTensor> value_list, gradient_list;
    for (auto& v : value_views) value_list.push_back(*v.dl());
    for (auto& v : gradient_views) gradient_list.push_back(*v.dl());
    const heddle_tensors params{sizeof params, 0, value_list.size(), value_list.data()};
    const heddle_tensors grads{sizeof grads, 0, gradient_list.size(), gradient_list.data()};
    context.call({3, 4}, HEDDLE_PRECISION_F32, [&](const heddle_call& raw) {
      Ops ops(raw, &params, &grads);
      f(ops);
    });
  }

  // Loss and gradients; the draws are kept as (row, item) -> how often.
  void train() {
    const heddle_losses raw{sizeof raw, 0, &terms, [](void* self, const char* name, double value, double) -> int32_t {
                              (*static_cast<std::map<std::string, double>*>(self))[name] = value;
                              return HEDDLE_OK;
                            }};
    dhidden.assign(hidden.size(), NAN);
    call([&](Ops& ops) {
      heddle::sdk::Losses losses(raw);
      using heddle::sdk::Tensor;
      const Tensor wanted = Tensor::of(targets.data(), {kTokens});
      loss = objective.add(ops, Tensor::of(hidden.data(), {kTokens, kWidth}), table, bias, wanted,
                           Tensor::of(dhidden.data(), {kTokens, kWidth}), losses);
      if (!objective.sampled()) return;
      const auto weights = names.count("sampler.weights") ? ops[Param{static_cast<int32_t>(names["sampler.weights"])}]
                                                          : heddle::sdk::Tensor();
      const auto drawn = ops.sample_candidates(ops.rng(nn::Objective::kStream), kItems, negatives, wanted, weights);
      for (int64_t t = 0; t < kTokens; ++t) {
        const auto row = drawn.row(t);
        for (size_t e = 0; e < row.indices.size(); ++e)
          if (row.values[e] > 0) draws[{t, row.indices[e]}] = static_cast<double>(row.values[e]);
      }
    });
  }

  uint64_t state = 7;
  heddle::sdk::Parameters parameters;
  Param table, bias;
  nn::Objective objective;
  std::vector<std::vector<float>> values, gradients;
  std::map<std::string, size_t> names;
  std::vector<int32_t> targets;
  std::vector<float> hidden, dhidden;
  int64_t negatives = 0;
  double loss = NAN;
  std::map<std::string, double> terms;
  std::map<std::pair<int64_t, int32_t>, double> draws;
  std::unique_ptr<heddle::Device> device = heddle::Device::cpu({.threads = 2});
  heddle::Context context{*device};
};

double softplus(double s) { return s > 0 ? s + std::log1p(std::exp(-s)) : std::log1p(std::exp(s)); }

// The formulas of the header, by the letter.
double oracle(const Head& h, const nn::ObjectiveOptions& o, const Doubles& hidden, const Doubles& table,
              const Doubles& bias) {
  const double k = static_cast<double>(o.negatives), alpha = std::min(1.0, k / (kItems - 1));
  const double beta = alpha * (o.calibration * (1 - 1 / alpha) + 1 / alpha);
  double sum = 0, count = 0;
  for (int64_t t = 0; t < kTokens; ++t) {
    const int32_t target = h.targets[static_cast<size_t>(t)];
    if (target < 0) continue;
    ++count;
    Doubles s(kItems);
    for (int64_t j = 0; j < kItems; ++j) {
      double& score = s[static_cast<size_t>(j)] = bias.empty() ? 0 : bias[static_cast<size_t>(j)];
      for (int64_t c = 0; c < kWidth; ++c)
        score += hidden[static_cast<size_t>(t * kWidth + c)] * table[static_cast<size_t>(j * kWidth + c)];
    }
    const double own = s[static_cast<size_t>(target)];
    double others = 0;
    for (const auto& [at, n] : h.draws) {
      if (at.first != t) continue;
      const double score = s[static_cast<size_t>(at.second)];
      if (o.objective == nn::ObjectiveKind::sampled_softmax) {
        const double q = h.names.count("sampler.weights")
                             ? h.values[h.names.at("sampler.weights")][static_cast<size_t>(at.second)] /
                                   std::accumulate(h.values[h.names.at("sampler.weights")].begin(),
                                                   h.values[h.names.at("sampler.weights")].end(), 0.0)
                             : 1.0 / (kItems - 1);
        others += n * std::exp(score - std::log(k * q));
      } else {
        others += n * softplus(score);
      }
    }
    switch (o.objective) {
      case nn::ObjectiveKind::cross_entropy: {
        double z = 0;
        for (double score : s) z += std::exp(score);
        sum += std::log(z) - own;
        break;
      }
      case nn::ObjectiveKind::bce: sum += (softplus(-own) + others) / (k + 1); break;
      case nn::ObjectiveKind::gbce: sum += (beta * softplus(-own) + others) / (k + 1); break;
      case nn::ObjectiveKind::sampled_softmax: sum += std::log(std::exp(own) + others) - own; break;
    }
  }
  return sum / count;
}

Doubles wide(const std::vector<float>& x) { return {x.begin(), x.end()}; }

// got - offset against the central differences of f at x.
void expect_gradient(const std::vector<float>& got, double offset, Doubles x,
                     const std::function<double(const Doubles&)>& f, const char* what) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + 1e-5;
    const double up = f(x);
    x[i] = kept - 1e-5;
    const double down = f(x);
    x[i] = kept;
    const double want = (up - down) / 2e-5, found = got[i] - offset;
    difference += (want - found) * (want - found);
    norm += want * want;
  }
  EXPECT_LE(std::sqrt(difference), 1e-5 * std::sqrt(norm)) << what;
}

std::vector<nn::ObjectiveOptions> all_objectives() {
  std::vector<nn::ObjectiveOptions> all;
  for (auto kind : {nn::ObjectiveKind::cross_entropy, nn::ObjectiveKind::bce, nn::ObjectiveKind::gbce,
                    nn::ObjectiveKind::sampled_softmax}) {
    for (auto from : {nn::Negatives::uniform, nn::Negatives::popularity}) {
      for (int64_t negatives : {1, 9, 80}) {
        nn::ObjectiveOptions o;
        o.objective = kind;
        o.negatives = negatives;
        o.negatives_from = from;
        all.push_back(o);
      }
    }
  }
  return all;
}

// Users 0 and 1; items beyond 9 have no events.
struct Log {
  std::vector<int64_t> offsets{0, 8, 12};
  std::vector<int32_t> items{1, 1, 1, 1, 2, 3, 9, 0, 1, 3, 9, 9};
  heddle_training_log raw{sizeof raw, 0, 2, offsets.data(), items.data()};
};

TEST(Objective, LossAndGradientsMatchTheFormulas) {
  for (const auto& o : all_objectives()) {
    for (bool with_bias : {true, false}) {
      Head h(o, with_bias);
      h.negatives = o.negatives;
      SCOPED_TRACE(std::string(h.objective.name()) + (with_bias ? " with bias, " : ", ") + std::to_string(o.negatives));
      const Log log;
      h.call([&](Ops& ops) { h.objective.prepare(ops, heddle::sdk::TrainingLog(log.raw)); });
      h.train();
      const Doubles hidden = wide(h.hidden), table = wide(h.values[0]),
                    bias = with_bias ? wide(h.values[1]) : Doubles();
      const double want = oracle(h, o, hidden, table, bias);
      EXPECT_NEAR(h.loss, want, 2e-6 * std::abs(want));
      EXPECT_EQ(h.terms, (std::map<std::string, double>{{h.objective.name(), h.loss}}));
      expect_gradient(
          h.dhidden, 0, hidden, [&](const Doubles& x) { return oracle(h, o, x, table, bias); }, "hidden");
      expect_gradient(
          h.gradients[0], kBefore, table, [&](const Doubles& x) { return oracle(h, o, hidden, x, bias); }, "table");
      if (with_bias)
        expect_gradient(
            h.gradients[1], kBefore, bias, [&](const Doubles& x) { return oracle(h, o, hidden, table, x); }, "bias");
      for (int64_t i = kItems * kWidth; i < kRows * kWidth; ++i)
        EXPECT_EQ(h.gradients[0][static_cast<size_t>(i)], kBefore);
    }
  }
}

TEST(Objective, BetaOfGbce) {
  nn::ObjectiveOptions o;
  o.objective = nn::ObjectiveKind::gbce;
  o.negatives = 9;
  const auto beta = [&](double t) {
    heddle::sdk::Parameters p;
    o.calibration = t;
    return nn::Objective(p, o, kItems).beta();
  };
  EXPECT_DOUBLE_EQ(beta(0), 1);     // plain binary cross-entropy
  EXPECT_DOUBLE_EQ(beta(1), 0.25);  // the sampling rate, 9 of 36
  EXPECT_DOUBLE_EQ(beta(0.75), 0.25 * (0.75 * (1 - 4) + 4));
  o.negatives = 1000;  // more draws than items
  EXPECT_DOUBLE_EQ(beta(0.5), 1);
}

TEST(Sampler, UniformDeclaresNothing) {
  nn::ObjectiveOptions o;
  o.objective = nn::ObjectiveKind::gbce;
  heddle::sdk::Parameters p;
  nn::Objective(p, o, kItems);
  EXPECT_EQ(p.raw().count, 0u);
  o.objective = nn::ObjectiveKind::cross_entropy;
  o.negatives_from = nn::Negatives::popularity;
  nn::Objective(p, o, kItems);
  EXPECT_EQ(p.raw().count, 0u);
}

TEST(Sampler, PopularityCountsTheTrainingLog) {
  nn::ObjectiveOptions o;
  o.objective = nn::ObjectiveKind::sampled_softmax;
  o.negatives_from = nn::Negatives::popularity;
  o.negatives = 20;
  o.popularity_power = 0.5;
  Head h(o);
  const Log log;
  h.call([&](Ops& ops) { h.objective.prepare(ops, heddle::sdk::TrainingLog(log.raw)); });
  const auto& weights = h.values[h.names.at("sampler.weights")];
  const auto& corrections = h.values[h.names.at("sampler.corrections")];
  // Events: item 1 five, item 9 three, item 3 two, items 0 and 2 one; all others count as one.
  const double sum = std::sqrt(5.0) + std::sqrt(3.0) + std::sqrt(2.0) + kItems - 3;
  for (int64_t j = 0; j < kItems; ++j) {
    const double events = j == 1 ? 5 : j == 9 ? 3 : j == 3 ? 2 : 1, weight = std::sqrt(events);
    EXPECT_NEAR(weights[static_cast<size_t>(j)], weight, 1e-6) << j;
    EXPECT_NEAR(corrections[static_cast<size_t>(j)], std::log(20 * weight / sum), 1e-6) << j;
  }
}

TEST(Sampler, WithoutPreparationSaysSo) {
  nn::ObjectiveOptions o;
  o.objective = nn::ObjectiveKind::bce;
  o.negatives_from = nn::Negatives::popularity;
  Head h(o);
  try {
    h.train();
    FAIL();
  } catch (const heddle::sdk::PluginError& error) {
    EXPECT_NE(std::string(error.what()).find("weights are > 0; accepted: two or more"), std::string::npos)
        << error.what();
  }
}

// Options behind those of a backbone, in one schema.
struct Spliced {
  struct Options : nn::ObjectiveOptions {
    int64_t hidden = 8;
  };
  static constexpr heddle::sdk::Schema schema =
      nn::with_objective(heddle::sdk::field("hidden", &Options::hidden).doc("Width."));
};

TEST(Objective, OptionsJoinTheSchemaOfABackbone) {
  const auto& declared = heddle::sdk::detail::params<Spliced>;
  std::vector<std::string> found;
  for (const heddle_param& p : declared) found.emplace_back(p.name);
  EXPECT_EQ(found, (std::vector<std::string>{"hidden", "objective", "negatives", "negatives_from", "popularity_power",
                                             "calibration"}));
  std::vector<heddle_value> values(declared.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = {sizeof(heddle_value),
                 0,
                 declared[i].type,
                 0,
                 declared[i].default_int,
                 declared[i].default_float,
                 nullptr,
                 0,
                 nullptr};
  }
  values[0].i = 16;
  values[1].i = 2;
  values[2].i = 99;
  Spliced::Options options;
  heddle::sdk::detail::Texts texts;
  const heddle_values given{sizeof given, 0, values.size(), values.data()};
  heddle::sdk::detail::read_options<Spliced>(options, texts, &given);
  EXPECT_EQ(options.hidden, 16);
  EXPECT_EQ(options.objective, nn::ObjectiveKind::gbce);
  EXPECT_EQ(options.negatives, 99);
  EXPECT_EQ(options.negatives_from, nn::Negatives::uniform);
  EXPECT_EQ(options.calibration, 0.75);
}

}  // namespace
