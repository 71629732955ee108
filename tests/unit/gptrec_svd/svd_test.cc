// The truncated SVD behind item codes: matrices whose singular values are known, lower ranks, residuals, threads.
#include "plugins/backbones/gptrec_svd/truncated_svd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "core/compute/rng.h"

namespace gptrec_svd {
namespace {

using Rows = std::vector<std::vector<int32_t>>;

InteractionMatrix matrix_of(const Rows& rows, int64_t items) {
  return InteractionMatrix(static_cast<int64_t>(rows.size()), items,
                           [&](int64_t u) -> const std::vector<int32_t>& { return rows[static_cast<size_t>(u)]; });
}

std::vector<double> normal_numbers(int64_t n) {
  heddle::PhiloxStream random(heddle::rng_key(5, heddle::RngPurpose::test));
  std::vector<double> out(static_cast<size_t>(n));
  for (double& x : out) x = random.normal();
  return out;
}

const auto in_order = [](int64_t n, auto&& task) {
  for (int64_t i = 0; i < n; ++i) task(i);
};
const auto backwards = [](int64_t n, auto&& task) {
  for (int64_t i = n; i-- > 0;) task(i);
};
const auto on_threads = [](int64_t n, auto&& task) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < n; ++i) threads.emplace_back([&task, i] { task(i); });
  for (std::thread& thread : threads) thread.join();
};

template <class Parallel>
TruncatedSvd svd_of(const InteractionMatrix& a, int64_t rank, const Parallel& parallel) {
  const SvdOptions options{.rank = rank};
  return truncated_svd(a, options, normal_numbers(a.items() * subspace_width(a, options)), parallel);
}

TruncatedSvd svd_of(const InteractionMatrix& a, int64_t rank) { return svd_of(a, rank, in_order); }

// Users with a few items out of many, popular ones more often.
Rows random_rows(int64_t users, int64_t items) {
  heddle::PhiloxStream random(heddle::rng_key(6, heddle::RngPurpose::test));
  Rows rows(static_cast<size_t>(users));
  for (auto& row : rows) {
    const uint64_t count = 1 + random.below(20);
    for (uint64_t i = 0; i < count; ++i) {
      const double u = random.uniform();
      row.push_back(static_cast<int32_t>(u * u * static_cast<double>(items)));
    }
  }
  return rows;
}

TEST(TruncatedSvd, blocks_of_ones_have_the_roots_of_their_areas) {
  // Users 0-3 had items 0-3 (4 x 4), users 4-6 items 4-5 (3 x 2), user 7 item 6 (1 x 1); repeats count once.
  Rows rows;
  for (int u = 0; u < 4; ++u) rows.push_back({3, 1, 0, 2, 1});
  for (int u = 0; u < 3; ++u) rows.push_back({5, 4});
  rows.push_back({6, 6, 6});
  const InteractionMatrix a = matrix_of(rows, 7);
  EXPECT_EQ(a.entries(), 16 + 6 + 1);
  const TruncatedSvd svd = svd_of(a, 3);
  EXPECT_NEAR(svd.values[0], 4, 1e-12);
  EXPECT_NEAR(svd.values[1], std::sqrt(6.0), 1e-12);
  EXPECT_NEAR(svd.values[2], 1, 1e-12);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(svd.vectors[i], i < 4 ? 0.5 : 0, 1e-9) << i;
    EXPECT_NEAR(svd.vectors[7 + i], i == 4 || i == 5 ? std::sqrt(0.5) : 0, 1e-9) << i;
    EXPECT_NEAR(svd.vectors[14 + i], i == 6 ? 1 : 0, 1e-9) << i;
  }
}

