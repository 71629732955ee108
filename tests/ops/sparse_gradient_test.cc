// The gradients of a whole dictionary loss, composed of ops as a plugin composes them, against central differences of
// the same loss written in f64: every parameter, every reconstruction kind, ReLU and fixed-support top-k.
#include <algorithm>
#include <functional>

#include "tests/ops/sparse_fixture.h"

namespace heddle::sparse_test {
namespace {

constexpr int64_t kRows = 23, kInputs = 6, kFeatures = 19;
constexpr double kL1 = 0.07;

struct Parameters {
  std::vector<double> encoder, encoder_bias, decoder, decoder_bias;
  std::vector<double>* all[4] = {&encoder, &encoder_bias, &decoder, &decoder_bias};
  Parameters() = default;
  Parameters(const Parameters&) = delete;
};

std::vector<double> doubles(const Matrix& m) {
  std::vector<double> out;
  for (int64_t i = 0; i < m.rows; ++i) {
    for (int64_t j = 0; j < m.columns; ++j) out.push_back(m.at(i, j));
  }
  return out;
}

// mean_b reconstruction + kL1 * mean_b sum f, with f = relu of the pre-activations on the given support.
double loss(const Matrix& x, const Parameters& p, int32_t kind, const std::vector<std::vector<int32_t>>& support) {
  double total = 0;
  for (int64_t b = 0; b < kRows; ++b) {
    std::vector<double> y = p.decoder_bias;
    double codes = 0;
    for (int32_t j : support[static_cast<size_t>(b)]) {
      double f = p.encoder_bias[static_cast<size_t>(j)];
      for (int64_t k = 0; k < kInputs; ++k) {
        f += (x.at(b, k) - p.decoder_bias[static_cast<size_t>(k)]) * p.encoder[static_cast<size_t>(j * kInputs + k)];
      }
      codes += f;
      for (int64_t k = 0; k < kInputs; ++k)
        y[static_cast<size_t>(k)] += f * p.decoder[static_cast<size_t>(j * kInputs + k)];
    }
    double squares = 0;
    for (int64_t k = 0; k < kInputs; ++k) squares += std::pow(x.at(b, k) - y[static_cast<size_t>(k)], 2);
    total += kL1 * codes + (kind == HEDDLE_RECONSTRUCTION_L2_NORM    ? std::sqrt(squares)
                            : kind == HEDDLE_RECONSTRUCTION_MSE_MEAN ? squares / kInputs
                                                                     : squares);
  }
  return total / kRows;
}

TEST(SparseGradient, ComposedLossMatchesFiniteDifferences) {
  for (const heddle_select& select : {relu(), top_k(4)}) {
    for (int32_t kind :
         {HEDDLE_RECONSTRUCTION_L2_NORM, HEDDLE_RECONSTRUCTION_L2_SQUARED, HEDDLE_RECONSTRUCTION_MSE_MEAN}) {
      SCOPED_TRACE(fmt::format("rule {}, kind {}", select.rule, kind));
      const Matrix x = Matrix::normal(1, kRows, kInputs), encoder = Matrix::normal(2, kFeatures, kInputs, 0.4);
      const Matrix encoder_bias = Matrix::normal(3, 1, kFeatures, 0.2),
                   decoder = Matrix::normal(4, kFeatures, kInputs, 0.4);
      const Matrix decoder_bias = Matrix::normal(5, 1, kInputs, 0.2);
      Bench bench;
      const auto run = [&](auto op, auto... args) { bench.ok(op(bench.dc(), args..., bench.error)); };
      const heddle_ops& ops = bench.ops();
      bench.encode(x, &decoder_bias, encoder, &encoder_bias, select);
      Matrix y(kRows, kInputs), dy(kRows, kInputs), dvalues(1, bench.codes->nnz);
      const TensorView tx = x.view(), td = decoder.view(), tb = decoder_bias.vector();
      TensorView ty = y.view(), tdy = dy.view(), tdv = dvalues.vector();
      run(ops.decode, bench.codes, nullptr, td.dl(), tb.dl(), ty.dl());
      double value = 0;
      const heddle_reconstruction args{sizeof args, 0, kind, 0, 1, tx, ty, &value, tdy};
      run(ops.reconstruction, &args);
      run(ops.codes_backward, bench.codes, tdy.dl(), td.dl(), kL1 / kRows, tdv.dl());
      Matrix g_encoder(kFeatures, kInputs), g_encoder_bias(1, kFeatures), g_decoder(kFeatures, kInputs),
          g_decoder_bias(1, kInputs);
      TensorView ge = g_encoder.view(), geb = g_encoder_bias.vector(), gd = g_decoder.view();
      run(ops.codes_weight_gradient, bench.codes, nullptr, tdy.dl(), nullptr, gd.dl());
      run(ops.codes_weight_gradient, bench.codes, tdv.dl(), tx.dl(), tb.dl(), ge.dl());
      run(ops.codes_column_sum, bench.codes, tdv.dl(), geb.dl());
      // Decoder bias: through the output, and through the centre of the encoder: -W^T sum_b dvalues_b = -W^T
      // g_encoder_bias.
      for (int64_t k = 0; k < kInputs; ++k) {
        for (int64_t b = 0; b < kRows; ++b) g_decoder_bias.at(0, k) += dy.at(b, k);
        for (int64_t j = 0; j < kFeatures; ++j) g_decoder_bias.at(0, k) -= encoder.at(j, k) * g_encoder_bias.at(0, j);
      }
      Parameters p;
      p.encoder = doubles(encoder);
      p.encoder_bias = doubles(encoder_bias);
      p.decoder = doubles(decoder);
      p.decoder_bias = doubles(decoder_bias);
      const Csr c = bench.csr();
      std::vector<std::vector<int32_t>> support(kRows);
      for (size_t b = 0; b < support.size(); ++b) {
        support[b].assign(c.indices.begin() + c.offsets[b], c.indices.begin() + c.offsets[b + 1]);
      }
      const std::vector<double> analytic[4] = {doubles(g_encoder), doubles(g_encoder_bias), doubles(g_decoder),
                                               doubles(g_decoder_bias)};
      EXPECT_NEAR(
          value + kL1 *
                      [&] {
                        double sum = 0;
                        bench.ok(ops.codes_summary(bench.dc(), bench.codes, &sum, nullptr, nullptr, bench.error));
                        return sum;
                      }() /
                      kRows,
          loss(x, p, kind, support), 1e-5);
      for (size_t which = 0; which < 4; ++which) {
        for (size_t i = 0; i < p.all[which]->size(); ++i) {
          double& cell = (*p.all[which])[i];
          const double before = cell, step = 1e-5;
          cell = before + step;
          const double up = loss(x, p, kind, support);
          cell = before - step;
          const double down = loss(x, p, kind, support);
          cell = before;
          EXPECT_NEAR(analytic[which][i], (up - down) / (2 * step), 2e-5) << "parameter " << which << ", entry " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace heddle::sparse_test
