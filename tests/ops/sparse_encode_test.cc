// encode with every selection rule against an f64 oracle; ties, masks, margins, shapes, threads, waves, grown capacity.
#include <algorithm>

#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

// Pre-activations in f64.
std::vector<std::vector<double>> oracle(const Matrix& x, const Matrix* center, const Matrix& weight,
                                        const Matrix* bias) {
  std::vector<std::vector<double>> p(static_cast<size_t>(x.rows),
                                     std::vector<double>(static_cast<size_t>(weight.rows)));
  for (int64_t b = 0; b < x.rows; ++b) {
    for (int64_t j = 0; j < weight.rows; ++j) {
      double sum = bias ? bias->at(0, j) : 0;
      for (int64_t k = 0; k < x.columns; ++k) {
        sum += (static_cast<double>(x.at(b, k)) - (center ? center->at(0, k) : 0)) * weight.at(j, k);
      }
      p[static_cast<size_t>(b)][static_cast<size_t>(j)] = sum;
    }
  }
  return p;
}

// Dense view of codes.
std::vector<std::vector<float>> dense(const Csr& c, const std::vector<float>& values) {
  std::vector<std::vector<float>> d(static_cast<size_t>(c.rows()), std::vector<float>(static_cast<size_t>(c.width)));
  for (int64_t b = 0; b < c.rows(); ++b) {
    for (int64_t e = c.offsets[static_cast<size_t>(b)]; e < c.offsets[static_cast<size_t>(b) + 1]; ++e) {
      d[static_cast<size_t>(b)][static_cast<size_t>(c.indices[static_cast<size_t>(e)])] =
          values[static_cast<size_t>(e)];
    }
  }
  return d;
}

struct Case {
  int64_t rows, inputs, features;
  bool center, bias;
};
const Case kCases[] = {{1, 1, 1, false, false},   {7, 5, 33, true, true},     {13, 64, 31, true, true},
                       {48, 16, 64, false, true}, {97, 17, 257, true, false}, {130, 64, 200, true, true},
                       {1601, 3, 40, true, true}, {5, 0, 37, false, true}};

TEST(SparseEncode, ReluMatchesOracle) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(fmt::format("{}x{}x{}", c.rows, c.inputs, c.features));
    const Matrix x = Matrix::normal(1, c.rows, c.inputs, 1, 3),
                 weight = Matrix::normal(2, c.features, c.inputs, 0.3, 5);
    const Matrix center = Matrix::normal(3, 1, c.inputs), bias = Matrix::normal(4, 1, c.features, 0.5);
    Bench bench;
    bench.encode(x, c.center ? &center : nullptr, weight, c.bias ? &bias : nullptr, relu());
    const Csr found = bench.csr();
    const auto values = dense(found, found.values);
    const auto wanted = oracle(x, c.center ? &center : nullptr, weight, c.bias ? &bias : nullptr);
    ASSERT_EQ(found.rows(), c.rows);
    for (size_t b = 0; b < wanted.size(); ++b) {
      for (size_t j = 0; j < wanted[b].size(); ++j) {
        expect_close(values[b][j], std::max(0.0, wanted[b][j]), 4 + 2.0 * c.inputs, fmt::format("[{},{}]", b, j));
      }
    }
    EXPECT_EQ(std::count_if(found.values.begin(), found.values.end(), [](float v) { return !(v > 0); }), 0);
    EXPECT_EQ(bench.codes->pre, nullptr);
  }
}

// A pre-activation is its bias plus one chain of fused multiply-adds in input order: exactly these bits, in every tile
// shape and on every instruction set (isa_test.cc runs this program at each).
TEST(SparseEncode, BitsAreOneChainOfFusedMultiplyAdds) {
  const Matrix x = Matrix::normal(1, 61, 70), weight = Matrix::normal(2, 83, 70), bias = Matrix::normal(3, 1, 83);
  const Matrix center = Matrix::normal(4, 1, 70);
  Bench bench;
  bench.encode(x, &center, weight, &bias, relu());
  const Csr found = bench.csr();
  const auto values = dense(found, found.values);
  for (int64_t b = 0; b < 61; ++b) {
    for (int64_t j = 0; j < 83; ++j) {
      float p = bias.at(0, j);
      for (int64_t k = 0; k < 70; ++k) p = std::fma(x.at(b, k) - center.at(0, k), weight.at(j, k), p);
      ASSERT_EQ(values[static_cast<size_t>(b)][static_cast<size_t>(j)], p > 0 ? p : 0) << b << " " << j;
    }
  }
}

