// Pair statistics, ranks, streaming metrics and best features: by hand on five points, and brute force in f64.
#include <algorithm>
#include <map>

#include "core/interpret/point_labels.h"
#include "core/interpret/ranks.h"
#include "tests/unit/interpret/support.h"

namespace heddle::interpret_test {
namespace {

Device& device(int threads) {
  static std::map<int, std::unique_ptr<Device>> made;
  auto& slot = made[threads];
  if (!slot) slot = Device::cpu({threads, "auto"});
  return *slot;
}

// One metric per field of heddle_pair: what the host counted, as it is.
const std::vector<std::pair<std::string, heddle_metric_vtable>> kFields = {
    {"points", PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.points); }, 0>::table},
    {"positives", PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.positives); }, 0>::table},
    {"active", PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.active); }, 0>::table},
    {"active_positive",
     PairMetric<[](const heddle_pair& p) { return static_cast<double>(p.active_positive); }, 0>::table},
    {"sum", PairMetric<[](const heddle_pair& p) { return p.sum; }, 0>::table},
    {"sum_squares", PairMetric<[](const heddle_pair& p) { return p.sum_squares; }, 0>::table},
    {"label_sum", PairMetric<[](const heddle_pair& p) { return p.label_sum; }, 0>::table},
    {"label_squares", PairMetric<[](const heddle_pair& p) { return p.label_squares; }, 0>::table},
    {"product_sum", PairMetric<[](const heddle_pair& p) { return p.product_sum; }, 0>::table},
    {"rank_sum", PairMetric<[](const heddle_pair& p) { return p.rank_sum_positive; },
                            HEDDLE_METRIC_NEEDS_RANKS | HEDDLE_METRIC_BINARY_ONLY>::table},
};

struct Fields {
  MetricMaker maker;
  FeatureMetrics metrics;
  Fields() {
    for (const auto& [name, table] : kFields) maker.add(metrics, name, table);
  }
};

// point            1    2    3    4    5
// feature 0        3    0    1    0    1     feature 1 never fires, feature 2 is -1 0 2 -1 0
// attribute        1    0    1    1    0
TEST(Interpret, FivePointsByHand) {
  Context context(device(2));
  const AttributeTable table = table_of({{0}, {}}, 1);  // item 0 has the label, item 1 has not
  const std::vector<int32_t> items = {0, 1, 0, 0, 1};
  const FeatureColumns columns = columns_of({{3, 0, -1}, {0, 0, 0}, {1, 0, 2}, {0, 0, -1}, {1, 0, 0}}, 3, 2);
  Fields fields;
  const FeatureScores s = score_features(context, columns, items, table, fields.metrics);
  const auto row = [&](int64_t feature) {
    std::vector<double> values;
    for (const auto& [name, unused] : kFields) values.push_back(s.at(name, feature, 0));
    return values;
  };
  EXPECT_EQ(row(0), (std::vector<double>{5, 3, 3, 2, 5, 11, 3, 3, 4, 10}));  // ranks 5 1.5 3.5 1.5 3.5
  EXPECT_EQ(row(1), (std::vector<double>{5, 3, 0, 0, 0, 0, 3, 3, 0, 9}));    // all ranks 3
  EXPECT_EQ(row(2), (std::vector<double>{5, 3, 3, 3, 0, 6, 3, 3, 0, 8}));    // ranks 1.5 3.5 5 1.5 3.5
  EXPECT_EQ(s.points, 5);
  EXPECT_EQ(s.label_points, std::vector<int64_t>{3});
  EXPECT_EQ(s.active, (std::vector<int64_t>{3, 0, 3}));
}

TEST(Interpret, RanksAgainstBruteForce) {
  PhiloxStream random(rng_key(1, RngPurpose::test));
  RankScratch scratch;
  for (size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{50}, size_t{399}, size_t{400}, size_t{3000}}) {
    for (int kind = 0; kind < 3; ++kind) {
      const int64_t zeros = kind == 0 ? 0 : static_cast<int64_t>(random.below(50));
      std::vector<float> values;
      while (values.size() < n) {
        // Many ties; all distinct; tiny and huge of both signs.
        const double draw = random.normal();
        const float value =
            kind == 0 ? static_cast<float>(std::floor(draw * 3))
                      : static_cast<float>(kind == 1 ? draw : draw * std::pow(10, random.uniform() * 60 - 30));
        if (value != 0) values.push_back(value);
      }
      const double zero = scratch.rank(values, zeros) / 2.0;
      std::vector<double> found(n);
      for (size_t i = 0; i < n; ++i) found[scratch.order()[i]] = scratch.doubled()[i] / 2.0;
      std::vector<float> sorted(values);
      sorted.insert(sorted.end(), static_cast<size_t>(zeros), 0.0f);
      std::sort(sorted.begin(), sorted.end());
      const auto rank = [&](float v) {
        const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), v);
        return (static_cast<double>(low - sorted.begin()) + 1 + static_cast<double>(high - sorted.begin())) / 2;
      };
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(found[i], rank(values[i])) << n << " values, kind " << kind;
      if (zeros > 0) {
        EXPECT_EQ(zero, rank(0.0f));
      }
    }
  }
}

