// Inside of the CPU device: what every op body has in hand, and the op bodies themselves (same signatures as the
// slots of heddle_ops). Dense ops live in one file each (gemm.cc, attention.cc ...), sparse ones in sparse_*.cc;
// cpu_ops.cc puts the table together. dc is a CpuContext*. [worker] throughout.
//
// Pattern of an op:
//   int32_t layer_norm(void* dc, const heddle_layer_norm* args, heddle_error* error) {
//     return guarded(error, [&] { ... want(...); context(dc).pool.run(tasks, [&](int64_t task, int worker) {...}); });
//   }
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/compute/arena.h"
#include "core/compute/isa.h"
#include "core/compute/pool.h"
#include "core/compute/tensor.h"
#include "heddle/abi.h"

namespace heddle::cpu {

struct CpuDevice {
  CpuDevice(int threads, IsaLevel level);
  IsaLevel isa;
  ThreadPool pool;
  std::string name;
};

// State of one stream of work. `arena` is the op's own scratch (touched by the calling thread only, before or between
// pool.run); `workers[w].arena` is for worker w inside a task. Take both through ArenaScope.
struct CpuContext {
  explicit CpuContext(CpuDevice& owner);
  struct Worker {
    Arena arena;
  };
  CpuDevice& device;
  ThreadPool& pool;
  IsaLevel isa;
  Arena arena;
  std::vector<std::unique_ptr<Worker>> workers;
  Arena& worker_arena(int worker) { return workers[static_cast<size_t>(worker)]->arena; }
};

inline CpuContext& context(void* dc) { return *static_cast<CpuContext*>(dc); }

// Runs f and turns exceptions into status and message.
int32_t report(heddle_error* error) noexcept;  // inside a catch block: the current exception
template <class F>
int32_t guarded(heddle_error* error, F&& f) noexcept {
  try {
    f();
    return HEDDLE_OK;
  } catch (...) {
    return report(error);
  }
}

// -- checks of arguments. All throw INVALID_ARGUMENT naming op, tensor, what was found and what is accepted --
constexpr int64_t kAny = -1;
// Dense rows unless `strided`: then the last dimension is contiguous and rows may lie further apart.
void want(const char* op, const char* name, const DLTensor* tensor, DType type, std::initializer_list<int64_t> shape,
          bool strided = false);
inline void want_optional(const char* op, const char* name, const DLTensor* tensor, DType type,
                          std::initializer_list<int64_t> shape, bool strided = false) {
  if (tensor != nullptr) want(op, name, tensor, type, shape, strided);
}
void want_struct(const char* op, const void* args, uint32_t size, uint32_t expected);

inline int64_t dim(const DLTensor* tensor, int i) { return tensor->shape[i]; }
inline int64_t row_stride(const DLTensor* tensor) { return tensor->ndim < 2 ? 0 : tensor->strides[tensor->ndim - 2]; }
int64_t elements(const DLTensor* tensor);
template <class T>
T* data(DLTensor* tensor) {
  return tensor ? static_cast<T*>(tensor->data) : nullptr;
}
template <class T>
const T* data(const DLTensor* tensor) {
  return tensor ? static_cast<const T*>(tensor->data) : nullptr;
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
// Elements of the blocks into which elementwise ops are cut: 64 KiB of f32, small enough for L2, large beside a
// hand-over.
constexpr int64_t kBlock = 16384;

// -- dense ops --
int32_t supports(void* dc, const char* name, DLDataType dtype);
int32_t gemm(void* dc, const heddle_gemm* args, heddle_error* error);
int32_t activation_backward(void* dc, int32_t activation, const DLTensor* pre, const DLTensor* dy, DLTensor* dpre,
                            heddle_error* error);
int32_t layer_norm(void* dc, const heddle_layer_norm* args, heddle_error* error);
int32_t layer_norm_backward(void* dc, const heddle_layer_norm_backward* args, heddle_error* error);
int32_t attention(void* dc, const heddle_attention* args, heddle_error* error);
int32_t attention_backward(void* dc, const heddle_attention_backward* args, heddle_error* error);
int32_t attention_suffix(void* dc, const heddle_attention_suffix* args, heddle_error* error);
int32_t cross_entropy(void* dc, const heddle_cross_entropy* args, heddle_error* error);
int32_t top_n(void* dc, const heddle_top_n* args, heddle_error* error);
int32_t dropout(void* dc, double p, heddle_rng_key rng, const DLTensor* x, DLTensor* y, heddle_error* error);
int32_t gather_rows(void* dc, const DLTensor* table, const DLTensor* index, DLTensor* out, heddle_error* error);
int32_t scatter_add_rows(void* dc, const DLTensor* rows, const DLTensor* index, DLTensor* table, heddle_error* error);
int32_t axpby(void* dc, float alpha, const DLTensor* x, float beta, DLTensor* y, heddle_error* error);
int32_t fill(void* dc, double value, DLTensor* y, heddle_error* error);
int32_t copy(void* dc, const DLTensor* x, DLTensor* y, heddle_error* error);
int32_t affine_columns(void* dc, int32_t inverse, const DLTensor* x, const DLTensor* center, const DLTensor* scale,
                       DLTensor* y, heddle_error* error);
int32_t sum_rows(void* dc, const DLTensor* x, DLTensor* out, heddle_error* error);
int32_t column_moments(void* dc, const DLTensor* x, DLTensor* mean, DLTensor* variance, heddle_error* error);
int32_t sum_squares(void* dc, const DLTensor* x, double* out, heddle_error* error);
int32_t normalize_rows(void* dc, DLTensor* x, heddle_error* error);
int32_t adam(void* dc, const heddle_adam* args, heddle_error* error);
int32_t random_uniform(void* dc, heddle_rng_key rng, double low, double high, DLTensor* y, heddle_error* error);
int32_t random_normal(void* dc, heddle_rng_key rng, double deviation, DLTensor* y, heddle_error* error);
int32_t parallel_for(void* dc, int64_t n, heddle_task task, void* arg, heddle_error* error);

// -- sparse ops (sparse_*.cc) --
int32_t codes_create(void* dc, heddle_codes** out, heddle_error* error);
void codes_destroy(void* dc, heddle_codes* codes);
int32_t encode(void* dc, const heddle_encode* args, heddle_error* error);
int32_t codes_from_dense(void* dc, const DLTensor* dense, heddle_codes* codes, heddle_error* error);
int32_t codes_to_dense(void* dc, const heddle_codes* codes, DLTensor* dense, heddle_error* error);
int32_t decode(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* weight,
               const DLTensor* bias, DLTensor* y, heddle_error* error);
int32_t codes_backward(void* dc, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight, double l1,
                       DLTensor* dvalues, heddle_error* error);
int32_t codes_weight_gradient(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* rows,
                              const DLTensor* center, DLTensor* dweight, heddle_error* error);
int32_t codes_column_sum(void* dc, const heddle_codes* codes, const DLTensor* values, DLTensor* out,
                         heddle_error* error);
int32_t codes_count(void* dc, const heddle_codes* codes, DLTensor* fired, heddle_error* error);
int32_t codes_summary(void* dc, const heddle_codes* codes, double* sum_abs, int64_t* active, double* smallest,
                      heddle_error* error);
int32_t codes_set(void* dc, heddle_codes* codes, int64_t feature, float value, const DLTensor* rows,
                  heddle_error* error);
int32_t threshold_backward(void* dc, const heddle_threshold_backward* args, heddle_error* error);
int32_t reconstruction(void* dc, const heddle_reconstruction* args, heddle_error* error);
int32_t sample_candidates(void* dc, const heddle_sample_candidates* args, heddle_error* error);
int32_t candidate_loss(void* dc, const heddle_candidate_loss* args, heddle_error* error);

// The table of all of them.
const heddle_ops& cpu_ops();

}  // namespace heddle::cpu