TEST(SparseEncode, EmptyShapes) {
  Bench bench;
  for (auto [rows, features] : {std::pair<int64_t, int64_t>{0, 8}, {3, 0}, {0, 0}}) {
    bench.encode(Matrix(rows, 4), nullptr, Matrix(features, 4), nullptr, relu());
    EXPECT_EQ(bench.codes->rows, rows);
    EXPECT_EQ(bench.codes->width, features);
    EXPECT_EQ(bench.codes->nnz, 0);
  }
}

// A row's bits do not depend on its company, nor on threads, nor on what the codes held before.
TEST(SparseEncode, RowsAreIndependentAndThreadsDoNotShow) {
  const Matrix x = Matrix::normal(1, 1000, 24), weight = Matrix::normal(2, 301, 24), bias = Matrix::normal(3, 1, 301);
  const Matrix limits = Matrix::normal(4, 1, 301, 0.5);
  const TensorView limit = limits.vector();
  for (const heddle_select& select : {relu(), threshold(limit), threshold(limit, 0.25f), top_k(9), batch_top_k(9)}) {
    SCOPED_TRACE(select.rule);
    Bench first(1);
    first.encode(x, nullptr, weight, &bias, select);
    const Csr wanted = first.csr();
    ASSERT_GT(wanted.values.size(), 0u);
    for (int threads : kThreads) {
      Bench bench(threads);
      bench.encode(Matrix::normal(9, 3, 24), nullptr, Matrix::normal(8, 17, 24), nullptr, relu());
      bench.encode(x, nullptr, weight, &bias, select);
      EXPECT_EQ(bench.csr(), wanted) << threads << " threads";
    }
    if (select.rule == HEDDLE_SELECT_BATCH_TOP_K) continue;
    for (int64_t b : {0, 1, 11, 12, 500, 999}) {
      Matrix one(1, 24);
      std::copy_n(&x.cells[static_cast<size_t>(b * x.stride)], 24, one.row(0));
      first.encode(one, nullptr, weight, &bias, select);
      const Csr alone = first.csr();
      const int64_t begin = wanted.offsets[static_cast<size_t>(b)], end = wanted.offsets[static_cast<size_t>(b) + 1];
      EXPECT_EQ(alone.indices, std::vector<int32_t>(wanted.indices.begin() + begin, wanted.indices.begin() + end)) << b;
      EXPECT_EQ(alone.values, std::vector<float>(wanted.values.begin() + begin, wanted.values.begin() + end)) << b;
    }
  }
}

TEST(SparseEncode, ThresholdKeepsLargerOnlyAndMarginKeepsCandidates) {
  const int64_t m = 77;
  const Matrix x = Matrix::normal(1, 40, 9), weight = Matrix::normal(2, m, 9), limits = Matrix::normal(5, 1, m, 0.4);
  const TensorView limit = limits.vector();
  Bench bench;
  bench.encode(x, nullptr, weight, nullptr, threshold(limit));
  const Csr plain = bench.csr();
  bench.encode(x, nullptr, weight, nullptr, threshold(limit, 0.3f));
  const Csr wide = bench.csr();
  ASSERT_EQ(wide.pre.size(), wide.values.size());
  const auto p = oracle(x, nullptr, weight, nullptr);
  const auto plain_values = dense(plain, plain.values), wide_values = dense(wide, wide.values),
             wide_pre = dense(wide, wide.pre);
  for (size_t b = 0; b < p.size(); ++b) {
    for (size_t j = 0; j < p[b].size(); ++j) {
      const double t = limits.at(0, static_cast<int64_t>(j));
      const std::string where = fmt::format("[{},{}]", b, j);
      expect_close(plain_values[b][j], p[b][j] > t ? p[b][j] : 0, 20, where);
      expect_close(wide_values[b][j], p[b][j] > t ? p[b][j] : 0, 20, where);
      expect_close(wide_pre[b][j], p[b][j] > t - static_cast<double>(0.3f) ? p[b][j] : 0, 20, where);
    }
  }
  EXPECT_GT(wide.values.size(), plain.values.size());
  // Without a margin the pre-activations are gone again.
  bench.encode(x, nullptr, weight, nullptr, relu());
  EXPECT_EQ(bench.codes->pre, nullptr);
}

