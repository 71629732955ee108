// InteractionMatrix: the binary user x item matrix of a log, 1 where the user had the item at least once, stored by
// users and by items, so that products with it and with its transpose both run over rows that are independent.
//
// Ownership: owns its entries. Threads: immutable after construction; the products run on `parallel(n, f)`, which calls
// f(0) .. f(n-1) in any order on any threads (Ops::parallel_for), with the same bits however it does so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace gptrec_svd {

class InteractionMatrix {
 public:
  static constexpr int64_t block = 256;  // rows of a task: the grid depends on the shape alone

  // items_of(user) is a span of item indices in [0, items), in any order, repeats allowed.
  template <class ItemsOf>
  InteractionMatrix(int64_t users, int64_t items, ItemsOf&& items_of) : by_user_(users), by_item_(items) {
    std::vector<int32_t> row;
    std::vector<int64_t> counts(static_cast<std::size_t>(items) + 1);
    for (int64_t u = 0; u < users; ++u) {
      const auto given = items_of(u);
      row.assign(given.begin(), given.end());
      std::sort(row.begin(), row.end());
      row.erase(std::unique(row.begin(), row.end()), row.end());
      by_user_.entries.insert(by_user_.entries.end(), row.begin(), row.end());
      by_user_.offsets[static_cast<std::size_t>(u) + 1] = static_cast<int64_t>(by_user_.entries.size());
      for (const int32_t item : row) ++counts[static_cast<std::size_t>(item) + 1];
    }
    for (std::size_t i = 1; i < counts.size(); ++i) counts[i] += counts[i - 1];
    by_item_.offsets = counts;
    by_item_.entries.resize(by_user_.entries.size());
    for (int64_t u = 0; u < users; ++u)  // ascending users within each item
      for (const int32_t item : by_user_.row(u))
        by_item_.entries[static_cast<std::size_t>(counts[static_cast<std::size_t>(item)]++)] = static_cast<int32_t>(u);
  }

  int64_t users() const { return by_user_.rows(); }
  int64_t items() const { return by_item_.rows(); }
  int64_t entries() const { return static_cast<int64_t>(by_user_.entries.size()); }

  // y [users,width] = A q, q [items,width]; both row-major.
  template <class Parallel>
  void times(std::span<const double> q, int64_t width, std::span<double> y, Parallel&& parallel) const {
    multiply(by_user_, q, width, y, parallel);
  }
  // z [items,width] = A^T y, y [users,width].
  template <class Parallel>
  void transposed_times(std::span<const double> y, int64_t width, std::span<double> z, Parallel&& parallel) const {
    multiply(by_item_, y, width, z, parallel);
  }

 private:
  struct Rows {
    explicit Rows(int64_t n) : offsets(static_cast<std::size_t>(n) + 1) {}
    int64_t rows() const { return static_cast<int64_t>(offsets.size()) - 1; }
    std::span<const int32_t> row(int64_t i) const {
      const auto at = static_cast<std::size_t>(i);
      return {entries.data() + offsets[at], static_cast<std::size_t>(offsets[at + 1] - offsets[at])};
    }
    std::vector<int64_t> offsets;
    std::vector<int32_t> entries;
  };

  template <class Parallel>
  static void multiply(const Rows& matrix, std::span<const double> in, int64_t width, std::span<double> out,
                       Parallel&& parallel) {
    parallel((matrix.rows() + block - 1) / block, [&](int64_t task) {
      const int64_t end = std::min(matrix.rows(), (task + 1) * block);
      for (int64_t i = task * block; i < end; ++i) {
        double* to = out.data() + i * width;
        std::fill_n(to, width, 0.0);
        for (const int32_t j : matrix.row(i)) {
          const double* from = in.data() + int64_t{j} * width;
          for (int64_t c = 0; c < width; ++c) to[c] += from[c];
        }
      }
    });
  }

  Rows by_user_, by_item_;
};

}  // namespace gptrec_svd
