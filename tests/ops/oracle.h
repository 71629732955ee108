// Scalar f64 oracles of the dense ops: the formula, and nothing else.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "heddle/abi.h"

namespace heddle::oracle {

using Vector = std::vector<double>;

// op(a) [m,k] times op(b) [k,n]; lda, ldb are row strides of the stored matrices.
inline Vector product(const Vector& a, const Vector& b, int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
  Vector c(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t p = 0; p < k; ++p) c[i * n + j] += a[ta ? p * m + i : i * k + p] * b[tb ? j * k + p : p * n + j];
    }
  }
  return c;
}

inline double activation(int32_t kind, double x) {
  if (kind == HEDDLE_ACTIVATION_RELU) return x > 0 ? x : 0;
  if (kind == HEDDLE_ACTIVATION_GELU_TANH)
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  return x;
}

inline Vector layer_norm(const Vector& x, const Vector& gamma, const Vector& beta, double epsilon) {
  const size_t n = gamma.size(), rows = n == 0 ? 0 : x.size() / n;
  Vector y(x.size());
  for (size_t r = 0; r < rows; ++r) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; ++i) mean += x[r * n + i] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) variance += (x[r * n + i] - mean) * (x[r * n + i] - mean) / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i)
      y[r * n + i] = (x[r * n + i] - mean) / std::sqrt(variance + epsilon) * gamma[i] + beta[i];
  }
  return y;
}

struct Attention {
  int64_t width, heads;
  bool causal;
  std::vector<int64_t> offsets;
  std::vector<uint8_t> key_mask;                                         // empty: none
  std::function<double(int64_t head, int64_t query, int64_t key)> keep;  // factor of a probability; empty: none
};

inline Vector attention(const Attention& a, const Vector& q, const Vector& k, const Vector& v) {
  const int64_t d = a.width, w = d / a.heads;
  Vector out(q.size(), 0.0);
  for (size_t s = 0; s + 1 < a.offsets.size(); ++s) {
    for (int64_t h = 0; h < a.heads; ++h) {
      for (int64_t i = a.offsets[s]; i < a.offsets[s + 1]; ++i) {
        const int64_t end = a.causal ? i + 1 : a.offsets[s + 1];
        Vector weight;
        double sum = 0, top = -std::numeric_limits<double>::infinity();
        for (int64_t j = a.offsets[s]; j < end; ++j) {
          double score = 0;
          for (int64_t c = h * w; c < (h + 1) * w; ++c) score += q[i * d + c] * k[j * d + c];
          const bool masked = !a.key_mask.empty() && a.key_mask[j] == 0;
          weight.push_back(masked ? -std::numeric_limits<double>::infinity()
                                  : score / std::sqrt(static_cast<double>(w)));
          top = std::max(top, weight.back());
        }
        if (std::isinf(top)) continue;
        for (double& x : weight) sum += x = std::exp(x - top);
        for (int64_t j = a.offsets[s]; j < end; ++j) {
          const double p = weight[j - a.offsets[s]] / sum * (a.keep ? a.keep(h, i, j) : 1.0);
          for (int64_t c = h * w; c < (h + 1) * w; ++c) out[i * d + c] += p * v[j * d + c];
        }
      }
    }
  }
  return out;
}

// Sum of -log softmax(hidden table^T + bias)[target] over rows with a target.
inline double cross_entropy(const Vector& hidden, const Vector& table, const Vector& bias,
                            const std::vector<int32_t>& targets, int64_t d) {
  const int64_t items = static_cast<int64_t>(table.size()) / d;
  double loss = 0;
  for (size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] < 0) continue;
    double sum = 0, top = -std::numeric_limits<double>::infinity(), wanted = 0;
    Vector logits(static_cast<size_t>(items));
    for (int64_t v = 0; v < items; ++v) {
      double& logit = logits[v] = bias.empty() ? 0.0 : bias[v];
      for (int64_t c = 0; c < d; ++c) logit += hidden[t * d + c] * table[v * d + c];
      top = std::max(top, logit);
      if (v == targets[t]) wanted = logit;
    }
    for (double logit : logits) sum += std::exp(logit - top);
    loss += top + std::log(sum) - wanted;
  }
  return loss;
}

}  // namespace heddle::oracle
