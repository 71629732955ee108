// Cross-entropy over the whole catalogue and its gradients, with one pass over the logits.
//
// Rows with a target are taken in blocks of R, items in chunks of 512; a tile is one (block, chunk). Per block:
//  A  per chunk: logits by one product, then e^(logit - chunk maximum) in place, and its sum       [a task per chunk]
//  B  per row: normaliser over chunks in order; factor e^(chunk maximum - normaliser) per chunk
//  C  per chunk: dtable[chunk] += E^T (factor * hidden), part[chunk] = E table[chunk]              [a task per chunk]
//  D  per row: dhidden = sum over chunks in order of factor * part, minus the target's row
// The exponentials of one block are kept between A and C (R chosen so that they stay near 32 MB): logits are computed
// once and never stored as [T,V]. A chunk's rows of dtable belong to one task and see blocks in order: no atomics,
// same bits.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/compute/cross_entropy_kernels.h"
#include "core/compute/gemm_epilogue.h"
#include "core/compute/ops_internal.h"
#include "core/compute/tile_matmul.h"

namespace heddle::cpu {
namespace {

constexpr int64_t kChunk = 512;
constexpr int64_t kRowStep = 64, kMostRows = 256;
constexpr int64_t kTileBudget = int64_t{8} << 20;  // exponentials kept per block

int64_t block_rows(int64_t items) {
  return std::clamp(kTileBudget / std::max<int64_t>(items, 1) / kRowStep * kRowStep, kRowStep, kMostRows);
}

struct Loss {
  CpuContext& ctx;
  const heddle_cross_entropy& args;
  int64_t items, width, count;  // V, d, rows with a target
  const int64_t* rows;          // [count] their indices
  float gradient;               // scale / count
  bool bf16;

