// Embedding: one row of a table per token, and its backward pass. As an item table it also scores: logits = h table^T.
//
// A handle to one declared tensor; copy freely. Threads: as Ops. An index outside the table is OUT_OF_RANGE.
#pragma once

#include "../ops.hpp"

namespace heddle::sdk::nn {

class Embedding {
 public:
  Embedding() = default;
  // Declares NAME.weight [rows,width] ~ N(0, deviation).
  Embedding(Parameters& parameters, const std::string& name, int64_t rows, int64_t width, double deviation,
            int32_t role = HEDDLE_ROLE_OTHER)
      : rows_(rows), table_(parameters.add(name + ".weight", {rows, width}).normal(deviation).role(role)) {}

  Tensor forward(Ops& ops, const Tensor& index) const { return ops.gather_rows(ops[table_], index); }
  void backward(Ops& ops, const Tensor& index, const Tensor& dy) const {
    ops.scatter_add_rows(dy, index, ops.grad(table_));
  }

  // Scores of all rows: hidden [B,width] -> [B,rows].
  Tensor score(Ops& ops, const Tensor& hidden, Tensor scores = {}) const {
    if (!scores) scores = ops.tensor({hidden.rows(), rows_});
    return ops.gemm(hidden, ops[table_], scores, {.transpose_b = true});
  }
  Param table() const { return table_; }

 private:
  int64_t rows_ = 0;
  Param table_;
};

}  // namespace heddle::sdk::nn
