// The op table of the CPU device.
#include <cstring>

#include <mutex>

#include "core/compute/ops_internal.h"

namespace heddle::cpu {

const heddle_ops& cpu_ops() {
  static const heddle_ops table = {
      .struct_size = sizeof(heddle_ops),
      .flags = 0,
      .supports = supports,
      .gemm = gemm,
      .activation_backward = activation_backward,
      .layer_norm = layer_norm,
      .layer_norm_backward = layer_norm_backward,
      .attention = attention,
      .attention_backward = attention_backward,
      .cross_entropy = cross_entropy,
      .top_n = top_n,
      .dropout = dropout,
      .gather_rows = gather_rows,
      .scatter_add_rows = scatter_add_rows,
      .axpby = axpby,
      .fill = fill,
      .copy = copy,
      .affine_columns = affine_columns,
      .sum_rows = sum_rows,
      .column_moments = column_moments,
      .sum_squares = sum_squares,
      .normalize_rows = normalize_rows,
      .adam = adam,
      .random_uniform = random_uniform,
      .random_normal = random_normal,
      .codes_create = codes_create,
      .codes_destroy = codes_destroy,
      .encode = encode,
      .codes_from_dense = codes_from_dense,
      .codes_to_dense = codes_to_dense,
      .decode = decode,
      .codes_backward = codes_backward,
      .codes_weight_gradient = codes_weight_gradient,
      .codes_column_sum = codes_column_sum,
      .codes_count = codes_count,
      .codes_summary = codes_summary,
      .codes_set = codes_set,
      .threshold_backward = threshold_backward,
      .reconstruction = reconstruction,
      .parallel_for = parallel_for,
      .attention_suffix = attention_suffix,
      .sample_candidates = sample_candidates,
      .candidate_loss = candidate_loss,
  };
  return table;
}

int32_t supports(void*, const char* name, DLDataType dtype) {
  if (name == nullptr || dtype.lanes != 1) return 0;
  static constexpr const char* kNames[] = {"gemm",
                                           "activation_backward",
                                           "layer_norm",
                                           "layer_norm_backward",
                                           "attention",
                                           "attention_backward",
                                           "cross_entropy",
                                           "top_n",
                                           "dropout",
                                           "gather_rows",
                                           "scatter_add_rows",
                                           "axpby",
                                           "fill",
                                           "copy",
                                           "affine_columns",
                                           "sum_rows",
                                           "column_moments",
                                           "sum_squares",
                                           "normalize_rows",
                                           "adam",
                                           "random_uniform",
                                           "random_normal",
                                           "codes_create",
                                           "codes_destroy",
                                           "codes_count",
                                           "codes_summary",
                                           "encode",
                                           "codes_from_dense",
                                           "codes_to_dense",
                                           "decode",
                                           "codes_backward",
                                           "codes_weight_gradient",
                                           "codes_column_sum",
                                           "codes_set",
                                           "threshold_backward",
                                           "reconstruction",
                                           "attention_suffix",
                                           "sample_candidates",
                                           "candidate_loss"};
  const bool f32 = dtype.code == kDLFloat && dtype.bits == 32;
  const bool bf16 = dtype.code == kDLBfloat && dtype.bits == 16;
  const bool f64 = dtype.code == kDLFloat && dtype.bits == 64;
  const bool i32 = dtype.code == kDLInt && dtype.bits == 32;
  bool known = false;
  for (const char* slot : kNames) known = known || std::strcmp(slot, name) == 0;
  if (!known) return 0;
  if (std::strcmp(name, "copy") == 0 || std::strcmp(name, "fill") == 0) return f32 || bf16 || f64 || i32;
  // bf16 here means HEDDLE_PRECISION_BF16: f32 tensors whose values are rounded on the way into the product.
  if (std::strcmp(name, "gemm") == 0 || std::strcmp(name, "cross_entropy") == 0 || std::strcmp(name, "encode") == 0)
    return f32 || bf16;
  return f32;
}

int32_t parallel_for(void* dc, int64_t n, heddle_task task, void* arg, heddle_error* error) {
  return guarded(error, [&] {
    if (task == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "parallel_for: task is null");
    // Every task runs even after a failure, so that the lowest failing index is the same on every run.
    std::mutex mutex;
    int64_t failed = n;
    int32_t status = HEDDLE_OK;
    std::string message;
    context(dc).pool.run(n, [&](int64_t index) {
      {
        std::lock_guard lock(mutex);
        if (index > failed) return;
      }
      ErrorBuffer task_error;
      const int32_t code = task(arg, index, task_error);
      if (code == HEDDLE_OK) return;
      std::lock_guard lock(mutex);
      if (index < failed) {
        failed = index;
        status = code;
        message = task_error.message();
      }
    });
    if (status != HEDDLE_OK) throw Error(status, message);
  });
}

}  // namespace heddle::cpu
