// decode, codes_backward and codes_weight_gradient against f64 oracles over the ways they are computed: entry by entry, in
// tiles, dense; strips of columns; bits that depend on a row alone and not on threads.
#include "core/compute/simd_convert.h"
#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

struct Shape {
  int64_t rows, features, inputs;
  double share;
};
const Shape kShapes[] = {{1, 1, 1, 1},        {70, 33, 17, 0.5},    {200, 300, 64, 0.02},  {200, 300, 64, 0.16},
                         {200, 300, 64, 0.6}, {130, 1030, 65, 0.3}, {150, 520, 200, 0.05}, {150, 520, 200, 0.5},
                         {129, 96, 300, 1},   {90, 64, 48, 0.13},   {64, 2100, 130, 0.07}, {3, 40, 8, 0},
                         {33, 20000, 5, 0.3}, {33, 40000, 5, 0.02}};

struct Case {
  explicit Case(const Shape& s)
      : dense(sparse_matrix(1, s.rows, s.features, s.share)),
        weight(Matrix::normal(2, s.features, s.inputs, 0.5, 3)),
        bias(Matrix::normal(3, 1, s.inputs)),
        x(Matrix::normal(4, s.rows, s.inputs, 1, 5)) {}
  Matrix dense, weight, bias, x;
};

std::vector<float> decode(Bench& bench, const Case& c) {
  Matrix y(c.dense.rows, c.weight.columns, 2);
  TensorView ty = y.view();
  const TensorView tw = c.weight.view(), tb = c.bias.vector();
  bench.ok(bench.ops().decode(bench.dc(), bench.codes, nullptr, tw.dl(), tb.dl(), ty.dl(), bench.error));
  EXPECT_TRUE(y.sentinels_untouched());
  return y.cells;
}
std::vector<float> backward(Bench& bench, const Case& c) {
  Matrix out(1, bench.codes->nnz);
  TensorView to = out.vector();
  const TensorView tw = c.weight.view(), tx = c.x.view();
  bench.ok(bench.ops().codes_backward(bench.dc(), bench.codes, tx.dl(), tw.dl(), 0.25, to.dl(), bench.error));
  EXPECT_TRUE(out.sentinels_untouched());
  return out.cells;
}
std::vector<float> gradient(Bench& bench, const Case& c, bool centred) {
  Matrix out = Matrix::normal(9, c.weight.rows, c.weight.columns, 1, 7);
  TensorView to = out.view();
  const TensorView tx = c.x.view(), tb = c.bias.vector();
  bench.ok(bench.ops().codes_weight_gradient(bench.dc(), bench.codes, nullptr, tx.dl(), centred ? tb.dl() : nullptr,
                                             to.dl(), bench.error));
  EXPECT_TRUE(out.sentinels_untouched());
  return out.cells;
}

TEST(SparseProducts, MatchOracles) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(fmt::format("{} rows, {} features, {} inputs, {}", s.rows, s.features, s.inputs, s.share));
    const Case c(s);
    Bench bench;
    bench.from_dense(c.dense);
    const Csr csr = bench.csr();
    const std::vector<float> y = decode(bench, c), dvalues = backward(bench, c), dw = gradient(bench, c, true),
                             plain = gradient(bench, c, false);
    for (int64_t b = 0; b < s.rows; ++b) {
      for (int64_t k = 0; k < s.inputs; ++k) {
        double sum = c.bias.at(0, k), scale = 1;
        for (int64_t j = 0; j < s.features; ++j) {
          sum += static_cast<double>(c.dense.at(b, j)) * c.weight.at(j, k);
          scale += std::abs(static_cast<double>(c.dense.at(b, j)) * c.weight.at(j, k));
        }
        expect_close(y[static_cast<size_t>(b * (s.inputs + 2) + k)], sum, scale, fmt::format("y[{},{}]", b, k));
      }
      for (int64_t e = csr.offsets[static_cast<size_t>(b)]; e < csr.offsets[static_cast<size_t>(b) + 1]; ++e) {
        double sum = 0.25, scale = 1;
        for (int64_t k = 0; k < s.inputs; ++k) {
          const double term = static_cast<double>(c.x.at(b, k)) * c.weight.at(csr.indices[static_cast<size_t>(e)], k);
          sum += term;
          scale += std::abs(term);
        }
        expect_close(dvalues[static_cast<size_t>(e)], sum, scale, fmt::format("dvalues[{}]", e));
      }
    }
    const Matrix before = Matrix::normal(9, s.features, s.inputs, 1, 7);
    for (int64_t j = 0; j < s.features; ++j) {
      for (int64_t k = 0; k < s.inputs; ++k) {
        double centred = before.at(j, k), sum = centred, scale = 1 + std::abs(centred);
        for (int64_t b = 0; b < s.rows; ++b) {
          const double value = c.dense.at(b, j), x = c.x.at(b, k);
          sum += value * x;
          centred += value * (x - c.bias.at(0, k));
          scale += std::abs(value) * (std::abs(x) + std::abs(static_cast<double>(c.bias.at(0, k))));
        }
        const size_t at = static_cast<size_t>(j * (s.inputs + 7) + k);
        expect_close(plain[at], sum, scale, fmt::format("dweight[{},{}]", j, k));
        expect_close(dw[at], centred, scale, fmt::format("centred dweight[{},{}]", j, k));
      }
    }
  }
}

