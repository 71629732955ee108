// Setting features, threshold gradients, reconstruction losses, wrong arguments, and the same bits for any number of
// threads.
#include <algorithm>
#include <map>

#include "tests/ops/sparse_world.h"

namespace heddle::sparse_test {
namespace {

TEST(SparseCodes, SetInsertsOverwritesAndRemoves) {
  for (const Shape& s : kShapes) {
    if (s.features == 0) continue;
    SCOPED_TRACE(name(s));
    for (float value : {2.5f, -1.0f, 0.0f}) {
      for (bool all : {false, true}) {
        World w(s);
        Bench& b = w.bench;
        const int64_t feature = s.features / 2;
        std::vector<uint8_t> rows(static_cast<size_t>(s.rows));
        for (size_t i = 0; i < rows.size(); ++i) rows[i] = i % 3 != 1;
        const TensorView chosen = view(rows.data(), s.rows);
        Matrix gradient(s.features, s.inputs);  // builds the ordering that the change must drop
        b.ok(b.ops().codes_weight_gradient(b.dc(), b.codes, nullptr, w.rows.view(), nullptr, gradient.view(), b.error));
        b.ok(b.ops().codes_set(b.dc(), b.codes, feature, value, all ? nullptr : chosen.dl(), b.error));
        b.expect_valid();
        Matrix wanted = w.dense, found(s.rows, s.features);
        for (int64_t i = 0; i < s.rows; ++i) {
          if (all || rows[static_cast<size_t>(i)]) wanted.at(i, feature) = value;
        }
        b.ok(b.ops().codes_to_dense(b.dc(), b.codes, found.view(), b.error));
        EXPECT_EQ(found.cells, wanted.cells);
        if (value == 0) {
          for (float v : b.csr().values) EXPECT_NE(v, 0);
        }
        Matrix after(s.features, s.inputs), fresh(s.features, s.inputs);
        b.ok(b.ops().codes_weight_gradient(b.dc(), b.codes, nullptr, w.rows.view(), nullptr, after.view(), b.error));
        Bench other;
        other.from_dense(wanted);
        other.ok(other.ops().codes_weight_gradient(other.dc(), other.codes, nullptr, w.rows.view(), nullptr,
                                                   fresh.view(), other.error));
        EXPECT_EQ(after.cells, fresh.cells);
      }
    }
  }
}

TEST(SparseCodes, SetKeepsPreActivations) {
  const Matrix x = Matrix::normal(1, 20, 4), weight = Matrix::normal(2, 30, 4), limits(1, 30);
  const TensorView limit = limits.vector();
  Bench b;
  b.encode(x, nullptr, weight, nullptr, threshold(limit, 0.5f));
  b.ok(b.ops().codes_set(b.dc(), b.codes, 3, 7.0f, nullptr, b.error));
  b.expect_valid();
  const Csr c = b.csr();
  ASSERT_EQ(c.pre.size(), c.values.size());
  for (size_t e = 0; e < c.values.size(); ++e) {
    if (c.indices[e] == 3) {
      EXPECT_EQ(c.values[e], 7.0f);
      EXPECT_EQ(c.pre[e], 7.0f);
    } else {
      EXPECT_EQ(c.values[e], c.pre[e] > 0 ? c.pre[e] : 0);
    }
  }
}

TEST(SparseCodes, ThresholdBackward) {
  const int64_t m = 41;
  const Matrix x = Matrix::normal(1, 700, 4), weight = Matrix::normal(2, m, 4), limits = Matrix::normal(3, 1, m, 0.3);
  const TensorView limit = limits.vector();
  Bench b;
  b.encode(x, nullptr, weight, nullptr, threshold(limit, 0.2f));
  const Csr c = b.csr();
  const Matrix dvalues = Matrix::normal(4, 1, b.codes->nnz);
  Matrix gradient = Matrix::normal(5, 1, m);
  const Matrix before = gradient;
  const TensorView dv = dvalues.vector();
  TensorView out = gradient.vector();
  const heddle_threshold_backward args{sizeof args, 0, 0.4, 0.05, b.codes, dv, limit, out};
  b.ok(b.ops().threshold_backward(b.dc(), &args, b.error));
  std::vector<double> wanted(static_cast<size_t>(m)), scale(wanted);
  int64_t used = 0;
  for (size_t e = 0; e < c.values.size(); ++e) {
    const double t = limits.at(0, c.indices[e]);
    if (!(std::abs(c.pre[e] - t) < 0.2)) continue;
    const double term = -(t / 0.4) * dvalues.at(0, static_cast<int64_t>(e)) - 0.05 / 0.4;
    wanted[static_cast<size_t>(c.indices[e])] += term;
    scale[static_cast<size_t>(c.indices[e])] += std::abs(term);
    ++used;
  }
  EXPECT_GT(used, 100);
  for (int64_t j = 0; j < m; ++j) {
    expect_close(gradient.at(0, j), before.at(0, j) + wanted[static_cast<size_t>(j)], 1 + scale[static_cast<size_t>(j)],
                 "threshold");
  }
  EXPECT_TRUE(gradient.sentinels_untouched());
  b.encode(x, nullptr, weight, nullptr, relu());
  const Matrix other = Matrix::normal(4, 1, b.codes->nnz);
  const TensorView dv2 = other.vector();
  const heddle_threshold_backward without{sizeof without, 0, 0.4, 0.05, b.codes, dv2, limit, out};
  EXPECT_EQ(b.ops().threshold_backward(b.dc(), &without, b.error), HEDDLE_INVALID_ARGUMENT);
  EXPECT_NE(b.error.message().find("margin"), std::string_view::npos);
}

TEST(SparseCodes, Reconstruction) {
  for (auto [rows, d] : {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {130, 64}, {65, 33}, {0, 4}, {4, 0}}) {
    for (int32_t kind :
         {HEDDLE_RECONSTRUCTION_L2_NORM, HEDDLE_RECONSTRUCTION_L2_SQUARED, HEDDLE_RECONSTRUCTION_MSE_MEAN}) {
      SCOPED_TRACE(fmt::format("{} x {}, kind {}", rows, d, kind));
      Matrix x = Matrix::normal(1, rows, d, 1, 2), y = Matrix::normal(2, rows, d, 1, 3), dy(rows, d, 1);
      for (int64_t k = 0; rows > 2 && k < d; ++k) y.at(2, k) = x.at(2, k);  // a perfect row has gradient 0
      double wanted = 0, loss = -1;
      Table gradient = table(rows, d), scale = gradient;
      for (int64_t b = 0; b < rows; ++b) {
        double squares = 0;
        for (int64_t k = 0; k < d; ++k) squares += std::pow(static_cast<double>(y.at(b, k)) - x.at(b, k), 2);
        const double n = static_cast<double>(rows), length = std::sqrt(squares);
        wanted += kind == HEDDLE_RECONSTRUCTION_L2_NORM
                      ? length / n
                      : squares / n /
                            (kind == HEDDLE_RECONSTRUCTION_MSE_MEAN ? static_cast<double>(std::max<int64_t>(d, 1)) : 1);
        for (int64_t k = 0; k < d; ++k) {
          const double e = static_cast<double>(y.at(b, k)) - x.at(b, k);
          at(gradient, b, k) =
              3 * (kind == HEDDLE_RECONSTRUCTION_L2_NORM
                       ? (length > 0 ? e / length / n : 0)
                       : 2 * e / n / (kind == HEDDLE_RECONSTRUCTION_MSE_MEAN ? static_cast<double>(d) : 1));
          at(scale, b, k) = std::abs(at(gradient, b, k)) + 1e-7;
        }
      }
      Bench bench;
      const TensorView tx = x.view(), ty = y.view();
      TensorView td = dy.view();
      const heddle_reconstruction args{sizeof args, 0, kind, 0, 3.0, tx, ty, &loss, td};
      bench.ok(bench.ops().reconstruction(bench.dc(), &args, bench.error));
      EXPECT_NEAR(loss, wanted, 1e-6 * (wanted + 1e-12));
      expect_equal(dy, gradient, scale);
      double again = -1;
      const heddle_reconstruction only{sizeof only, 0, kind, 0, 3.0, tx, ty, &again, nullptr};
      bench.ok(bench.ops().reconstruction(bench.dc(), &only, bench.error));
      EXPECT_EQ(again, loss);
    }
  }
}

// Every reduction gives the same bits for any number of threads.
TEST(SparseCodes, ThreadsDoNotShow) {
  for (const Shape& s : {Shape{1500, 67, 64, 0.1}, Shape{1111, 130, 19, 0.6}}) {
    std::map<std::string, std::vector<float>> first;
    for (int threads : kThreads) {
      World w(s, threads);
      Bench& b = w.bench;
      Matrix y(s.rows, s.inputs), dvalues(1, b.codes->nnz), gradient(s.features, s.inputs), sums(1, s.features),
          dy(s.rows, s.inputs);
      TensorView tv = dvalues.vector(), ts = sums.vector(), ty = y.view(), td = dy.view();
      const TensorView tr = w.rows.view();
      double loss = 0, total = 0;
      b.ok(b.ops().decode(b.dc(), b.codes, nullptr, w.weight.view(), nullptr, ty, b.error));
      b.ok(b.ops().codes_backward(b.dc(), b.codes, tr, w.weight.view(), 0.5, tv, b.error));
      b.ok(b.ops().codes_weight_gradient(b.dc(), b.codes, tv, tr, nullptr, gradient.view(), b.error));
      b.ok(b.ops().codes_column_sum(b.dc(), b.codes, tv, ts, b.error));
      const heddle_reconstruction args{sizeof args, 0, HEDDLE_RECONSTRUCTION_L2_NORM, 0, 1, tr, ty, &loss, td};
      b.ok(b.ops().reconstruction(b.dc(), &args, b.error));
      b.ok(b.ops().codes_summary(b.dc(), b.codes, &total, nullptr, nullptr, b.error));
      const std::map<std::string, std::vector<float>> found = {
          {"y", y.cells},
          {"dvalues", dvalues.cells},
          {"gradient", gradient.cells},
          {"sums", sums.cells},
          {"dy", dy.cells},
          {"scalars", {static_cast<float>(loss), static_cast<float>(total)}}};
      if (first.empty()) first = found;
      EXPECT_EQ(found, first) << threads << " threads";
    }
  }
}

TEST(SparseCodes, WrongArgumentsAreNamed) {
  World w({3, 7, 5, 0.5});
  Bench& b = w.bench;
  Matrix y(3, 4);
  EXPECT_EQ(b.ops().decode(b.dc(), b.codes, nullptr, w.weight.view(), nullptr, y.view(), b.error),
            HEDDLE_INVALID_ARGUMENT);
  EXPECT_NE(b.error.message().find("decode: y is f32 [3,4]"), std::string_view::npos) << b.error.message();
  EXPECT_EQ(b.ops().decode(b.dc(), nullptr, nullptr, w.weight.view(), nullptr, y.view(), b.error),
            HEDDLE_INVALID_ARGUMENT);
  EXPECT_EQ(b.ops().codes_set(b.dc(), b.codes, 7, 1, nullptr, b.error), HEDDLE_OUT_OF_RANGE);
  const Matrix values(1, b.codes->nnz + 1);
  Matrix right(3, 5);
  EXPECT_EQ(b.ops().decode(b.dc(), b.codes, values.vector(), w.weight.view(), nullptr, right.view(), b.error),
            HEDDLE_INVALID_ARGUMENT);
  heddle_codes foreign{};
  foreign.struct_size = sizeof foreign;
  EXPECT_EQ(b.ops().codes_summary(b.dc(), &foreign, nullptr, nullptr, nullptr, b.error), HEDDLE_INVALID_ARGUMENT);
  EXPECT_NE(b.error.message().find("codes_create"), std::string_view::npos);
}

}  // namespace
}  // namespace heddle::sparse_test
