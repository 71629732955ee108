// What the sparse-op tests share beyond fixture.h: matrices with sentinels and row strides, codes as plain vectors.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tests/ops/fixture.h"

namespace heddle::sparse_test {

// A matrix with a sentinel behind every row's end and after the last row; rows may lie further apart than their width.
struct Matrix {
  static constexpr float kSentinel = -7.25e30f;
  int64_t rows = 0, columns = 0, stride = 0;
  std::vector<float> cells;

  Matrix(int64_t r, int64_t c, int64_t gap = 0) : rows(r), columns(c), stride(c + gap) {
    cells.assign(static_cast<size_t>(r * stride + 16), kSentinel);
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t j = 0; j < c; ++j) at(i, j) = 0;
    }
  }
  static Matrix normal(uint64_t seed, int64_t r, int64_t c, double deviation = 1, int64_t gap = 0) {
    Matrix made(r, c, gap);
    PhiloxStream random(rng_key(seed, RngPurpose::test));
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t j = 0; j < c; ++j) made.at(i, j) = static_cast<float>(random.normal() * deviation);
    }
    return made;
  }
  float& at(int64_t i, int64_t j) { return cells[static_cast<size_t>(i * stride + j)]; }
  float at(int64_t i, int64_t j) const { return cells[static_cast<size_t>(i * stride + j)]; }
  float* row(int64_t i) { return cells.data() + i * stride; }
  TensorView view() const { return strided_view(const_cast<float*>(cells.data()), rows, columns, stride); }
  TensorView vector() const { return heddle::view(const_cast<float*>(cells.data()), columns); }  // of the first row
  bool sentinels_untouched() const {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = columns; j < stride; ++j) {
        if (at(i, j) != kSentinel) return false;
      }
    }
    for (size_t i = static_cast<size_t>(rows * stride); i < cells.size(); ++i) {
      if (cells[i] != kSentinel) return false;
    }
    return true;
  }
};

// Codes copied out of the device.
struct Csr {
  int64_t width = 0;
  std::vector<int64_t> offsets;
  std::vector<int32_t> indices;
  std::vector<float> values, pre;
  bool operator==(const Csr&) const = default;
  int64_t rows() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// Which thread counts results are compared for.
inline const std::vector<int> kThreads = {1, 2, 3, 7};

class Bench {
 public:
  explicit Bench(int threads = 2) : context(testing::device(threads)) { ok(ops().codes_create(dc(), &codes, error)); }
  ~Bench() { ops().codes_destroy(dc(), codes); }
  const heddle_ops& ops() { return context.ops(); }
  void* dc() { return context.handle(); }
  void ok(int32_t status) { check(status, error, "test"); }

  void encode(const Matrix& x, const Matrix* center, const Matrix& weight, const Matrix* bias,
              const heddle_select& select, int32_t precision = HEDDLE_PRECISION_F32) {
    const TensorView tx = x.view(), tw = weight.view();
    TensorView tc, tb;
    if (center) tc = center->vector();
    if (bias) tb = bias->vector();
    const heddle_encode args{
        sizeof args, 0, precision, 0, tx, center ? tc.dl() : nullptr, tw, bias ? tb.dl() : nullptr, &select, codes};
    ok(ops().encode(dc(), &args, error));
    expect_valid();
  }
  void from_dense(const Matrix& dense) {
    ok(ops().codes_from_dense(dc(), dense.view(), codes, error));
    expect_valid();
  }
  Csr csr() const {
    Csr c;
    c.width = codes->width;
    c.offsets.assign(codes->offsets, codes->offsets + codes->rows + 1);
    c.indices.assign(codes->indices, codes->indices + codes->nnz);
    c.values.assign(codes->values, codes->values + codes->nnz);
    if (codes->pre) c.pre.assign(codes->pre, codes->pre + codes->nnz);
    return c;
  }
  void expect_valid() const {
    ASSERT_EQ(codes->offsets[0], 0);
    ASSERT_EQ(codes->offsets[codes->rows], codes->nnz);
    ASSERT_LE(codes->nnz, codes->capacity);
    for (int64_t b = 0; b < codes->rows; ++b) {
      for (int64_t e = codes->offsets[b]; e < codes->offsets[b + 1]; ++e) {
        ASSERT_GE(codes->indices[e], 0);
        ASSERT_LT(codes->indices[e], codes->width);
        if (e > codes->offsets[b]) {
          ASSERT_LT(codes->indices[e - 1], codes->indices[e]) << "row " << b;
        }
      }
    }
  }

  Context context;
  ErrorBuffer error;
  heddle_codes* codes = nullptr;
};

inline heddle_select relu() { return {sizeof(heddle_select), 0, HEDDLE_SELECT_RELU, 0, 0, nullptr, nullptr}; }
inline heddle_select top_k(int64_t k) {
  return {sizeof(heddle_select), 0, HEDDLE_SELECT_TOP_K, 0, k, nullptr, nullptr};
}
inline heddle_select batch_top_k(int64_t k) {
  return {sizeof(heddle_select), 0, HEDDLE_SELECT_BATCH_TOP_K, 0, k, nullptr, nullptr};
}
inline heddle_select threshold(const DLTensor* limit, float margin = 0) {
  return {sizeof(heddle_select), 0, HEDDLE_SELECT_THRESHOLD, margin, 0, limit, nullptr};
}

// A sparse random dense matrix: `share` of the entries non-zero, of either sign.
inline Matrix sparse_matrix(uint64_t seed, int64_t rows, int64_t columns, double share) {
  Matrix made(rows, columns);
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j)
      made.at(i, j) = random.uniform() < share ? static_cast<float>(random.normal()) : 0;
  }
  return made;
}

// |a - b| <= tolerance * scale, scale being what cancellation may amplify.
inline void expect_close(double found, double wanted, double scale, const std::string& what, double tolerance = 2e-6) {
  EXPECT_LE(std::abs(found - wanted), tolerance * (scale + 1e-30))
      << what << ": found " << found << ", wanted " << wanted;
}

}  // namespace heddle::sparse_test
