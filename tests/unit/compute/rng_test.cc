// Philox against the known answers of its authors, keys, host-side draws, permutations.
#include "core/compute/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace heddle {
namespace {

// Known answers of the authors' Random123 (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_block({0, 0}, 0), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block({~0ull, ~0ull}, ~0ull),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block({0x299f31d0a4093822ull, 0x0370734413198a2eull}, 0x85a308d3243f6a88ull),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RngKey, PurposesEpochsAndStepsDiffer) {
  std::set<uint64_t> streams;
  for (auto purpose : {RngPurpose::init, RngPurpose::shuffle, RngPurpose::dropout}) {
    for (uint64_t epoch = 0; epoch < 30; ++epoch) {
      for (uint64_t step = 0; step < 30; ++step) streams.insert(rng_key(1, purpose, epoch, step).stream);
    }
  }
  EXPECT_EQ(streams.size(), 3u * 30 * 30);
}

TEST(PhiloxStream, BelowIsInRangeAndEven) {
  PhiloxStream stream(rng_key(1, RngPurpose::test));
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts[stream.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(stream.below(1), 0u);
}

TEST(PhiloxStream, NormalMoments) {
  PhiloxStream stream(rng_key(2, RngPurpose::test));
  double sum = 0, square = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = stream.normal();
    sum += x;
    square += x * x;
  }
  EXPECT_NEAR(sum / 1e5, 0, 0.015);
  EXPECT_NEAR(square / 1e5, 1, 0.02);
}

TEST(Permutation, IsOneAndIsSeeded) {
  const auto order = permutation(rng_key(1, RngPurpose::shuffle, 3), 1000);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
  EXPECT_EQ(order, permutation(rng_key(1, RngPurpose::shuffle, 3), 1000));
  EXPECT_NE(order, permutation(rng_key(1, RngPurpose::shuffle, 4), 1000));
  EXPECT_TRUE(permutation({}, 0).empty());
}

}  // namespace
}  // namespace heddle
