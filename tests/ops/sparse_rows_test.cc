// Rows of inference alone and in company: encode and decode give a row the same bits whatever else is in the batch, also where
// the batch's share of active features chooses another kernel, in f32 and in bf16. Steering and evaluation rest on it.
#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

constexpr int64_t kRows = 192, kInputs = 64, kFeatures = 320;

// The first `dense` rows have nearly every feature active, the others few: the first input moves all pre-activations.
Matrix inputs(int64_t dense) {
  Matrix x = Matrix::normal(1, kRows, kInputs);
  for (int64_t b = 0; b < kRows; ++b) x.at(b, 0) = b < dense ? 4.0f : -4.0f;
  return x;
}

Matrix encoder() {
  Matrix weight = Matrix::normal(2, kFeatures, kInputs, 0.25);
  for (int64_t j = 0; j < kFeatures; ++j) weight.at(j, 0) = 1;
  return weight;
}

struct Rows {
  Csr codes;
  std::vector<float> y;  // their reconstructions
};

// Of rows [begin, end).
Rows reconstructed(const Matrix& x, int64_t begin, int64_t end, int32_t precision) {
  static const Matrix weight = encoder(), decoder = Matrix::normal(3, kFeatures, kInputs),
                      bias = Matrix::normal(4, 1, kInputs);
  Matrix part(end - begin, kInputs), y(end - begin, kInputs);
  for (int64_t b = begin; b < end; ++b)
    std::copy_n(&x.cells[static_cast<size_t>(b * x.stride)], kInputs, part.row(b - begin));
  Bench bench;
  bench.encode(part, nullptr, weight, nullptr, relu(), precision);
  bench.ok(bench.ops().decode(bench.dc(), bench.codes, nullptr, decoder.view(), bias.vector(), y.view(), bench.error));
  return {bench.csr(), {y.cells.begin(), y.cells.begin() + (end - begin) * kInputs}};
}

TEST(SparseRows, AreTheSameInAnyCompany) {
  for (int32_t precision : {HEDDLE_PRECISION_F32, HEDDLE_PRECISION_BF16}) {
    for (int64_t dense : {int64_t{0}, int64_t{20}, int64_t{96}, kRows}) {
      SCOPED_TRACE(fmt::format("precision {}, {} dense rows", precision, dense));
      const Matrix x = inputs(dense);
      const Rows whole = reconstructed(x, 0, kRows, precision);
      const double share = static_cast<double>(whole.codes.values.size()) / (kRows * kFeatures);
      // Either way of the ops is taken.
      EXPECT_TRUE(dense != 0 || share < 0.1) << share;
      EXPECT_TRUE(dense != kRows || share > 0.9) << share;
      for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 1}, {19, 21}, {0, 64}, {64, 192}, {191, 192}}) {
        const Rows part = reconstructed(x, begin, end, precision);
        SCOPED_TRACE(fmt::format("rows {} to {}", begin, end));
        const auto first = static_cast<size_t>(whole.codes.offsets[static_cast<size_t>(begin)]);
        ASSERT_LE(first + part.codes.values.size(), whole.codes.values.size());
        EXPECT_TRUE(part.codes.values.empty() ||
                    std::memcmp(part.codes.values.data(), whole.codes.values.data() + first,
                                part.codes.values.size() * sizeof(float)) == 0)
            << "codes";
        EXPECT_TRUE(std::equal(part.codes.indices.begin(), part.codes.indices.end(),
                               whole.codes.indices.begin() + static_cast<int64_t>(first)));
        EXPECT_EQ(std::memcmp(part.y.data(), whole.y.data() + begin * kInputs, part.y.size() * sizeof(float)), 0)
            << "reconstruction";
      }
    }
  }
}

}  // namespace
}  // namespace heddle::sparse_test