// Weights of small integers make every pre-activation exact, with plenty of ties.
Matrix integers(uint64_t seed, int64_t rows, int64_t columns, int64_t most) {
  Matrix made(rows, columns);
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j)
      made.at(i, j) =
          static_cast<float>(static_cast<int64_t>(random.below(static_cast<uint64_t>(2 * most + 1))) - most);
  }
  return made;
}

TEST(SparseEncode, TopKIsExactWithTies) {
  for (int64_t m : {5, 40, 333}) {
    for (int64_t k : {0, 1, 3, 32, 400}) {
      const Matrix x = integers(1, 50, 4, 2), weight = integers(2, m, 4, 2);
      Bench bench;
      bench.encode(x, nullptr, weight, nullptr, top_k(k));
      const Csr found = bench.csr();
      const auto p = oracle(x, nullptr, weight, nullptr);
      for (size_t b = 0; b < p.size(); ++b) {
        std::vector<int32_t> order;
        for (size_t j = 0; j < p[b].size(); ++j) {
          if (p[b][j] > 0) order.push_back(static_cast<int32_t>(j));
        }
        std::stable_sort(order.begin(), order.end(), [&](int32_t i, int32_t j) {
          return p[b][static_cast<size_t>(i)] > p[b][static_cast<size_t>(j)];
        });
        if (static_cast<int64_t>(order.size()) > k) order.resize(static_cast<size_t>(k));
        std::sort(order.begin(), order.end());
        const auto begin = found.indices.begin() + found.offsets[b], end = found.indices.begin() + found.offsets[b + 1];
        EXPECT_EQ(std::vector<int32_t>(begin, end), order) << "m " << m << ", k " << k << ", row " << b;
        for (int64_t e = found.offsets[b]; e < found.offsets[b + 1]; ++e) {
          EXPECT_EQ(found.values[static_cast<size_t>(e)],
                    p[b][static_cast<size_t>(found.indices[static_cast<size_t>(e)])]);
        }
      }
    }
  }
}

TEST(SparseEncode, BatchTopKIsExactWithTiesOverManyWaves) {
  for (int64_t rows : {1, 30, 2500}) {
    for (int64_t k : {0, 1, 4, 60}) {
      const Matrix x = integers(1, rows, 4, 3), weight = integers(2, 50, 4, 3);
      const auto p = oracle(x, nullptr, weight, nullptr);
      std::vector<std::pair<int64_t, int32_t>> order;
      for (int64_t b = 0; b < rows; ++b) {
        for (int32_t j = 0; j < 50; ++j) {
          if (p[static_cast<size_t>(b)][static_cast<size_t>(j)] > 0) order.emplace_back(b, j);
        }
      }
      const auto value = [&](auto place) {
        return p[static_cast<size_t>(place.first)][static_cast<size_t>(place.second)];
      };
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return value(a) > value(b); });
      if (static_cast<int64_t>(order.size()) > k * rows) order.resize(static_cast<size_t>(k * rows));
      std::sort(order.begin(), order.end());
      for (int threads : {1, 3}) {
        Bench bench(threads);
        bench.encode(x, nullptr, weight, nullptr, batch_top_k(k));
        const Csr found = bench.csr();
        std::vector<std::pair<int64_t, int32_t>> places;
        for (int64_t b = 0; b < rows; ++b) {
          for (int64_t e = found.offsets[static_cast<size_t>(b)]; e < found.offsets[static_cast<size_t>(b) + 1]; ++e) {
            places.emplace_back(b, found.indices[static_cast<size_t>(e)]);
            EXPECT_EQ(found.values[static_cast<size_t>(e)], value(places.back()));
          }
        }
        EXPECT_EQ(places, order) << "rows " << rows << ", k " << k;
      }
    }
  }
}

