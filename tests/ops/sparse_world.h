// Worlds of codes, weights and rows in many shapes, for the tests of ops on existing codes.
#pragma once

#include <cmath>

#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {

struct Shape {
  int64_t rows, features, inputs;
  double share;
};
// Odd, prime, empty, strip-sized (64), beyond a strip, more rows than a block of the ordering, and denser than a
// quarter.
inline const Shape kShapes[] = {{1, 1, 1, 1},      {3, 7, 5, 0.5},     {17, 40, 64, 0.3},  {29, 31, 67, 0.6},
                                {70, 90, 16, 0.9}, {5, 300, 128, 0.1}, {1201, 37, 8, 0.2}, {1030, 53, 64, 0.7},
                                {4, 9, 0, 0.5},    {0, 6, 3, 0.5},     {6, 11, 4, 0.0},    {600, 129, 100, 0.4},
                                {64, 2, 31, 0.5}};

struct World {
  Matrix dense, weight, rows, other;  // codes [B,m], [m,d], [B,d], replacement values [1, nnz]
  Bench bench;
  explicit World(const Shape& s, int threads = 2)
      : dense(sparse_matrix(1, s.rows, s.features, s.share)),
        weight(Matrix::normal(2, s.features, s.inputs, 1, 3)),
        rows(Matrix::normal(3, s.rows, s.inputs, 1, 2)),
        other(1, 0),
        bench(threads) {
    bench.from_dense(dense);
    other = Matrix::normal(4, 1, bench.codes->nnz);
  }
  // Calls f(row, feature, own value, replacement value, entry).
  template <class F>
  void entries(F&& f) {
    const Csr c = bench.csr();
    for (int64_t b = 0; b < c.rows(); ++b) {
      for (int64_t e = c.offsets[static_cast<size_t>(b)]; e < c.offsets[static_cast<size_t>(b) + 1]; ++e) {
        f(b, static_cast<int64_t>(c.indices[static_cast<size_t>(e)]), c.values[static_cast<size_t>(e)], other.at(0, e),
          e);
      }
    }
  }
};

inline std::string name(const Shape& s) {
  return fmt::format("{} rows, {} features, {} inputs", s.rows, s.features, s.inputs);
}

using Table = std::vector<std::vector<double>>;
inline Table table(int64_t rows, int64_t columns) {
  return Table(static_cast<size_t>(rows), std::vector<double>(static_cast<size_t>(columns)));
}
inline double& at(Table& t, int64_t i, int64_t j) { return t[static_cast<size_t>(i)][static_cast<size_t>(j)]; }

inline void expect_equal(const Matrix& found, Table& wanted, Table& scale) {
  for (int64_t i = 0; i < found.rows; ++i) {
    for (int64_t j = 0; j < found.columns; ++j)
      expect_close(found.at(i, j), at(wanted, i, j), at(scale, i, j), fmt::format("[{},{}]", i, j));
  }
  EXPECT_TRUE(found.sentinels_untouched());
}

}  // namespace heddle::sparse_test
