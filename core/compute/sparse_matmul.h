// Products of codes with a matrix where a large share of entries is stored, as in an untrained dictionary: blocks of codes
// are laid out dense and multiplied by the matrix product of matmul_kernels.h. The sparse ways: sparse_products.cc.
//
// f32: the weight gradient gives the bits of the sparse way, as long as the other side is finite: the same chains, in which a zero
// adds nothing. (A NaN or infinite number shows in every feature here, in features that its row stores there.) codes_backward
// is one chain over all columns.
// Of codes that were encoded in bf16: both sides are rounded to bf16, sums are f32, by bf16 instructions where there are any.
// decode has no dense way: in f32 it would not be faster, and in bf16 a row's reconstruction would depend on how much of its
// batch is stored.
// Deterministic: tasks are cut by shapes, and no number is computed by two.
#pragma once

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {

enum class CodesProduct { backward, gradient };

// Does the dense way pay? By the share of stored entries and the shapes.
bool worth_dense(CodesProduct product, const heddle_codes* codes, int64_t d);
// May it, for any product?
bool worth_masks(const heddle_codes* codes);

void codes_backward_dense(CpuContext& context, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight,
                          float l1, float* dvalues);
// dweight += values^T (rows - center); center may be null.
void codes_weight_gradient_dense(CpuContext& context, const heddle_codes* codes, const float* values,
                                 const DLTensor* rows, const float* center, DLTensor* dweight);

}  // namespace heddle::cpu
