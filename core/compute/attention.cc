// Multi-head attention over packed sequences: one task per (sequence, head), whatever the number of threads. The
// kernels are in attention_kernels.cc.
#include <cmath>

#include "core/compute/attention_kernels.h"
#include "core/compute/ops_internal.h"
#include "core/compute/rng.h"

namespace heddle::cpu {
namespace {

struct Shape {
  int64_t tokens, width, heads, sequences;
  const int64_t* offsets;
};

Shape check(const char* op, const heddle_attention* args) {
  want_struct(op, args, args ? args->struct_size : 0, sizeof(heddle_attention));
  want(op, "q", args->q, DType::f32, {kAny, kAny}, true);
  const int64_t tokens = dim(args->q, 0), width = dim(args->q, 1);
  want(op, "k", args->k, DType::f32, {tokens, width}, true);
  want(op, "v", args->v, DType::f32, {tokens, width}, true);
  want(op, "out", args->out, DType::f32, {tokens, width}, true);
  if (args->heads < 1 || width % args->heads != 0) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} heads for q {}; accepted: a divisor of the width", op, args->heads,
         shape_text(args->q));
  }
  want_optional(op, "key_mask", args->key_mask, DType::u8, {tokens});
  want_optional(op, "log_sum_exp", args->log_sum_exp, DType::f32, {tokens, args->heads});
  if (!(args->dropout >= 0 && args->dropout < 1))
    fail(HEDDLE_INVALID_ARGUMENT, "{}: dropout is {}; accepted: [0,1)", op, args->dropout);
  want(op, "offsets", args->offsets, DType::i64, {kAny});
  const int64_t sequences = dim(args->offsets, 0) - 1;
  const auto* offsets = data<int64_t>(args->offsets);
  if (sequences < 0 || offsets[0] != 0 || offsets[sequences] != tokens) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: offsets {} run to {}; accepted: from 0 to {} (tokens)", op,
         shape_text(args->offsets), sequences < 0 ? -1 : offsets[sequences], tokens);
  }
  for (int64_t s = 0; s < sequences; ++s) {
    if (offsets[s + 1] < offsets[s])
      fail(HEDDLE_INVALID_ARGUMENT, "{}: offsets fall from {} to {} at sequence {}", op, offsets[s], offsets[s + 1], s);
  }
  return {tokens, width, args->heads, sequences, offsets};
}

AttentionTask make_task(const heddle_attention& a, const Shape& shape, int64_t index) {
  const int64_t s = index / shape.heads, head = index % shape.heads, first = shape.offsets[s];
  const int64_t width = shape.width / shape.heads, column = head * width;
  AttentionTask t{};
  t.length = shape.offsets[s + 1] - first;
  t.width = width;
  t.causal = a.causal != 0;
  t.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width)));
  t.ldq = row_stride(a.q);
  t.ldk = row_stride(a.k);
  t.ldv = row_stride(a.v);
  t.ldo = row_stride(a.out);
  t.q = data<float>(a.q) + first * t.ldq + column;
  t.k = data<float>(a.k) + first * t.ldk + column;
  t.v = data<float>(a.v) + first * t.ldv + column;
  t.out = data<float>(a.out) + first * t.ldo + column;
  t.key_mask = a.key_mask ? data<uint8_t>(a.key_mask) + first : nullptr;
  t.rng = rng_substream(a.rng, static_cast<uint64_t>(head));
  t.threshold = static_cast<uint32_t>(std::ceil(a.dropout * 0x1p24));
  t.keep_scale = static_cast<float>(1 / (1 - a.dropout));
  t.first_row = first;
  t.ldl = shape.heads;
  t.log_sum_exp = a.log_sum_exp ? data<float>(a.log_sum_exp) + first * t.ldl + head : nullptr;
  return t;
}

AttentionTask make_backward_task(const heddle_attention_backward& a, const Shape& shape, int64_t index) {
  AttentionTask task = make_task(*a.forward, shape, index);
  const int64_t first = task.first_row, column = index % shape.heads * task.width;
  task.lddo = row_stride(a.dout);
  task.lddq = row_stride(a.dq);
  task.lddk = row_stride(a.dk);
  task.lddv = row_stride(a.dv);
  task.dout = data<float>(a.dout) + first * task.lddo + column;
  task.dq = data<float>(a.dq) + first * task.lddq + column;
  task.dk = data<float>(a.dk) + first * task.lddk + column;
  task.dv = data<float>(a.dv) + first * task.lddv + column;
  return task;
}

// run(task, next, worker) for every (sequence, head). Tasks are handed out in order, so with n threads a thread's next
// one is most likely n further on.
template <class Make, class Run>
void over_tasks(CpuContext& ctx, const Shape& shape, Make&& make, Run&& run) {
  const int64_t tasks = shape.sequences * shape.heads;
  ctx.pool.run(tasks, [&](int64_t index, int worker) {
    const AttentionTask task = make(index);
    if (task.length == 0) return;
    const int64_t ahead = index + ctx.pool.threads();
    const AttentionTask next = ahead < tasks ? make(ahead) : AttentionTask{};
    Arena& scratch = ctx.worker_arena(worker);
    ArenaScope scope(scratch);
    run(task, ahead < tasks ? &next : nullptr, scratch);
  });
}

}  // namespace

int32_t attention(void* dc, const heddle_attention* args, heddle_error* error) {
  return guarded(error, [&] {
    const Shape shape = check("attention", args);
    if (shape.width == 0) return;
    over_tasks(
        context(dc), shape, [&](int64_t index) { return make_task(*args, shape, index); },
        [](const AttentionTask& task, const AttentionTask* next, Arena& scratch) {
          attention_forward(task, next,
                            scratch.need<float>(attention_scratch(task.length, task.width, false), "attention"));
        });
  });
}

int32_t attention_backward(void* dc, const heddle_attention_backward* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = "attention_backward";
    want_struct(op, args, args ? args->struct_size : 0, sizeof(heddle_attention_backward));
    const Shape shape = check(op, args->forward);
    want(op, "log_sum_exp", args->forward->log_sum_exp, DType::f32, {shape.tokens, shape.heads});
    want(op, "dout", args->dout, DType::f32, {shape.tokens, shape.width}, true);
    want(op, "dq", args->dq, DType::f32, {shape.tokens, shape.width}, true);
    want(op, "dk", args->dk, DType::f32, {shape.tokens, shape.width}, true);
    want(op, "dv", args->dv, DType::f32, {shape.tokens, shape.width}, true);
    if (shape.width == 0) return;
    over_tasks(
        context(dc), shape, [&](int64_t index) { return make_backward_task(*args, shape, index); },
        [&](const AttentionTask& task, const AttentionTask* next, Arena& scratch) {
          attention_backward_task(task, next,
                                  scratch.need<float>(attention_scratch(task.length, task.width, true), op));
        });
  });
}

}  // namespace heddle::cpu
