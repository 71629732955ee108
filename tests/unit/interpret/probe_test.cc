// Linear probes: solved by hand, optimal by an independent f64 gradient, and what happens where nothing can be learnt.
#include <map>

#include "core/interpret/probe.h"
#include "core/interpret/probe_scores.h"
#include "tests/unit/interpret/support.h"

namespace heddle::interpret_test {
namespace {

Device& device(int threads) {
  static std::map<int, std::unique_ptr<Device>> made;
  auto& slot = made[threads];
  if (!slot) slot = Device::cpu({threads, "auto"});
  return *slot;
}

// Rows in memory; item i of the table has the labels of row i unless items say otherwise.
struct World {
  int64_t width = 1;
  std::vector<float> x;
  std::vector<std::vector<int32_t>> labels;  // by item
  std::vector<int32_t> items;                // by row
  int64_t attributes = 1;

  ProbeRows rows() const {
    return {width, items, [this](int64_t begin, int64_t count, float* out) {
              std::copy_n(x.begin() + begin * width, count * width, out);
            }};
  }
  void add(std::vector<float> row, int32_t item) {
    x.insert(x.end(), row.begin(), row.end());
    items.push_back(item);
  }
  bool has(size_t row, int32_t attribute) const {
    const auto& mine = labels[static_cast<size_t>(items[row])];
    return std::find(mine.begin(), mine.end(), attribute) != mine.end();
  }
};

// Item 0 has attribute 0, item 1 has none.
World two_items() {
  World world;
  world.labels = {{0}, {}};
  return world;
}

std::vector<Probe> train(const World& world, const ProbeOptions& options, int threads = 2) {
  Context context(device(threads));
  std::vector<int32_t> attributes;
  for (int32_t a = 0; a < world.attributes; ++a) attributes.push_back(a);
  return train_probes(context, world.rows(), table_of(world.labels, world.attributes), attributes, options);
}

ProbeOptions plain(double l2) {
  ProbeOptions options;
  options.l2 = l2;
  options.class_weight = ClassWeight::none;
  options.tolerance = 1e-7;
  return options;
}

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

// |gradient of L| / rows in f64, straight from the definition.
double gradient_norm(const World& world, const Probe& probe, const ProbeOptions& options) {
  double positives = 0, known = 0;
  for (size_t i = 0; i < world.items.size(); ++i)
    if (world.items[i] >= 0) known += 1, positives += world.has(i, probe.attribute);
  std::vector<double> gradient(probe.weights.size() + 1, 0.0);
  for (size_t i = 0; i < world.items.size(); ++i) {
    if (world.items[i] < 0) continue;
    const bool y = world.has(i, probe.attribute);
    double z = static_cast<double>(probe.bias), weight = 1;
    if (options.class_weight == ClassWeight::balanced) weight = known / (2 * (y ? positives : known - positives));
    const float* row = world.x.data() + i * probe.weights.size();
    for (size_t j = 0; j < probe.weights.size(); ++j)
      z += static_cast<double>(row[j]) * static_cast<double>(probe.weights[j]);
    const double residual = weight * (sigmoid(z) - (y ? 1 : 0));
    for (size_t j = 0; j < probe.weights.size(); ++j) gradient[j] += residual * static_cast<double>(row[j]);
    gradient.back() += residual;
  }
  double squares = 0;
  for (size_t j = 0; j < probe.weights.size(); ++j) gradient[j] += options.l2 * static_cast<double>(probe.weights[j]);
  for (double g : gradient) squares += g * g;
  return std::sqrt(squares) / known;
}

// x = +1: three of four have the attribute; x = -1: one of four. By symmetry b = 0, and 8 s(w) - 6 + l2 w = 0.
TEST(Probe, EightRowsByHand) {
  World world = two_items();
  for (int32_t item : {0, 0, 0, 1}) world.add({1}, item);
  for (int32_t item : {0, 1, 1, 1}) world.add({-1}, item);
  const Probe free = train(world, plain(0)).front();
  EXPECT_TRUE(free.converged);
  EXPECT_NEAR(free.weights[0], std::log(3.0), 1e-5);  // s(w) = 3/4
  EXPECT_NEAR(free.bias, 0, 1e-6);

  double low = 0, high = 2;
  for (int step = 0; step < 60; ++step) {
    const double w = (low + high) / 2;
    (8 * sigmoid(w) - 6 + 2 * w > 0 ? high : low) = w;
  }
  const Probe held = train(world, plain(2)).front();
  EXPECT_NEAR(held.weights[0], low, 1e-5);
  EXPECT_LT(held.weights[0], 0.8);  // the penalty pulls it to 0
}

// Three attributes that depend on some columns, a rare one among them; some rows without a known item.
World random_world(int64_t rows, int64_t width) {
  World world;
  world.width = width;
  world.attributes = 3;
  for (int32_t mask = 0; mask < 8; ++mask) {
    world.labels.emplace_back();
    for (int32_t a = 0; a < 3; ++a)
      if (mask >> a & 1) world.labels.back().push_back(a);
  }
  PhiloxStream random(rng_key(11, RngPurpose::test, 0));
  for (int64_t i = 0; i < rows; ++i) {
    std::vector<float> row;
    for (int64_t j = 0; j < width; ++j) row.push_back(static_cast<float>(4 * random.uniform() - 2));
    const double bend[] = {row[0] - 0.5 * row[1], 2.0 * row[2] - 4, row[1] * 0.3 + row[3]};
    int32_t item = 0;
    for (int32_t a = 0; a < 3; ++a)
      if (random.uniform() < sigmoid(bend[a])) item |= 1 << a;
    world.add(row, i % 97 == 0 ? -1 : item);
  }
  return world;
}

TEST(Probe, EndsWhereTheGradientVanishes) {
  const World world = random_world(5000, 7);
  for (ClassWeight weight : {ClassWeight::none, ClassWeight::balanced}) {
    ProbeOptions options;
    options.class_weight = weight;
    for (const Probe& probe : train(world, options)) {
      EXPECT_TRUE(probe.converged);
      EXPECT_LE(probe.gradient_norm, 1e-6);
      EXPECT_LE(gradient_norm(world, probe, options), 2e-6);
      EXPECT_LT(probe.iterations, 15);
      Probe moved = probe;  // the test itself can fail: another point is no optimum
      moved.weights[0] += 0.01f;
      EXPECT_GT(gradient_norm(world, moved, options), 1e-4);
    }
  }
}

TEST(Probe, SameBitsForAnyNumberOfThreads) {
  const World world = random_world(9000, 7);
  const auto one = train(world, {}, 1);
  for (int threads : {2, 3, 7}) {
    const auto other = train(world, {}, threads);
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(one[i].weights, other[i].weights);
      EXPECT_EQ(one[i].bias, other[i].bias);
      EXPECT_EQ(one[i].iterations, other[i].iterations);
    }
  }
}

// With n = 4 n+ balanced weights are 2 and 2/3: those of every positive row taken three times, times 2/3.
TEST(Probe, BalancedIsRepeatingTheRareClass) {
  World once = two_items(), repeated = two_items();
  once.width = repeated.width = 2;
  PhiloxStream random(rng_key(12, RngPurpose::test, 0));
  for (int i = 0; i < 400; ++i) {
    const int32_t item = i % 4 == 0 ? 0 : 1;
    const float shift = item == 0 ? 0.8f : 0.0f;
    const std::vector<float> row = {static_cast<float>(random.uniform()) + shift, static_cast<float>(random.uniform())};
    once.add(row, item);
    for (int times = 0; times < (item == 0 ? 3 : 1); ++times) repeated.add(row, item);
  }
  ProbeOptions balanced = plain(2);
  balanced.class_weight = ClassWeight::balanced;
  const Probe a = train(once, balanced).front(), b = train(repeated, plain(3)).front();
  for (size_t j = 0; j < 2; ++j) EXPECT_NEAR(a.weights[j], b.weights[j], 1e-4);
  EXPECT_NEAR(a.bias, b.bias, 1e-4);
}

TEST(Probe, SeparableDataStayFiniteUnderThePenalty) {
  World world = two_items();
  for (int i = 1; i <= 50; ++i) world.add({static_cast<float>(i)}, 0), world.add({static_cast<float>(-i)}, 1);
  const Probe probe = train(world, plain(1)).front();
  EXPECT_TRUE(probe.converged);
  EXPECT_GT(probe.weights[0], 0.1f);
  EXPECT_LT(probe.weights[0], 10.0f);
  EXPECT_LE(gradient_norm(world, probe, plain(1)), 1e-6);
}

TEST(Probe, SaysWhenItDidNotGetThere) {
  ProbeOptions options;
  options.max_iterations = 2;
  for (const Probe& probe : train(random_world(2000, 7), options)) {
    EXPECT_FALSE(probe.converged);
    EXPECT_EQ(probe.iterations, 2);
    EXPECT_GT(probe.gradient_norm, options.tolerance);
    for (float weight : probe.weights) EXPECT_TRUE(std::isfinite(weight));
  }
  options.max_iterations = 500;
  options.tolerance = 1e-15;  // beyond f32: it stops by itself, at the best point
  for (const Probe& probe : train(random_world(2000, 7), options)) {
    EXPECT_FALSE(probe.converged);
    EXPECT_LT(probe.iterations, 100);
    EXPECT_LT(probe.gradient_norm, 1e-6);
  }
}

TEST(Probe, AbsentWhereThereIsNothingToLearn) {
  World world;
  world.labels = {{0, 2}, {2}};
  world.attributes = 3;
  for (int i = 0; i < 20; ++i) world.add({static_cast<float>(i % 5)}, i % 2);
  const auto probes = train(world, {});
  EXPECT_EQ(probes[0].absent, "");
  EXPECT_EQ(probes[1].absent, "no training row has the attribute");
  EXPECT_EQ(probes[2].absent, "every training row has the attribute");
  EXPECT_TRUE(probes[1].weights.empty());
  for (int32_t& item : world.items) item = -1;
  EXPECT_EQ(train(world, {})[0].absent, "there are no training rows with a known item");
}

TEST(Probe, RefusesWhatIsNotANumber) {
  World world = two_items();
  for (int i = 0; i < 4; ++i) world.add({i == 2 ? NAN : 1.0f}, i % 2);
  EXPECT_THROW(train(world, {}), Error);
}

// What the host counted, as it is.
const std::vector<std::pair<std::string, heddle_metric_vtable>> kCounts = {
    {"points", PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.points); }, 0>::table},
    {"active", PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.active); }, 0>::table},
    {"active_positive",
     PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.active_positive); }, 0>::table},
    {"sum", PairMetric<[](const heddle_pair& p) { return p.sum; }, 0>::table},
    {"product", PairMetric<[](const heddle_pair& p) { return p.product_sum; }, 0>::table},
    {"ranks", PairMetric<[](const heddle_pair& p) { return p.rank_sum_positive; }, HEDDLE_METRIC_NEEDS_RANKS>::table},
};

