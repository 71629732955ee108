// The largest singular values of a sparse binary matrix and their right singular vectors, by randomised subspace
// iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4, with a Rayleigh-Ritz step), in f64.
//
// A subspace a little wider than asked for is multiplied by A^T A and orthonormalised until the residual
// |A^T A v - sigma^2 v| of every wanted vector is below tolerance * sigma_1^2, or for max_iterations rounds; `residual`
// says what was reached. Signs: the entry of largest size of each vector is positive, the first of several. A matrix of
// lower rank gives zeros for the values that are missing, and zero vectors.
// Threads: see InteractionMatrix; the bits depend on the matrix and on the start alone.
#pragma once

#include <cmath>

#include "interaction_matrix.h"
#include "symmetric_eigen.h"

namespace gptrec_svd {

struct SvdOptions {
  int64_t rank = 4;
  int64_t oversampling = 10;
  int64_t max_iterations = 300;
  double tolerance = 1e-10;
};

struct TruncatedSvd {
  std::vector<double> values;   // [rank], descending
  std::vector<double> vectors;  // [rank,items]
  int64_t iterations = 0;
  double residual = 0;  // the largest, relative to sigma_1^2
  bool converged = false;
};

// Columns of the start that truncated_svd() wants.
inline int64_t subspace_width(const InteractionMatrix& a, const SvdOptions& options) {
  return std::min(options.rank + options.oversampling, std::max<int64_t>(a.items(), 1));
}

namespace detail {

// Gram-Schmidt twice over the columns of q [n,width]; a column that depends on earlier ones becomes zero.
inline void orthonormalise(std::vector<double>& q, int64_t n, int64_t width) {
  const auto dot = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += q[static_cast<std::size_t>(i * width + a)] * q[static_cast<std::size_t>(i * width + b)];
    return sum;
  };
  for (int64_t c = 0; c < width; ++c) {
    const double before = std::sqrt(dot(c, c));
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t b = 0; b < c; ++b) {
        const double along = dot(b, c);
        for (int64_t i = 0; i < n; ++i)
          q[static_cast<std::size_t>(i * width + c)] -= along * q[static_cast<std::size_t>(i * width + b)];
      }
    }
    const double norm = std::sqrt(dot(c, c));
    const double scale = norm > 1e-12 * before ? 1 / norm : 0;
    for (int64_t i = 0; i < n; ++i) q[static_cast<std::size_t>(i * width + c)] *= scale;
  }
}

// y^T y for y [n,width]: partial sums of blocks of rows, added in the order of the blocks.
template <class Parallel>
std::vector<double> gram(const std::vector<double>& y, int64_t n, int64_t width, Parallel&& parallel) {
  constexpr int64_t block = 1024;
  const int64_t tasks = (n + block - 1) / block, size = width * width;
  std::vector<double> partial(static_cast<std::size_t>(tasks * size));
  parallel(tasks, [&](int64_t task) {
    double* sum = partial.data() + task * size;
    for (int64_t i = task * block; i < std::min(n, (task + 1) * block); ++i) {
      const double* row = y.data() + i * width;
      for (int64_t a = 0; a < width; ++a)
        for (int64_t b = 0; b < width; ++b) sum[a * width + b] += row[a] * row[b];
    }
  });
  std::vector<double> out(static_cast<std::size_t>(size));
  for (int64_t task = 0; task < tasks; ++task)
    for (int64_t i = 0; i < size; ++i)
      out[static_cast<std::size_t>(i)] += partial[static_cast<std::size_t>(task * size + i)];
  return out;
}

// m [n,width] times w [width,width].
inline std::vector<double> rotated(const std::vector<double>& m, int64_t n, int64_t width,
                                   const std::vector<double>& w) {
  std::vector<double> out(m.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t a = 0; a < width; ++a)
      for (int64_t b = 0; b < width; ++b)
        out[static_cast<std::size_t>(i * width + b)] +=
            m[static_cast<std::size_t>(i * width + a)] * w[static_cast<std::size_t>(a * width + b)];
  return out;
}

}  // namespace detail

// start: [items, subspace_width()] of independent normal numbers.
template <class Parallel>
TruncatedSvd truncated_svd(const InteractionMatrix& a, const SvdOptions& options, std::vector<double> start,
                           Parallel&& parallel) {
  const int64_t items = a.items(), width = subspace_width(a, options), rank = options.rank;
  TruncatedSvd out;
  out.values.assign(static_cast<std::size_t>(rank), 0.0);
  out.vectors.assign(static_cast<std::size_t>(rank * items), 0.0);
  std::vector<double> q = std::move(start), y(static_cast<std::size_t>(a.users() * width)), z(q.size());
  detail::orthonormalise(q, items, width);
  Eigen ritz;
  for (out.iterations = 1;; ++out.iterations) {
    // q is orthonormal: the eigenvectors of its Gram matrix turn it towards the singular vectors of A within its span.
    a.times(q, width, y, parallel);
    a.transposed_times(y, width, z, parallel);
    ritz = symmetric_eigen(detail::gram(y, a.users(), width, parallel), width);
    q = detail::rotated(q, items, width, ritz.vectors);
    z = detail::rotated(z, items, width, ritz.vectors);
    out.residual = 0;
    for (int64_t j = 0; j < std::min(rank, width); ++j) {
      double sum = 0;
      for (int64_t i = 0; i < items; ++i) {
        const auto at = static_cast<std::size_t>(i * width + j);
        const double r = z[at] - ritz.values[static_cast<std::size_t>(j)] * q[at];
        sum += r * r;
      }
      out.residual = std::max(out.residual, std::sqrt(sum));
    }
    if (ritz.values[0] > 0) out.residual /= ritz.values[0];
    out.converged = out.residual <= options.tolerance;
    if (out.converged || out.iterations >= options.max_iterations) break;
    q = z;
    detail::orthonormalise(q, items, width);
  }
  for (int64_t j = 0; j < std::min(rank, width); ++j) {
    // What is left of a missing dimension is rounding: about 1e-16 of the largest in A^T A.
    const double value = ritz.values[static_cast<std::size_t>(j)];
    if (!(value > 1e-13 * ritz.values[0])) break;
    out.values[static_cast<std::size_t>(j)] = std::sqrt(value);
    double largest = 0;
    for (int64_t i = 0; i < items; ++i) {
      const double x = q[static_cast<std::size_t>(i * width + j)];
      if (std::abs(x) > std::abs(largest)) largest = x;
    }
    for (int64_t i = 0; i < items; ++i)
      out.vectors[static_cast<std::size_t>(j * items + i)] =
          std::copysign(1.0, largest) * q[static_cast<std::size_t>(i * width + j)];
  }
  return out;
}

}  // namespace gptrec_svd