// A world with ties, negative values, a constant and a silent feature, unknown items, numeric labels with gaps.
struct World {
  static constexpr int64_t kPoints = 9001, kItems = 57, kBinary = 5;
  std::vector<std::vector<float>> dense;
  std::vector<int32_t> items;
  std::vector<std::vector<int32_t>> labels;
  std::vector<std::vector<float>> numeric;
  AttributeTable table;
  World() {
    PhiloxStream random(rng_key(2, RngPurpose::test));
    for (int64_t item = 0; item < kItems; ++item) {
      std::vector<int32_t> row;
      for (int32_t a = 0; a < 3; ++a) {
        if (random.uniform() < 0.3 * (a + 1)) row.push_back(a);
      }
      row.push_back(3);  // attribute 3: every item has it; 4: none has
      labels.push_back(row);
    }
    numeric.assign(
        2, std::vector<float>(kItems, std::numeric_limits<float>::quiet_NaN()));  // the second has no value at all
    for (float& value : numeric[0]) {
      if (random.uniform() < 0.7) value = static_cast<float>(std::floor(random.normal() * 4));
    }
    table = table_of(labels, kBinary, numeric);
    for (int64_t p = 0; p < kPoints; ++p) {
      items.push_back(random.uniform() < 0.02 ? -1 : static_cast<int32_t>(random.below(kItems)));
      std::vector<float> row(7, 0.0f);
      row[0] = random.uniform() < 0.1 ? static_cast<float>(std::abs(random.normal())) : 0;
      row[1] = random.uniform() < 0.4 ? static_cast<float>(std::floor(random.normal() * 2)) : 0;  // ties, both signs
      row[2] = static_cast<float>(random.normal());                                               // a raw neuron
      row[3] = 0;                                                                                 // never fires
      row[4] = 1.5f;                                                                              // constant
      row[5] =
          items.back() >= 0 && labels[static_cast<size_t>(items.back())][0] == 0 ? 2.0f : 0;  // the attribute itself
      row[6] = p == 8000 ? -3.0f : 0;
      dense.push_back(row);
    }
  }
  double label(size_t point, int64_t a) const {
    const size_t item = static_cast<size_t>(items[point]);
    if (a >= kBinary) return numeric[static_cast<size_t>(a - kBinary)][item];
    return std::count(labels[item].begin(), labels[item].end(), a) ? 1 : 0;
  }
};