// Logits of five points: 2 -1 0 3 -2; the attribute at points 1, 2, 3; the sixth has no known item.
TEST(ProbeScores, ProbabilityAndDecision) {
  World world = two_items();
  const float logits[] = {2, -1, 0, 3, -2, 9};
  const int32_t items[] = {0, 0, 0, 1, 1, -1};
  for (size_t i = 0; i < 6; ++i) world.add({logits[i]}, items[i]);
  Probe probe;
  probe.weights = {1};
  Probe none;
  none.absent = "no training row has the attribute";
  MetricMaker maker;
  FeatureMetrics metrics;
  for (const auto& [name, table] : kCounts) maker.add(metrics, name, table);
  maker.add(metrics, "stream", StreamingProduct::table);
  Context context(device(2));
  const std::vector<Probe> probes = {none, probe};
  const ProbeScores scores = score_probes(context, probes, world.rows(), table_of(world.labels, 1), metrics);
  const auto of = [&](const char* name) { return scores.probability.at(name)[1]; };
  EXPECT_EQ(of("points"), 5);
  EXPECT_EQ(of("active"), 3);  // p >= 1/2 at 2, 0 and 3
  EXPECT_EQ(of("active_positive"), 2);
  EXPECT_NEAR(of("sum"), sigmoid(2) + sigmoid(-1) + sigmoid(0) + sigmoid(3) + sigmoid(-2), 1e-6);
  EXPECT_NEAR(of("product"), sigmoid(2) + sigmoid(-1) + sigmoid(0), 1e-6);
  EXPECT_EQ(of("ranks"), 4 + 2 + 3);
  EXPECT_NEAR(of("stream"), sigmoid(2) + sigmoid(-1) + sigmoid(0), 1e-6);
  EXPECT_EQ(scores.logit.at("sum")[1], 2 - 1 + 0 + 3 - 2);
  EXPECT_EQ(scores.logit.at("product")[1], 1);
  EXPECT_EQ(scores.logit.at("active_positive")[1], 2);
  EXPECT_EQ(scores.logit.count("ranks"), 0u);  // the same ranks
  EXPECT_TRUE(std::isnan(scores.probability.at("sum")[0]));
  EXPECT_EQ(scores.undefined_reason(none, 0), "no training row has the attribute");
  EXPECT_EQ(scores.undefined_reason(probe, 1), "");
  EXPECT_EQ(scores.points, 5);
  EXPECT_EQ(scores.label_points[1], 3);
}

}  // namespace
}  // namespace heddle::interpret_test
