// Embedding: one row of a table per token, and its backward pass. As an item table it also scores: logits = h table^T.
//
// A table may have more rows than the catalogue has items (mask tokens): score() takes the first ones alone.
//
// A handle to one declared tensor; copy freely. Threads: as Ops. An index outside the table is OUT_OF_RANGE.
#pragma once

#include "linear.hpp"

namespace heddle::sdk::nn {

class Embedding {
 public:
  Embedding() = default;
  // Declares NAME.weight [rows,width] ~ N(0, initial_deviation(deviation, rows, width)).
  Embedding(Parameters& parameters, const std::string& name, int64_t rows, int64_t width, double deviation,
            int32_t role = HEDDLE_ROLE_OTHER)
      : rows_(rows),
        table_(parameters.add(name + ".weight", {rows, width})
                   .normal(initial_deviation(deviation, rows, width))
                   .role(role)) {}

  Tensor forward(Ops& ops, const Tensor& index) const { return ops.gather_rows(ops[table_], index); }
  void backward(Ops& ops, const Tensor& index, const Tensor& dy) const {
    ops.scatter_add_rows(dy, index, ops.grad(table_));
  }

  // Scores of the first rows, as many as scores has columns (default: all): hidden [B,width] -> [B,rows]. bias [rows].
  Tensor score(Ops& ops, const Tensor& hidden, Tensor scores = {}, const Tensor& bias = {}) const {
    if (!scores) scores = ops.tensor({hidden.rows(), rows_});
    return ops.gemm(hidden, ops[table_].row_slice(0, scores.columns()), scores, {.transpose_b = true, .bias = bias});
  }
  Param table() const { return table_; }

 private:
  int64_t rows_ = 0;
  Param table_;
};

}  // namespace heddle::sdk::nn