TEST(Interpret, BruteForceAndThreads) {
  const World w;
  const int64_t attributes = w.table.size();
  Fields fields;
  fields.maker.add(fields.metrics, "streaming", StreamingProduct::table);
  std::map<std::string, std::vector<double>> first;
  for (auto [threads, block] : {std::pair<int, size_t>{1, 1000}, {2, 9001}, {3, 17}, {7, 4096}}) {
    Context context(device(threads));
    const FeatureColumns columns = columns_of(w.dense, 7, block);
    const FeatureScores s = score_features(context, columns, w.items, w.table, fields.metrics);
    if (!first.empty()) {
      for (const auto& [name, values] : s.scores) {
        ASSERT_EQ(values.size(), first[name].size());
        for (size_t i = 0; i < values.size(); ++i) {
          EXPECT_TRUE(values[i] == first[name][i] || (std::isnan(values[i]) && std::isnan(first[name][i])))
              << name << " " << i;
        }
      }
      continue;
    }
    first = s.scores;
    for (int64_t f = 0; f < 7; ++f) {
      std::vector<float> sorted;
      for (size_t p = 0; p < w.items.size(); ++p) {
        if (w.items[p] >= 0) sorted.push_back(w.dense[p][static_cast<size_t>(f)]);
      }
      std::sort(sorted.begin(), sorted.end());
      for (int64_t a = 0; a < attributes; ++a) {
        SCOPED_TRACE(fmt::format("feature {}, attribute {}", f, a));
        heddle_pair pair{};
        for (size_t p = 0; p < w.items.size(); ++p) {
          if (w.items[p] < 0 || std::isnan(w.label(p, a))) continue;
          const double v = w.dense[p][static_cast<size_t>(f)], label = w.label(p, a);
          ++pair.points;
          pair.positives += label != 0;
          pair.active += v != 0;
          pair.active_positive += v != 0 && label != 0;
          pair.sum += v;
          pair.sum_squares += v * v;
          pair.label_sum += label;
          pair.label_squares += label * label;
          pair.product_sum += v * label;
          if (a < World::kBinary && label != 0) {
            const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), w.dense[p][static_cast<size_t>(f)]);
            pair.rank_sum_positive +=
                (static_cast<double>(low - sorted.begin()) + 1 + static_cast<double>(high - sorted.begin())) / 2;
          }
        }
        EXPECT_EQ(s.at("points", f, a), pair.points);
        EXPECT_EQ(s.at("positives", f, a), pair.positives);
        EXPECT_EQ(s.at("active", f, a), pair.active);
        EXPECT_EQ(s.at("active_positive", f, a), pair.active_positive);
        EXPECT_EQ(s.at("sum", f, a), pair.sum);  // the same order of additions: the same bits
        EXPECT_EQ(s.at("sum_squares", f, a), pair.sum_squares);
        EXPECT_EQ(s.at("label_sum", f, a), pair.label_sum);
        EXPECT_EQ(s.at("label_squares", f, a), pair.label_squares);
        EXPECT_EQ(s.at("product_sum", f, a), pair.product_sum);
        EXPECT_EQ(s.at("streaming", f, a), pair.product_sum);
        if (a < World::kBinary) {
          EXPECT_EQ(s.at("rank_sum", f, a), pair.rank_sum_positive);
        } else {
          EXPECT_TRUE(std::isnan(s.at("rank_sum", f, a)));
        }
      }
    }
  }
}

// A wide table of short lists is not turned into words; its sums are those of the same attributes in a narrow one.
TEST(Interpret, WideTablesAreTheSame) {
  const World w;
  constexpr int64_t kWide = 700;  // attributes 0 to 3 of the narrow table at 5, 200, 400, 699
  const std::vector<int32_t> places = {5, 200, 400, 699};
  std::vector<std::vector<int32_t>> labels = w.labels;
  for (auto& row : labels)
    for (int32_t& a : row) a = places[static_cast<size_t>(a)];
  const AttributeTable wide = table_of(labels, kWide, w.numeric);
  ASSERT_TRUE(PointLabels(w.items, w.table).by_words());
  ASSERT_FALSE(PointLabels(w.items, wide).by_words());
  Fields fields;
  Context context(device(2));
  const FeatureColumns columns = columns_of(w.dense, 7);
  const FeatureScores narrow = score_features(context, columns, w.items, w.table, fields.metrics);
  const FeatureScores found = score_features(context, columns, w.items, wide, fields.metrics);
  for (const auto& [name, unused] : kFields)
    for (int64_t f = 0; f < 7; ++f)
      for (size_t a = 0; a < places.size(); ++a)
        EXPECT_EQ(found.at(name, f, places[a]), narrow.at(name, f, static_cast<int64_t>(a))) << name << f << a;
}

