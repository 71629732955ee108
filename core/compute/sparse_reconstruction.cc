// Reconstruction losses and their gradients. The three kinds are kept apart because the literature mixes them: the
// paper's preset is the un-squared norm (dictionary_learning before 2024-12-26).
#include <algorithm>
#include <cmath>

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {

int32_t reconstruction(void* dc, const heddle_reconstruction* args, heddle_error* error) {
  return guarded(error, [&] {
    constexpr const char* op = "reconstruction";
    want_arguments(op, args, args ? args->struct_size : 0, sizeof(heddle_reconstruction), args ? args->flags : 0);
    want(op, "x", args->x, DType::f32, {kAny, kAny}, true);
    const int64_t rows = dim(args->x, 0), d = dim(args->x, 1);
    want(op, "y", args->y, DType::f32, {rows, d}, true);
    if (args->dy) want(op, "dy", args->dy, DType::f32, {rows, d}, true);
    if (args->kind < HEDDLE_RECONSTRUCTION_L2_NORM || args->kind > HEDDLE_RECONSTRUCTION_MSE_MEAN) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: kind is {}; accepted: 0 (l2_norm), 1 (l2_squared), 2 (mse_mean)", op,
           args->kind);
    }
    if (args->loss == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: loss is null", op);
    *args->loss = 0;
    if (rows == 0 || d == 0) return;
    const bool norm = args->kind == HEDDLE_RECONSTRUCTION_L2_NORM;
    const double share = 1.0 / (static_cast<double>(rows) *
                                (args->kind == HEDDLE_RECONSTRUCTION_MSE_MEAN ? static_cast<double>(d) : 1.0));
    const float* x = data<float>(args->x);
    const float* y = data<float>(args->y);
    float* dy = data<float>(args->dy);
    const sparse::Kernels& kernel = sparse::kernels();
    CpuContext& c = context(dc);
    ArenaScope scope(c.arena);
    const int64_t tasks = ceil_div(rows, kTaskRows);
    double* sums = c.arena.need<double>(tasks, op);
    c.pool.run(tasks, [&](int64_t task) {
      double sum = 0;
      for (int64_t b = task * kTaskRows; b < std::min((task + 1) * kTaskRows, rows); ++b) {
        float* to = dy ? dy + b * rows_apart(args->dy) : nullptr;
        const double squares = kernel.residual_row(x + b * rows_apart(args->x), y + b * rows_apart(args->y), d, to);
        const double length = norm ? std::sqrt(squares) : 0;
        sum += norm ? length : squares;
        if (to == nullptr || (norm && length == 0)) continue;  // gradient 0 where the norm is 0: to holds zeros
        kernel.scale_row(static_cast<float>(args->scale * share * (norm ? 1 / length : 2)), d, to);
      }
      sums[task] = sum;
    });
    double total = 0;
    for (int64_t task = 0; task < tasks; ++task) total += sums[task];
    *args->loss = total * share;
  });
}

}  // namespace heddle::cpu