TEST(SparseProducts, SameBitsOnAnyThreads) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(fmt::format("{} rows, {} features, {} inputs, {}", s.rows, s.features, s.inputs, s.share));
    const Case c(s);
    Bench first(1);
    first.from_dense(c.dense);
    const auto y = decode(first, c), dvalues = backward(first, c), dw = gradient(first, c, true);
    for (int threads : kThreads) {
      Bench bench(threads);
      bench.from_dense(c.dense);
      EXPECT_EQ(decode(bench, c), y) << threads;
      EXPECT_EQ(backward(bench, c), dvalues) << threads;
      EXPECT_EQ(gradient(bench, c, true), dw) << threads;
    }
  }
}

// A row's reconstruction is one chain whatever its company: alone it may go entry by entry, in the batch in tiles.
TEST(SparseProducts, DecodeOfARowDependsOnThatRowAlone) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(fmt::format("{} rows, {} features, {} inputs, {}", s.rows, s.features, s.inputs, s.share));
    Case c(s);
    // One row of each kind: as the others, nearly empty, full.
    for (int64_t j = 0; j < s.features; ++j) {
      if (s.rows > 1) c.dense.at(1, j) = j % 29 == 0 ? 0.5f : 0;
      if (s.rows > 2) c.dense.at(2, j) = 0.25f + static_cast<float>(j % 7);
    }
    Bench bench;
    bench.from_dense(c.dense);
    const std::vector<float> all = decode(bench, c);
    for (int64_t b : {int64_t{0}, int64_t{1}, int64_t{2}, s.rows - 1}) {
      if (b >= s.rows) continue;
      Case one(s);
      one.dense = Matrix(1, s.features);
      std::copy_n(c.dense.row(b), s.features, one.dense.row(0));
      bench.from_dense(one.dense);
      const std::vector<float> alone = decode(bench, one);
      const auto from = all.begin() + b * (s.inputs + 2);
      EXPECT_TRUE(std::equal(from, from + s.inputs, alone.begin())) << "row " << b;
    }
  }
}

// Where the encoder leaves the starts of panels behind, they are those that would be found in the entries.
TEST(SparseProducts, StartsOfPanelsFromTheEncoder) {
  const Matrix x = Matrix::normal(1, 150, 20), weight = Matrix::normal(2, 333, 20),
               limits = Matrix::normal(5, 1, 333, 0.5);
  const TensorView limit = limits.vector();
  for (const heddle_select& select : {relu(), threshold(limit), threshold(limit, 0.25f), top_k(9), batch_top_k(60)}) {
    for (int32_t precision : {HEDDLE_PRECISION_F32, HEDDLE_PRECISION_BF16}) {
      Bench encoded, copied;
      encoded.encode(x, nullptr, weight, nullptr, select, precision);
      const Csr csr = encoded.csr();
      Case c({150, 333, 64, 0});
      for (int64_t b = 0; b < 150; ++b) {
        for (int64_t e = csr.offsets[static_cast<size_t>(b)]; e < csr.offsets[static_cast<size_t>(b) + 1]; ++e) {
          c.dense.at(b, csr.indices[static_cast<size_t>(e)]) = csr.values[static_cast<size_t>(e)];
        }
      }
      copied.from_dense(c.dense);
      // Copies are f32 codes: where much is stored, those of a bf16 encode are multiplied in bf16.
      if (precision == HEDDLE_PRECISION_BF16 && csr.values.size() >= 150 * 333 / 8) continue;
      EXPECT_EQ(gradient(encoded, c, true), gradient(copied, c, true)) << select.rule;
      if (select.margin == 0) {
        EXPECT_EQ(decode(encoded, c), decode(copied, c)) << select.rule;
      }
    }
  }
}

// The same entries among rows without any are multiplied entry by entry: decode and the weight gradient give the same bits.
TEST(SparseProducts, DenseAndSparseWaysGiveTheSameBits) {
  for (const Shape& s : {Shape{130, 300, 64, 0.5}, Shape{131, 517, 65, 0.6}, Shape{300, 96, 300, 0.9},
                         Shape{35, 1030, 257, 0.5}, Shape{515, 70, 33, 1}}) {
    SCOPED_TRACE(fmt::format("{} rows, {} features, {} inputs, {}", s.rows, s.features, s.inputs, s.share));
    Case c(s);
    Case spread({s.rows * 20, s.features, s.inputs, 0});
    for (int64_t b = 0; b < s.rows; ++b) {
      std::copy_n(c.dense.row(b), s.features, spread.dense.row(b));
      std::copy_n(c.x.row(b), s.inputs, spread.x.row(b));
    }
    Bench dense, sparse;
    dense.from_dense(c.dense);
    sparse.from_dense(spread.dense);
    EXPECT_EQ(gradient(dense, c, false), gradient(sparse, spread, false));
    EXPECT_EQ(gradient(dense, c, true), gradient(sparse, spread, true));
    const std::vector<float> y = decode(dense, c), among = decode(sparse, spread);
    EXPECT_TRUE(std::equal(y.begin(), y.begin() + s.rows * (s.inputs + 2), among.begin()));
  }
}

