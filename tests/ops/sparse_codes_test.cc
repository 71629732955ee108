// Ops on existing codes against f64 oracles: decode, backward, weight gradients, sums, counts, summary, dense
// conversions.
#include <algorithm>

#include "tests/ops/sparse_world.h"

namespace heddle::sparse_test {
namespace {

TEST(SparseCodes, DenseRoundTrip) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(name(s));
    World w(s);
    Matrix back(s.rows, s.features, 3);
    w.bench.ok(w.bench.ops().codes_to_dense(w.bench.dc(), w.bench.codes, back.view(), w.bench.error));
    for (int64_t b = 0; b < s.rows; ++b) {
      for (int64_t j = 0; j < s.features; ++j) EXPECT_EQ(back.at(b, j), w.dense.at(b, j));
    }
    EXPECT_TRUE(back.sentinels_untouched());
  }
}

TEST(SparseCodes, Decode) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(name(s));
    World w(s);
    const Matrix bias = Matrix::normal(5, 1, s.inputs);
    for (bool replaced : {false, true}) {
      for (bool with_bias : {false, true}) {
        Table wanted = table(s.rows, s.inputs), scale = wanted;
        w.entries([&](int64_t b, int64_t j, double own, double other, int64_t) {
          for (int64_t k = 0; k < s.inputs; ++k) {
            const double term = (replaced ? other : own) * w.weight.at(j, k);
            at(wanted, b, k) += term;
            at(scale, b, k) += std::abs(term);
          }
        });
        for (int64_t b = 0; with_bias && b < s.rows; ++b) {
          for (int64_t k = 0; k < s.inputs; ++k)
            at(wanted, b, k) += bias.at(0, k), at(scale, b, k) += std::abs(bias.at(0, k));
        }
        Matrix y(s.rows, s.inputs, 5);
        const TensorView values = w.other.vector(), tb = bias.vector();
        w.bench.ok(w.bench.ops().decode(w.bench.dc(), w.bench.codes, replaced ? values.dl() : nullptr, w.weight.view(),
                                        with_bias ? tb.dl() : nullptr, y.view(), w.bench.error));
        expect_equal(y, wanted, scale);
      }
    }
  }
}

TEST(SparseCodes, Backward) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(name(s));
    World w(s);
    Matrix dvalues(1, w.bench.codes->nnz, 0);
    TensorView out = dvalues.vector();
    w.bench.ok(w.bench.ops().codes_backward(w.bench.dc(), w.bench.codes, w.rows.view(), w.weight.view(), 0.25, out,
                                            w.bench.error));
    w.entries([&](int64_t b, int64_t j, double, double, int64_t e) {
      double sum = 0.25, scale = 0.25;
      for (int64_t k = 0; k < s.inputs; ++k) {
        const double term = static_cast<double>(w.rows.at(b, k)) * w.weight.at(j, k);
        sum += term;
        scale += std::abs(term);
      }
      expect_close(dvalues.at(0, e), sum, scale, fmt::format("entry {}", e));
    });
    EXPECT_TRUE(dvalues.sentinels_untouched());
  }
}

TEST(SparseCodes, WeightGradientAccumulates) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(name(s));
    World w(s);
    const Matrix center = Matrix::normal(5, 1, s.inputs);
    for (bool centred : {false, true}) {
      Matrix gradient = Matrix::normal(6, s.features, s.inputs, 1, 4);
      Table wanted = table(s.features, s.inputs), scale = wanted;
      for (int64_t j = 0; j < s.features; ++j) {
        for (int64_t k = 0; k < s.inputs; ++k)
          at(wanted, j, k) = gradient.at(j, k), at(scale, j, k) = std::abs(gradient.at(j, k));
      }
      w.entries([&](int64_t b, int64_t j, double own, double other, int64_t) {
        for (int64_t k = 0; k < s.inputs; ++k) {
          const double x = static_cast<double>(w.rows.at(b, k)) - (centred ? center.at(0, k) : 0);
          at(wanted, j, k) += (centred ? other : own) * x;
          at(scale, j, k) += std::abs((centred ? other : own) * x) + std::abs(centred ? other * center.at(0, k) : 0);
        }
      });
      const TensorView values = w.other.vector(), tc = center.vector();
      w.bench.ok(w.bench.ops().codes_weight_gradient(w.bench.dc(), w.bench.codes, centred ? values.dl() : nullptr,
                                                     w.rows.view(), centred ? tc.dl() : nullptr, gradient.view(),
                                                     w.bench.error));
      expect_equal(gradient, wanted, scale);
    }
  }
}

