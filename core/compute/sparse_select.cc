#include "core/compute/sparse_select.h"

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {

using namespace sparse;

int64_t keep_top(float* values, int32_t* indices, int64_t n, int64_t k, float* scratch) {
  if (n <= k) return n;
  if (k == 0) return 0;
  const Kernels& kernel = kernels();
  int64_t above = 0;
  const float limit = kernel.kth_largest(values, n, k, scratch, &above);
  int64_t ties = k - above;
  return kernel.keep_largest(values, indices, n, limit, &ties, values, indices);
}

float keep_batch_top(CpuContext& context, heddle_codes* codes, int64_t most) {
  const Kernels& kernel = kernels();
  ArenaScope scope(context.arena);
  float* scratch = context.arena.need<float>(codes->nnz + kStageSlack, "encode");
  int64_t above = 0;
  const float limit = kernel.kth_largest(codes->values, codes->nnz, most, scratch, &above);
  int64_t ties = most - above, kept = 0, from = 0;
  for (int64_t row = 0; row < codes->rows; ++row) {
    const int64_t to = codes->offsets[row + 1];
    kept += kernel.keep_largest(codes->values + from, codes->indices + from, to - from, limit, &ties,
                                codes->values + kept, codes->indices + kept);
    codes->offsets[row + 1] = kept;
    from = to;
  }
  codes->nnz = kept;
  return limit;
}

}  // namespace heddle::cpu