// More than two words of attributes and more than one group of numeric ones, against plain sums.
TEST(Interpret, ManyAttributesAgainstPlainSums) {
  PhiloxStream random(rng_key(9, RngPurpose::test));
  constexpr int64_t kBinary = 70, kNumeric = 11, kItems = 40, kPoints = 5000;
  std::vector<std::vector<int32_t>> labels(kItems);
  std::vector<std::vector<float>> numeric(kNumeric, std::vector<float>(kItems));
  for (size_t item = 0; item < kItems; ++item) {
    for (int32_t a = 0; a < kBinary; ++a)
      if (random.uniform() < 0.3) labels[item].push_back(a);
    for (auto& column : numeric)
      column[item] = random.uniform() < 0.2 ? std::nanf("") : static_cast<float>(random.below(4));
  }
  const AttributeTable table = table_of(labels, kBinary, numeric);
  std::vector<int32_t> items;
  std::vector<std::vector<float>> dense;
  for (int64_t p = 0; p < kPoints; ++p) {
    items.push_back(static_cast<int32_t>(random.below(kItems)));
    dense.push_back({random.uniform() < 0.6 ? static_cast<float>(random.normal()) : 0});
  }
  ASSERT_TRUE(PointLabels(items, table).by_words());
  Fields fields;
  Context context(device(2));
  const FeatureScores s = score_features(context, columns_of(dense, 1), items, table, fields.metrics);
  for (int64_t a = 0; a < kBinary + kNumeric; ++a) {
    double product = 0, sum = 0, squares = 0, active = 0, positive = 0;
    for (size_t p = 0; p < items.size(); ++p) {
      const auto item = static_cast<size_t>(items[p]);
      const double value = dense[p][0];
      const double label = a < kBinary ? static_cast<double>(std::count(labels[item].begin(), labels[item].end(), a))
                                       : numeric[static_cast<size_t>(a - kBinary)][item];
      if (value == 0 || std::isnan(label)) continue;
      product += value * label, sum += value, squares += value * value, ++active, positive += label != 0;
    }
    EXPECT_EQ(s.at("product_sum", 0, a), product) << a;
    EXPECT_EQ(s.at("sum", 0, a), sum) << a;
    EXPECT_EQ(s.at("sum_squares", 0, a), squares) << a;
    EXPECT_EQ(s.at("active", 0, a), active) << a;
    EXPECT_EQ(s.at("active_positive", 0, a), positive) << a;
  }
}

TEST(Interpret, SparseAndDenseBlocksAreTheSame) {
  FeatureColumns sparse(4), dense(4);
  std::vector<int64_t> offsets = {0, 2, 2, 4};
  std::vector<int32_t> indices = {0, 3, 1, 2};
  std::vector<float> values = {1, 2, 0, -4};  // a stored zero is not active
  heddle_codes codes{};
  codes.struct_size = sizeof codes;
  codes.rows = 3, codes.width = 4, codes.nnz = 4, codes.capacity = 4;
  codes.offsets = offsets.data(), codes.indices = indices.data(), codes.values = values.data();
  const std::vector<float> matrix = {1, 0, 0, 2, 0, 0, 0, 0, 0, 0, -4, 0};
  for (int i = 0; i < 2; ++i) {
    sparse.append(codes);
    dense.append_dense(matrix.data(), 3);
  }
  sparse.finish();
  dense.finish();
  EXPECT_EQ(sparse.points(), 6);
  EXPECT_EQ(sparse.entries(), 6);
  for (int64_t j = 0; j < 4; ++j) {
    FeatureColumn left, right;
    sparse.read(j, left);
    dense.read(j, right);
    EXPECT_EQ(left.rows, right.rows) << j;
    EXPECT_EQ(left.values, right.values) << j;
  }
  FeatureColumn last;
  sparse.read(3, last);
  EXPECT_EQ(last.rows, (std::vector<int32_t>{0, 3}));
  EXPECT_THROW(sparse.append(codes), Error);
}

TEST(Interpret, WrongInputsAreNamed) {
  FeatureColumns columns(1);
  const float bad = std::numeric_limits<float>::quiet_NaN(), good = 1;
  EXPECT_THROW(columns.append_dense(&bad, 1), Error);
  FeatureColumns fine(1);
  fine.append_dense(&good, 1);
  fine.finish();
  Context context(device(2));
  const AttributeTable table = table_of({{0}}, 1);
  const std::vector<int32_t> beyond = {1}, none;
  Fields fields;
  for (const auto& items : {beyond, none}) {
    try {
      score_features(context, fine, items, table, fields.metrics);
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), HEDDLE_INVALID_ARGUMENT);
      EXPECT_NE(std::string(e.what()).find("data point"), std::string::npos) << e.what();
    }
  }
}

TEST(Interpret, NoPointsNoFeaturesNoAttributes) {
  Context context(device(2));
  Fields fields;
  fields.maker.add(fields.metrics, "streaming", StreamingProduct::table);
  const AttributeTable one = table_of({{0}}, 1), none = table_of({{}}, 0);
  EXPECT_EQ(score_features(context, columns_of({}, 3), {}, one, fields.metrics).scores.at("points").size(), 3u);
  EXPECT_EQ(score_features(context, columns_of({{}}, 0), std::vector<int32_t>{0}, one, fields.metrics)
                .scores.at("points")
                .size(),
            0u);
  EXPECT_EQ(score_features(context, columns_of({{2}}, 1), std::vector<int32_t>{0}, none, fields.metrics)
                .scores.at("points")
                .size(),
            0u);
}

}  // namespace
}  // namespace heddle::interpret_test