// Codes of a bf16 encode, half of them stored: both sides of the products of training are rounded to bf16, sums are f32; decode
// stays f32. Then the same codes object holds f32 codes again.
TEST(SparseProducts, DenseProductsOfBf16Codes) {
  const auto rounded = [](float value) {
    float result = 0;
    cpu::round_to_bf16(&value, &result, 1);
    return static_cast<double>(result);
  };
  for (const Shape& s : {Shape{97, 333, 20, 0}, Shape{30, 70, 65, 0}, Shape{301, 1025, 64, 0}}) {
    SCOPED_TRACE(fmt::format("{} rows, {} features, {} inputs", s.rows, s.features, s.inputs));
    Case c(s);
    Bench bench;
    for (int time = 0; time < 2; ++time) {  // the second encode fills in masks itself
      bench.encode(c.x, nullptr, c.weight, nullptr, relu(), HEDDLE_PRECISION_BF16);
      const Csr csr = bench.csr();
      ASSERT_GT(csr.values.size() * 5, static_cast<size_t>(s.rows * s.features * 2));
      const std::vector<float> y = decode(bench, c), dvalues = backward(bench, c), dw = gradient(bench, c, true);
      const auto cells = static_cast<size_t>(s.features * s.inputs);
      std::vector<double> sums(cells), scales(cells);
      for (int64_t b = 0; b < s.rows; ++b) {
        const auto row = static_cast<size_t>(b);
        std::vector<double> out(static_cast<size_t>(s.inputs)), scale(static_cast<size_t>(s.inputs), 1);
        for (int64_t e = csr.offsets[row]; e < csr.offsets[row + 1]; ++e) {
          const int64_t j = csr.indices[static_cast<size_t>(e)];
          const double value = rounded(csr.values[static_cast<size_t>(e)]);
          double dot = 0.25, dot_scale = 1;
          for (int64_t k = 0; k < s.inputs; ++k) {
            const auto at = static_cast<size_t>(k), cell = static_cast<size_t>(j * s.inputs + k);
            const double weight = rounded(c.weight.at(j, k)), x = rounded(c.x.at(b, k)),
                         centred = rounded(c.x.at(b, k) - c.bias.at(0, k));
            const double term = static_cast<double>(csr.values[static_cast<size_t>(e)]) * c.weight.at(j, k);
            out[at] += term;
            scale[at] += std::abs(term);
            dot += x * weight;
            dot_scale += std::abs(x * weight);
            sums[cell] += value * centred;
            scales[cell] += std::abs(value * centred);
          }
          expect_close(dvalues[static_cast<size_t>(e)], dot, dot_scale, fmt::format("dvalues[{}]", e));
        }
        for (int64_t k = 0; k < s.inputs; ++k) {
          expect_close(y[static_cast<size_t>(b * (s.inputs + 2) + k)], out[static_cast<size_t>(k)] + c.bias.at(0, k),
                       scale[static_cast<size_t>(k)], fmt::format("y[{},{}]", b, k));
        }
      }
      const Matrix before = Matrix::normal(9, s.features, s.inputs, 1, 7);
      for (int64_t j = 0; j < s.features; ++j) {
        for (int64_t k = 0; k < s.inputs; ++k) {
          const auto cell = static_cast<size_t>(j * s.inputs + k);
          expect_close(dw[static_cast<size_t>(j * (s.inputs + 7) + k)], before.at(j, k) + sums[cell], 4 + scales[cell],
                       fmt::format("dweight[{},{}]", j, k));
        }
      }
    }
    Matrix dense(s.rows, s.features);
    for (int64_t b = 0; b < s.rows; ++b) {
      for (int64_t j = b % 2; j < s.features; j += 2) dense.at(b, j) = 1.001f;
    }
    bench.from_dense(dense);
    Bench other;
    other.from_dense(dense);
    EXPECT_EQ(gradient(bench, c, false), gradient(other, c, false));
    EXPECT_EQ(decode(bench, c), decode(other, c));
  }
}

TEST(SparseProducts, NanShows) {
  Case c({40, 90, 300, 0.6});
  c.dense.at(7, 3) = std::numeric_limits<float>::quiet_NaN();
  Bench bench;
  bench.from_dense(c.dense);  // NaN is not zero: it is stored
  EXPECT_TRUE(std::isnan(decode(bench, c)[static_cast<size_t>(7 * 302 + 5)]));
  EXPECT_TRUE(std::isnan(gradient(bench, c, true)[static_cast<size_t>(3 * 307 + 5)]));
  c.x.at(9, 2) = std::numeric_limits<float>::quiet_NaN();
  const Csr csr = bench.csr();
  EXPECT_TRUE(std::isnan(backward(bench, c)[static_cast<size_t>(csr.offsets[9])]));
}

}  // namespace
}  // namespace heddle::sparse_test