// Following entries and laying codes out dense give the same bits: a chain of fused multiply-adds in ascending row.
TEST(SparseCodes, WeightGradientBitsDoNotDependOnDensity) {
  const int64_t rows = 700, features = 21, inputs = 70;
  const Matrix filled = sparse_matrix(1, rows, features, 0.6), x = Matrix::normal(2, rows, inputs),
               center = Matrix::normal(3, 1, inputs);
  const TensorView tc = center.vector();
  std::vector<float> wanted(static_cast<size_t>(features * inputs), 0.5f);
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t j = 0; j < features; ++j) {
      if (filled.at(b, j) == 0) continue;
      for (int64_t k = 0; k < inputs; ++k) {
        float& cell = wanted[static_cast<size_t>(j * inputs + k)];
        cell = std::fma(filled.at(b, j), x.at(b, k) - center.at(0, k), cell);
      }
    }
  }
  for (int64_t width : {features, 40 * features}) {  // beside silent features, the same codes are sparse
    Matrix wide(rows, width), gradient(width, inputs);
    for (int64_t b = 0; b < rows; ++b) {
      for (int64_t j = 0; j < features; ++j) wide.at(b, j) = filled.at(b, j);
    }
    for (int64_t j = 0; j < features; ++j) std::fill_n(gradient.row(j), inputs, 0.5f);
    Bench b;
    b.from_dense(wide);
    b.ok(b.ops().codes_weight_gradient(b.dc(), b.codes, nullptr, x.view(), tc, gradient.view(), b.error));
    for (int64_t j = 0; j < features; ++j) {
      for (int64_t k = 0; k < inputs; ++k)
        ASSERT_EQ(gradient.at(j, k), wanted[static_cast<size_t>(j * inputs + k)]) << width;
    }
  }
}

TEST(SparseCodes, ColumnSumCountAndSummary) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(name(s));
    World w(s);
    Bench& b = w.bench;
    if (b.codes->nnz > 2) b.codes->values[1] = 0;  // a stored zero is not active
    Matrix sums = Matrix::normal(6, 1, s.features), own = sums;
    std::vector<int64_t> fired(static_cast<size_t>(s.features), 5), wanted_fired = fired;
    std::vector<double> wanted(fired.size()), wanted_own(fired.size());
    double total = 0, smallest = std::numeric_limits<double>::infinity();
    int64_t active = 0;
    w.entries([&](int64_t, int64_t j, double value, double other, int64_t) {
      wanted[static_cast<size_t>(j)] += other;
      wanted_own[static_cast<size_t>(j)] += value;
      wanted_fired[static_cast<size_t>(j)] += value != 0;
      total += std::abs(value);
      active += value != 0;
      if (value > 0) smallest = std::min(smallest, value);
    });
    const Matrix before = sums;
    TensorView out = sums.vector(), out_own = own.vector(), count = view(fired.data(), s.features);
    b.ok(b.ops().codes_column_sum(b.dc(), b.codes, w.other.vector(), out, b.error));
    b.ok(b.ops().codes_column_sum(b.dc(), b.codes, nullptr, out_own, b.error));
    b.ok(b.ops().codes_count(b.dc(), b.codes, count, b.error));
    for (int64_t j = 0; j < s.features; ++j) {
      expect_close(sums.at(0, j), before.at(0, j) + wanted[static_cast<size_t>(j)],
                   1 + std::abs(wanted[static_cast<size_t>(j)]), "sum");
      expect_close(own.at(0, j), before.at(0, j) + wanted_own[static_cast<size_t>(j)],
                   1 + std::abs(wanted_own[static_cast<size_t>(j)]), "own sum");
    }
    EXPECT_EQ(fired, wanted_fired);
    EXPECT_TRUE(sums.sentinels_untouched());
    double found_total = -1, found_smallest = -1;
    int64_t found_active = -1;
    b.ok(b.ops().codes_summary(b.dc(), b.codes, &found_total, &found_active, &found_smallest, b.error));
    expect_close(found_total, total, total, "sum of magnitudes", 1e-12);
    EXPECT_EQ(found_active, active);
    EXPECT_EQ(found_smallest, smallest);
    b.ok(b.ops().codes_summary(b.dc(), b.codes, nullptr, nullptr, nullptr, b.error));
  }
}

}  // namespace
}  // namespace heddle::sparse_test
