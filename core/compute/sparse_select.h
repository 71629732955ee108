// Exact selection of the largest values, per row and over a batch. Values are > 0. Ties go to the lower index (per row)
// or the lower (row, index) (batch).
#pragma once

#include <cstdint>

#include "core/compute/ops_internal.h"

namespace heddle::cpu {

// Keeps the k largest of n entries in place, in their order; returns how many are left. scratch: n + kStageSlack
// floats.
int64_t keep_top(float* values, int32_t* indices, int64_t n, int64_t k, float* scratch);

// Cuts codes down to their `most` largest entries, 1 <= most <= nnz; returns the smallest one kept.
float keep_batch_top(CpuContext& context, heddle_codes* codes, int64_t most);

}  // namespace heddle::cpu