TEST(TruncatedSvd, two_by_two_as_by_hand) {
  // [1 1; 1 0]: singular values are the golden ratio and its inverse.
  const TruncatedSvd svd = svd_of(matrix_of({{0, 1}, {0}}, 2), 2);
  const double golden = (1 + std::sqrt(5.0)) / 2, length = std::hypot(golden, 1.0);
  EXPECT_NEAR(svd.values[0], golden, 1e-12);
  EXPECT_NEAR(svd.values[1], 1 / golden, 1e-12);
  EXPECT_NEAR(svd.vectors[0], golden / length, 1e-12);
  EXPECT_NEAR(svd.vectors[1], 1 / length, 1e-12);
  EXPECT_NEAR(svd.vectors[2], -1 / length, 1e-12);  // the larger entry is the positive one
  EXPECT_NEAR(svd.vectors[3], golden / length, 1e-12);
}

TEST(TruncatedSvd, missing_dimensions_are_zero) {
  const TruncatedSvd svd = svd_of(matrix_of({{0, 1, 2}, {0, 1, 2}, {}}, 5), 4);  // rank 1
  EXPECT_NEAR(svd.values[0], std::sqrt(6.0), 1e-12);
  for (size_t k = 1; k < 4; ++k) {
    EXPECT_EQ(svd.values[k], 0);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(svd.vectors[k * 5 + i], 0);
  }
  const TruncatedSvd nothing = svd_of(matrix_of({{}, {}}, 3), 2);
  EXPECT_EQ(nothing.values, std::vector<double>(2));
  EXPECT_EQ(nothing.vectors, std::vector<double>(6));
  const TruncatedSvd one_item = svd_of(matrix_of({{0}, {0}}, 1), 3);  // fewer items than components
  EXPECT_NEAR(one_item.values[0], std::sqrt(2.0), 1e-12);
  EXPECT_EQ(one_item.values[1], 0);
}

TEST(TruncatedSvd, vectors_are_orthonormal_and_satisfy_their_equation) {
  const int64_t users = 700, items = 300, rank = 6;
  const InteractionMatrix a = matrix_of(random_rows(users, items), items);
  const TruncatedSvd svd = svd_of(a, rank);
  EXPECT_TRUE(svd.converged);
  EXPECT_LE(svd.residual, 1e-10);
  for (int64_t k = 0; k < rank; ++k) {
    const std::span<const double> v(svd.vectors.data() + k * items, static_cast<size_t>(items));
    std::vector<double> av(static_cast<size_t>(users)), aav(static_cast<size_t>(items));
    a.times(v, 1, av, in_order);
    a.transposed_times(av, 1, aav, in_order);
    const double value = svd.values[static_cast<size_t>(k)];
    for (size_t i = 0; i < aav.size(); ++i)
      EXPECT_NEAR(aav[i], value * value * v[i], 1e-9 * svd.values[0] * svd.values[0]);
    for (int64_t j = 0; j <= k; ++j) {
      double dot = 0;
      for (size_t i = 0; i < v.size(); ++i) dot += v[i] * svd.vectors[static_cast<size_t>(j * items) + i];
      EXPECT_NEAR(dot, j == k ? 1 : 0, 1e-12);
    }
    if (k > 0) {
      EXPECT_LT(value, svd.values[static_cast<size_t>(k) - 1]);
    }
  }
}

TEST(TruncatedSvd, stops_unsettled_when_it_may_not_go_on) {
  const InteractionMatrix a = matrix_of(random_rows(700, 300), 300);
  const SvdOptions options{.rank = 6, .max_iterations = 2};
  const TruncatedSvd svd = truncated_svd(a, options, normal_numbers(a.items() * subspace_width(a, options)), in_order);
  EXPECT_FALSE(svd.converged);
  EXPECT_EQ(svd.iterations, 2);
  EXPECT_NEAR(svd.values[0], svd_of(a, 6).values[0], 0.1 * svd.values[0]);
}

TEST(TruncatedSvd, bits_do_not_depend_on_the_order_of_tasks) {
  const InteractionMatrix a = matrix_of(random_rows(3000, 600), 600);
  const TruncatedSvd first = svd_of(a, 4);
  EXPECT_EQ(first.vectors, svd_of(a, 4, backwards).vectors);
  EXPECT_EQ(first.vectors, svd_of(a, 4, on_threads).vectors);
}

}  // namespace
}  // namespace gptrec_svd