  const float* table() const { return data<float>(args.table); }
  bool wants_gradient() const { return args.dhidden || args.dtable || args.dbias; }
};

// Memory of one block, reused for all.
struct Block {
  int64_t begin, rows, padded;
  float* hidden;        // [padded, d], zeros past rows
  int32_t* targets;     // [padded], -1 past rows
  float* tiles;         // [chunk][padded * chunk width], null without gradients
  float* maximum;       // [chunk][padded]; after B the factors
  float* sum;           // [chunk][padded]
  float* normaliser;    // [padded]
  float* target_logit;  // [padded]
  float* parts;         // [chunk][padded * d]
};

void load_block(const Loss& loss, Block& block) {
  const float* hidden = data<float>(loss.args.hidden);
  const auto* targets = data<int32_t>(loss.args.targets);
  for (int64_t r = 0; r < block.padded; ++r) {
    float* to = block.hidden + r * loss.width;
    if (r < block.rows) {
      const int64_t row = loss.rows[block.begin + r];
      std::memcpy(to, hidden + row * row_stride(loss.args.hidden), static_cast<size_t>(loss.width) * sizeof(float));
      block.targets[r] = targets[row];
    } else {
      std::memset(to, 0, static_cast<size_t>(loss.width) * sizeof(float));
      block.targets[r] = -1;
    }
  }
}

void logits_of_chunk(const Loss& loss, const Block& block, int64_t chunk, Arena& scratch) {
  ArenaScope scope(scratch);
  const int64_t first = chunk * kChunk, n = std::min(kChunk, loss.items - first), d = loss.width;
  float* tile = block.tiles ? block.tiles + chunk * kChunk * block.padded
                            : scratch.need<float>(block.padded * n, "cross_entropy");
  tile_matmul({block.padded, n, d, d, d, n, false, true, loss.bf16}, block.hidden, loss.table() + first * d, tile,
              scratch);
  softmax_tile(tile, block.padded, n, loss.args.bias ? data<float>(loss.args.bias) + first : nullptr, block.targets,
               first, block.maximum + chunk * block.padded, block.sum + chunk * block.padded, block.target_logit);
}

void gradients_of_chunk(const Loss& loss, const Block& block, int64_t chunk, Arena& scratch) {
  ArenaScope scope(scratch);
  const int64_t first = chunk * kChunk, n = std::min(kChunk, loss.items - first), d = loss.width, rows = block.padded;
  const float* tile = block.tiles + chunk * kChunk * rows;
  const float* factor = block.maximum + chunk * rows;
  if (loss.args.dhidden) {
    tile_matmul({rows, d, n, n, d, d, false, false, loss.bf16}, tile, loss.table() + first * d,
                block.parts + chunk * rows * d, scratch);
  }
  if (loss.args.dtable) {
    float* scaled = scratch.need<float>(rows * d, "cross_entropy");
    float* change = scratch.need<float>(n * d, "cross_entropy");
    float* to = data<float>(loss.args.dtable) + first * d;
    scale_rows(block.hidden, factor, loss.gradient, scaled, rows, d);
    tile_matmul({n, d, rows, n, d, d, true, false, loss.bf16}, tile, scaled, change, scratch);
    add_to(change, to, n * d);
    for (int64_t r = 0; r < block.rows; ++r) {
      const int64_t at = block.targets[r] - first;
      if (at >= 0 && at < n) add_scaled_row(block.hidden + r * d, -loss.gradient, to + at * d, d);
    }
  }
  if (loss.args.dbias) {
    float* to = data<float>(loss.args.dbias) + first;
    weighted_column_sum(tile, factor, loss.gradient, to, block.rows, n);
    for (int64_t r = 0; r < block.rows; ++r) {
      const int64_t at = block.targets[r] - first;
      if (at >= 0 && at < n) to[at] -= loss.gradient;
    }
  }
}

void gradient_of_row(const Loss& loss, const Block& block, int64_t chunks, int64_t r) {
  float* to = data<float>(loss.args.dhidden) + loss.rows[block.begin + r] * row_stride(loss.args.dhidden);
  for (int64_t c = 0; c < chunks; ++c) {
    const float factor = block.maximum[c * block.padded + r] * loss.gradient;
    add_scaled_row(block.parts + (c * block.padded + r) * loss.width, factor, to, loss.width);
  }
  add_scaled_row(loss.table() + block.targets[r] * loss.width, -loss.gradient, to, loss.width);
}

double run(const Loss& loss) {
  CpuContext& ctx = loss.ctx;
  Arena& arena = ctx.arena;
  const char* op = "cross_entropy";
  const int64_t most = std::min(block_rows(loss.items), ceil_div(loss.count, kRowStep) * kRowStep);
  const int64_t chunks = ceil_div(loss.items, kChunk), d = loss.width;
  Block block{};
  block.hidden = arena.need<float>(most * d, op);
  block.targets = arena.need<int32_t>(most, op);
  block.maximum = arena.need<float>(chunks * most, op);
  block.sum = arena.need<float>(chunks * most, op);
  block.normaliser = arena.need<float>(most, op);
  block.target_logit = arena.need<float>(most, op);
  if (loss.wants_gradient()) block.tiles = arena.need<float>(chunks * kChunk * most, op);
  if (loss.args.dhidden) block.parts = arena.need<float>(chunks * most * d, op);
  double total = 0;
  for (block.begin = 0; block.begin < loss.count; block.begin += most) {
    block.rows = std::min(most, loss.count - block.begin);
    block.padded = ceil_div(block.rows, kRowStep) * kRowStep;
    load_block(loss, block);
    ctx.pool.run(chunks,
                 [&](int64_t chunk, int worker) { logits_of_chunk(loss, block, chunk, ctx.worker_arena(worker)); });
    combine_chunks(block.maximum, block.sum, chunks, block.padded, block.normaliser);
    for (int64_t r = 0; r < block.rows; ++r) total += static_cast<double>(block.normaliser[r]) - block.target_logit[r];
    if (!loss.wants_gradient()) continue;
    ctx.pool.run(chunks,
                 [&](int64_t chunk, int worker) { gradients_of_chunk(loss, block, chunk, ctx.worker_arena(worker)); });
    if (!loss.args.dhidden) continue;
    constexpr int64_t kRowsPerTask = 32;
    ctx.pool.run(ceil_div(block.rows, kRowsPerTask), [&](int64_t task) {
      for (int64_t r = task * kRowsPerTask; r < std::min(block.rows, (task + 1) * kRowsPerTask); ++r)
        gradient_of_row(loss, block, chunks, r);
    });
  }
  return total;
}

}  // namespace

int32_t cross_entropy(void* dc, const heddle_cross_entropy* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = "cross_entropy";
    want_struct(op, args, args ? args->struct_size : 0, sizeof(heddle_cross_entropy));
    want(op, "hidden", args->hidden, DType::f32, {kAny, kAny}, true);
    const int64_t tokens = dim(args->hidden, 0), d = dim(args->hidden, 1);
    want(op, "table", args->table, DType::f32, {kAny, d});
    const int64_t items = dim(args->table, 0);
    want_optional(op, "bias", args->bias, DType::f32, {items});
    want(op, "targets", args->targets, DType::i32, {tokens});
    want_optional(op, "dhidden", args->dhidden, DType::f32, {tokens, d}, true);
    want_optional(op, "dtable", args->dtable, DType::f32, {items, d});
    want_optional(op, "dbias", args->dbias, DType::f32, {items});
    if (args->loss_sum == nullptr || args->count == nullptr)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: loss_sum or count is null", op);
    if (d == 0)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: hidden is {}; accepted: a width of 1 or more", op, shape_text(args->hidden));
    if (args->precision != HEDDLE_PRECISION_F32 && args->precision != HEDDLE_PRECISION_BF16) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: precision is {}; accepted: 0 (f32), 1 (bf16)", op, args->precision);
    }
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    auto* rows = ctx.arena.need<int64_t>(tokens, op);
    int64_t count = 0;
    const auto* targets = data<int32_t>(args->targets);
    for (int64_t t = 0; t < tokens; ++t) {
      if (targets[t] >= items)
        fail(HEDDLE_OUT_OF_RANGE, "{}: targets[{}] is {}; accepted: -1 to {}", op, t, targets[t], items - 1);
      if (targets[t] >= 0) rows[count++] = t;
    }
    if (args->dhidden != nullptr) {
      for (int64_t t = 0; t < tokens; ++t)
        std::fill_n(data<float>(args->dhidden) + t * row_stride(args->dhidden), d, 0.0f);
    }
    *args->count = count;
    *args->loss_sum = 0;
    if (count == 0) return;
    const auto gradient = static_cast<float>(args->scale / static_cast<double>(count));
    *args->loss_sum = run({ctx, *args, items, d, count, rows, gradient, args->precision == HEDDLE_PRECISION_BF16});
  });
}

}  // namespace heddle::cpu