TEST(SparseEncode, FeatureMaskLeavesOutFeatures) {
  const int64_t m = 100;
  const Matrix x = Matrix::normal(1, 30, 6), weight = Matrix::normal(2, m, 6), limits = Matrix::normal(5, 1, m, 0.4);
  const TensorView limit = limits.vector();
  std::vector<uint8_t> mask(m);
  for (size_t j = 0; j < mask.size(); ++j) mask[j] = j % 3 == 1;
  const TensorView chosen = view(mask.data(), m);
  for (heddle_select select : {relu(), threshold(limit, 0.1f), top_k(5)}) {
    Bench bench;
    if (select.rule != HEDDLE_SELECT_TOP_K) {
      bench.encode(x, nullptr, weight, nullptr, select);
      const Csr all = bench.csr();
      select.features = chosen;
      bench.encode(x, nullptr, weight, nullptr, select);
      const Csr some = bench.csr();
      const auto wide = dense(all, all.values), narrow = dense(some, some.values);
      for (size_t b = 0; b < wide.size(); ++b) {
        for (size_t j = 0; j < mask.size(); ++j) EXPECT_EQ(narrow[b][j], mask[j] ? wide[b][j] : 0);
      }
    } else {
      select.features = chosen;
      bench.encode(x, nullptr, weight, nullptr, select);
      for (int32_t j : bench.csr().indices) EXPECT_EQ(j % 3, 1);
      EXPECT_GT(bench.codes->nnz, 0);
    }
  }
  std::vector<uint8_t> none(m);
  const TensorView nothing = view(none.data(), m);
  heddle_select select = relu();
  select.features = nothing;
  Bench bench;
  bench.encode(x, nullptr, weight, nullptr, select);
  EXPECT_EQ(bench.codes->nnz, 0);
  EXPECT_EQ(bench.codes->rows, 30);
}

TEST(SparseEncode, Bf16RoundsInputs) {
  // bf16 numbers near 1 lie 2^-7 apart: 1 + 2^-9 goes down to 1; 1 + 3 * 2^-8 is a tie and goes to the even one, 1 +
  // 2^-6.
  Matrix x(1, 2), weight(1, 2);
  x.at(0, 0) = 1.0f + 0x1p-9f;
  x.at(0, 1) = 1.0f + 3 * 0x1p-8f;
  weight.at(0, 0) = 1;
  weight.at(0, 1) = 2;
  Bench bench;
  bench.encode(x, nullptr, weight, nullptr, relu(), HEDDLE_PRECISION_BF16);
  ASSERT_EQ(bench.codes->nnz, 1);
  EXPECT_EQ(bench.codes->values[0], 1.0f + 2 * (1.0f + 0x1p-6f));
  bench.encode(x, nullptr, weight, nullptr, relu());
  EXPECT_EQ(bench.codes->values[0], 1.0f + 0x1p-9f + 2 + 6 * 0x1p-8f);
}

