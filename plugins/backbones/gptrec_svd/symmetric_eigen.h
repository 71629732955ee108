// Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, Matrix
// Computations, 8.5). One thread; the same bits every time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace gptrec_svd {

struct Eigen {
  std::vector<double> values;   // [n], descending
  std::vector<double> vectors;  // [n,n] row-major; column j belongs to values[j]
};

// a: [n,n] row-major, symmetric; overwritten.
inline Eigen symmetric_eigen(std::vector<double> a, int64_t n) {
  const auto at = [n](int64_t r, int64_t c) { return static_cast<std::size_t>(r * n + c); };
  std::vector<double> v(a.size());
  for (int64_t i = 0; i < n; ++i) v[at(i, i)] = 1;
  double total = 0;
  for (const double x : a) total += x * x;
  for (int sweep = 0; sweep < 64; ++sweep) {
    double off = 0;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = 0; q < p; ++q) off += a[at(p, q)] * a[at(p, q)];
    if (off <= 1e-32 * total) break;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        const double apq = a[at(p, q)];
        if (apq == 0) continue;
        const double theta = (a[at(q, q)] - a[at(p, p)]) / (2 * apq);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int64_t k = 0; k < n; ++k) {  // columns p and q of a and of v
          const double akp = a[at(k, p)], akq = a[at(k, q)], vkp = v[at(k, p)], vkq = v[at(k, q)];
          a[at(k, p)] = c * akp - s * akq;
          a[at(k, q)] = s * akp + c * akq;
          v[at(k, p)] = c * vkp - s * vkq;
          v[at(k, q)] = s * vkp + c * vkq;
        }
        for (int64_t k = 0; k < n; ++k) {  // rows p and q of a
          const double apk = a[at(p, k)], aqk = a[at(q, k)];
          a[at(p, k)] = c * apk - s * aqk;
          a[at(q, k)] = s * apk + c * aqk;
        }
      }
    }
  }
  std::vector<int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return a[at(i, i)] > a[at(j, j)]; });
  Eigen out{std::vector<double>(static_cast<std::size_t>(n)), std::vector<double>(a.size())};
  for (int64_t j = 0; j < n; ++j) {
    const int64_t from = order[static_cast<std::size_t>(j)];
    out.values[static_cast<std::size_t>(j)] = a[at(from, from)];
    for (int64_t k = 0; k < n; ++k) out.vectors[at(k, j)] = v[at(k, from)];
  }
  return out;
}

}  // namespace gptrec_svd
