// Scales of steering directions, and how monotone a share is.
#include <gtest/gtest.h>

#include <cmath>

#include "core/pipeline/rank_correlation.h"
#include "core/pipeline/steering_targets.h"

namespace heddle {
namespace {

TEST(ScaleDirection, LengthAndVarianceOne) {
  std::vector<float> direction = {3, 0, -4, 0};
  EXPECT_TRUE(scale_direction(direction, SteerScale::none));
  EXPECT_EQ(direction, (std::vector<float>{3, 0, -4, 0}));
  EXPECT_TRUE(scale_direction(direction, SteerScale::unit_norm));
  EXPECT_FLOAT_EQ(direction[0], 0.6f);
  EXPECT_FLOAT_EQ(direction[2], -0.8f);
  // Entries 1 and 5 lie 2 from their mean: deviation 2. Scaled, not shifted.
  std::vector<float> spread = {1, 5};
  EXPECT_TRUE(scale_direction(spread, SteerScale::unit_variance));
  EXPECT_FLOAT_EQ(spread[0], 0.5f);
  EXPECT_FLOAT_EQ(spread[1], 2.5f);
}

TEST(ScaleDirection, RefusesWhatHasNoScale) {
  std::vector<float> zero(4, 0.0f), equal(4, 0.7f);
  EXPECT_FALSE(scale_direction(zero, SteerScale::unit_norm));
  EXPECT_FALSE(scale_direction(zero, SteerScale::unit_variance));
  EXPECT_FALSE(scale_direction(equal, SteerScale::unit_variance));
  EXPECT_TRUE(scale_direction(equal, SteerScale::unit_norm));
  EXPECT_FLOAT_EQ(equal[0], 0.5f);
}

TEST(RankCorrelation, WorkedExamples) {
  const std::vector<double> x = {-10, -1, 0, 3};
  EXPECT_EQ(rank_correlation(x, std::vector<double>{0.1, 0.11, 0.5, 0.6}), 1);
  EXPECT_EQ(rank_correlation(x, std::vector<double>{4, 3, 2, 1}), -1);
  // Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 (1 + 1) / (4 * 15) = .8.
  EXPECT_NEAR(rank_correlation(x, std::vector<double>{1, 3, 2, 4}), 0.8, 1e-15);
  // A tie: ranks 1 2.5 2.5 4; 4.5 / sqrt(5 * 4.5).
  EXPECT_NEAR(rank_correlation(x, std::vector<double>{1, 2, 2, 4}), 4.5 / std::sqrt(22.5), 1e-15);
  EXPECT_TRUE(std::isnan(rank_correlation(x, std::vector<double>(4, 1.0))));
  EXPECT_TRUE(std::isnan(rank_correlation(std::vector<double>{1}, std::vector<double>{1})));
}

}  // namespace
}  // namespace heddle
