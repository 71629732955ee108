// Histograms and windows around peaks on a handful of points; directions against brute force in f64.
#include <map>

#include "core/interpret/directions.h"
#include "core/interpret/occurrences.h"
#include "tests/unit/interpret/support.h"

namespace heddle::interpret_test {
namespace {

Context& context() {
  static const auto device = Device::cpu({3, "auto"});
  static Context one(*device);
  return one;
}

// point            0    1    2    3    4    5    6    7
// user             0    0    0    0    1    1    1    2
// item             0    1    0    1    0   -1    0    1     item 0 has the label
// feature 0        1    4    2    0    3    9    3   .5     (9 is on an unknown item)
// feature 1       -1    0    0    0    0    0    0    0
struct Points {
  std::vector<int32_t> users = {0, 0, 0, 0, 1, 1, 1, 2}, items = {0, 1, 0, 1, 0, -1, 0, 1};
  FeatureColumns columns = columns_of({{1, -1}, {4, 0}, {2, 0}, {0, 0}, {3, 0}, {9, 0}, {3, 0}, {0.5f, 0}}, 2, 3);
  AttributeTable table = table_of({{0}, {}}, 1);
};

TEST(Occurrences, HistogramsOfPositiveActivations) {
  const Points p;
  const auto histograms = activation_histograms(context(), p.columns, p.items, 4);
  EXPECT_EQ(histograms[0].maximum, 4);
  EXPECT_EQ(histograms[0].counts, (std::vector<int64_t>{2, 1, 2, 1}));  // (0,1] 1 .5, (1,2] 2, (2,3] 3 3, (3,4] 4
  EXPECT_EQ(histogram_with(p.columns, 0, histograms[0], p.items, p.table, 0), (std::vector<int64_t>{1, 1, 2, 0}));
  EXPECT_EQ(histograms[1].maximum, 0);  // never positive: no bins, and nothing to divide by
  EXPECT_TRUE(histograms[1].counts.empty());
  EXPECT_TRUE(histogram_with(p.columns, 1, histograms[1], p.items, p.table, 0).empty());
  EXPECT_THROW(activation_histograms(context(), p.columns, p.items, 0), Error);
  EXPECT_THROW(activation_histograms(context(), p.columns, std::vector<int32_t>{1}, 4), Error);
}

TEST(Occurrences, WindowsOfDifferentUsersAroundTheirPeaks) {
  const Points p;
  const auto windows = peak_windows(context(), p.columns, p.users, p.items, 2, 3);
  ASSERT_EQ(windows[0].size(), 2u);
  EXPECT_TRUE(windows[1].empty());
  EXPECT_EQ(windows[0][0].peak, 1);  // user 0: 4
  EXPECT_EQ(windows[0][0].first, 0);
  EXPECT_EQ(windows[0][0].last, 3);
  EXPECT_EQ(windows[0][0].activations, (std::vector<float>{1, 4, 2}));
  EXPECT_EQ(windows[0][1].peak, 4);  // user 1: 3 twice, the earlier; the unknown item ends the stretch
  EXPECT_EQ(windows[0][1].first, 4);
  EXPECT_EQ(windows[0][1].last, 5);
  const auto all = peak_windows(context(), p.columns, p.users, p.items, 9, 100);
  ASSERT_EQ(all[0].size(), 3u);
  EXPECT_EQ(all[0][0].activations, (std::vector<float>{1, 4, 2, 0}));
  EXPECT_EQ(all[0][2].peak, 7);
  EXPECT_TRUE(peak_windows(context(), p.columns, p.users, p.items, 0, 5)[0].empty());
}

// The window keeps its length at the ends of a user's points.
TEST(Occurrences, WindowsAreShiftedAtTheEnds) {
  std::vector<std::vector<float>> dense(10, {0.0f});
  const std::vector<int32_t> users(10, 0), items(10, 0);
  for (const auto& [peak, first] : std::map<int64_t, int64_t>{{0, 0}, {1, 0}, {5, 3}, {8, 6}, {9, 6}}) {
    auto one = dense;
    one[static_cast<size_t>(peak)][0] = 2;
    const auto windows = peak_windows(context(), columns_of(one, 1), users, items, 1, 4);
    EXPECT_EQ(windows[0][0].first, first) << peak;
    EXPECT_EQ(windows[0][0].last, first + 4) << peak;
    EXPECT_EQ(windows[0][0].peak, peak);
  }
}

std::vector<float> random_rows(int64_t rows, int64_t width, uint64_t seed) {
  PhiloxStream random(rng_key(seed, RngPurpose::test, 0));
  std::vector<float> values;
  for (int64_t i = 0; i < rows * width; ++i) values.push_back(static_cast<float>(2 * random.uniform() - 1));
  return values;
}

double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

TEST(Directions, SimilarAndEffectsAgainstBruteForce) {
  const int64_t count = 300, width = 9, items = 41;  // more than one block of rows
  std::vector<float> rows = random_rows(count, width, 1);
  const std::vector<float> table = random_rows(items, width, 2);
  std::vector<uint8_t> mask(static_cast<size_t>(count), 1);
  mask[7] = 0;
  std::fill_n(rows.begin() + 11 * width, width, 0.0f);  // no direction at all
  const auto similar = similar_directions(context(), rows, width, mask, 3);
  const auto effects = direction_effects(context(), rows, width, mask, table, 5);
  EXPECT_TRUE(similar[7].empty());
  EXPECT_TRUE(similar[11].empty());
  EXPECT_TRUE(effects[7].largest.empty());
  for (int64_t i : {0, 100, 255, 256, 299}) {
    const float* mine = rows.data() + i * width;
    std::vector<std::pair<double, int64_t>> cosines, products;
    for (int64_t j = 0; j < count; ++j) {
      const float* other = rows.data() + j * width;
      if (j != i && j != 7 && j != 11)
        cosines.emplace_back(-dot(mine, other, width) / std::sqrt(dot(mine, mine, width) * dot(other, other, width)),
                             j);
    }
    for (int64_t item = 0; item < items; ++item)
      products.emplace_back(dot(mine, table.data() + item * width, width), item);
    std::sort(cosines.begin(), cosines.end());
    std::sort(products.begin(), products.end());
    const auto& found = similar[static_cast<size_t>(i)];
    ASSERT_EQ(found.size(), 3u);
    for (size_t n = 0; n < 3; ++n) {
      EXPECT_EQ(found[n].index, cosines[n].second);
      EXPECT_NEAR(found[n].value, -cosines[n].first, 1e-6);
    }
    const Effects& moved = effects[static_cast<size_t>(i)];
    ASSERT_EQ(moved.largest.size(), 5u);
    for (size_t n = 0; n < 5; ++n) {
      EXPECT_EQ(moved.smallest[n].index, products[n].second);
      EXPECT_EQ(moved.largest[n].index, products[products.size() - 1 - n].second);
      EXPECT_NEAR(moved.largest[n].value, products[products.size() - 1 - n].first, 1e-5);
    }
  }
}

TEST(Directions, NoItemIsPromotedAndDemoted) {
  const std::vector<float> row = {1, 0}, table = {3, 0, 3, 0, 3, 0};  // three equal items
  const auto effects = direction_effects(context(), row, 2, std::vector<uint8_t>{1}, table, 5);
  ASSERT_EQ(effects[0].largest.size(), 1u);
  EXPECT_EQ(effects[0].largest[0].index, 0);
  EXPECT_EQ(effects[0].smallest[0].index, 2);
}

}  // namespace
}  // namespace heddle::interpret_test