float rounded_to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(SparseEncode, Bf16MatchesOracleOfRoundedInputsAndRowsAreIndependent) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(fmt::format("{}x{}x{}", c.rows, c.inputs, c.features));
    const Matrix x = Matrix::normal(1, c.rows, c.inputs, 1, 3),
                 weight = Matrix::normal(2, c.features, c.inputs, 0.3, 5);
    const Matrix center = Matrix::normal(3, 1, c.inputs), bias = Matrix::normal(4, 1, c.features, 0.5);
    Matrix rx(c.rows, c.inputs), rw(c.features, c.inputs);
    for (int64_t k = 0; k < c.inputs; ++k) {
      for (int64_t b = 0; b < c.rows; ++b)
        rx.at(b, k) = rounded_to_bf16(c.center ? x.at(b, k) - center.at(0, k) : x.at(b, k));
      for (int64_t j = 0; j < c.features; ++j) rw.at(j, k) = rounded_to_bf16(weight.at(j, k));
    }
    const auto wanted = oracle(rx, nullptr, rw, c.bias ? &bias : nullptr);
    std::vector<Csr> found;
    for (int threads : kThreads) {
      Bench bench(threads);
      bench.encode(x, c.center ? &center : nullptr, weight, c.bias ? &bias : nullptr, relu(), HEDDLE_PRECISION_BF16);
      found.push_back(bench.csr());
      EXPECT_EQ(found.back(), found.front());
    }
    const Csr& all = found.front();
    const auto values = dense(all, all.values);
    for (size_t b = 0; b < wanted.size(); ++b) {
      for (size_t j = 0; j < wanted[b].size(); ++j) {
        expect_close(values[b][j], std::max(0.0, wanted[b][j]), 4 + 2.0 * c.inputs, fmt::format("[{},{}]", b, j));
      }
    }
    for (int64_t b : {int64_t{0}, c.rows / 2, c.rows - 1}) {
      Matrix one(1, c.inputs);
      std::copy_n(&x.cells[static_cast<size_t>(b * x.stride)], c.inputs, one.row(0));
      Bench bench;
      bench.encode(one, c.center ? &center : nullptr, weight, c.bias ? &bias : nullptr, relu(), HEDDLE_PRECISION_BF16);
      const int64_t begin = all.offsets[static_cast<size_t>(b)], end = all.offsets[static_cast<size_t>(b) + 1];
      EXPECT_EQ(bench.csr().values, std::vector<float>(all.values.begin() + begin, all.values.begin() + end)) << b;
    }
  }
}

TEST(SparseEncode, InfinitiesAndNaN) {
  Matrix x(3, 1), weight(40, 1);
  x.at(0, 0) = std::numeric_limits<float>::quiet_NaN();
  x.at(1, 0) = std::numeric_limits<float>::infinity();
  x.at(2, 0) = 1;
  for (int64_t j = 0; j < 40; ++j) weight.at(j, 0) = j % 2 ? 1.0f : -1.0f;
  for (const heddle_select& select : {relu(), top_k(20), top_k(7)}) {
    Bench bench;
    bench.encode(x, nullptr, weight, nullptr, select);
    const Csr c = bench.csr();
    const int64_t kept = select.rule == HEDDLE_SELECT_TOP_K ? select.k : 20;
    EXPECT_EQ(c.offsets, (std::vector<int64_t>{0, 0, kept, 2 * kept}));  // NaN > 0 is false
    EXPECT_EQ(c.values[0], std::numeric_limits<float>::infinity());
    EXPECT_EQ(c.indices[0], 1);
  }
}

TEST(SparseEncode, WrongArgumentsAreNamed) {
  Bench bench;
  const Matrix x(2, 3), weight(4, 5), good(4, 3), limits(1, 4);
  const TensorView limit = limits.vector();
  const auto message = [&](const Matrix& w, heddle_select select) {
    try {
      bench.encode(x, nullptr, w, nullptr, select);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), HEDDLE_INVALID_ARGUMENT);
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(message(weight, relu()).find("weight"), std::string::npos);
  heddle_select wrong = relu();
  wrong.rule = 9;
  EXPECT_NE(message(good, wrong).find("rule is 9"), std::string::npos);
  EXPECT_NE(message(good, top_k(-1)).find("k is -1"), std::string::npos);
  EXPECT_NE(message(good, threshold(nullptr)).find("threshold"), std::string::npos);
  EXPECT_NE(message(good, threshold(limit, -1)).find("margin"), std::string::npos);
  wrong = relu();
  wrong.margin = 1;
  EXPECT_NE(message(good, wrong).find("margin"), std::string::npos);
  wrong = relu();
  wrong.flags = 4;
  EXPECT_NE(message(good, wrong).find("unknown flags 0x4"), std::string::npos);
  wrong.flags = 1u << 20;  // the upper half may be ignored
  EXPECT_EQ(message(good, wrong), "");
  wrong = relu();
  wrong.struct_size = 8;
  EXPECT_NE(message(good, wrong).find("struct_size"), std::string::npos);
}

}  // namespace
}  // namespace heddle::sparse_test
