// Cross-entropy over the whole catalogue and its gradients, with one pass over the logits. Bound by the FMA ports: three
// products of 2 d FLOP per logit, beside one exponential.
//
// Rows with a target are taken in blocks of R, items in chunks; a tile is one (block, chunk). Per block:
//  A  per chunk and group of rows: logits by a product, then e^(logit - chunk maximum) and its sum; while the tile is in
//     L1, part[chunk] = E table[chunk]; E is kept for C
//  B  per row: normaliser over chunks in order, factor e^(chunk maximum - normaliser) per chunk, dhidden = sum over chunks
//     in order of factor * part, minus the target's row
//  C  per chunk: dtable[chunk] += E^T (factor * hidden)
// So logits are computed once and never stored as [T,V]. A chunk's rows of dtable belong to one task and see blocks in
// order: no atomics, same bits. The table is laid out once per call in the two orders that its products read.
//
// bf16: hidden, table, E and factor * hidden are rounded to bf16 where they enter a product; maxima, sums, normalisers and
// all sums of products are f32.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/compute/cross_entropy_kernels.h"
#include "core/compute/matmul_kernels.h"
#include "core/compute/ops_internal.h"
#include "core/compute/simd_convert.h"

namespace heddle::cpu {
namespace {

constexpr const char* kOp = "cross_entropy";
constexpr int64_t kRowStep = 64, kMostRows = 256;
// Exponentials kept per block. They are written and read once; from 10 MB on that went to memory and cost 40 % of the step on
// a machine whose 32 MB of L3 others share.
constexpr int64_t kKeptBytes = int64_t{5} << 20;
// Rows per task of A. They go as many at a time as the product likes: 12 with 512 items are 24 KiB, half of L1.
constexpr int64_t kGroupRows = 96;
constexpr int64_t kRowsPerLoad = 64;
constexpr int64_t kKeptItems = 16;    // of C at a time: one cache line per word of rows
constexpr int64_t kRowsPerTask = 16;  // of B: one vector of rows

// Small catalogues get small chunks, so that there are enough tasks.
int64_t chunk_items(int64_t items) { return items < 8192 ? 256 : 512; }

struct Loss {
  CpuContext& ctx;
  const heddle_cross_entropy& args;
  int64_t items, width, count;  // V, d, rows with a target
  const int64_t* rows;          // [count] their indices
  float gradient;               // scale / count
  ProductInputs by;
  int64_t chunk, chunks;  // items per chunk, number of chunks

  const float* table() const { return data<float>(args.table); }
  bool wants_gradient() const { return args.dhidden || args.dtable || args.dbias; }
  int64_t chunk_size(int64_t c) const { return std::min(chunk, items - c * chunk); }
};

// A word is 4 bytes: a float or two bf16 (matmul_kernels.h).
using Word = uint32_t;

// The table as right side of the two products that read it, chunk by chunk.
struct Table {
  Word* by_width;         // [chunk] of logits: [d, items of the chunk]
  int64_t by_width_step;  // words per chunk
  Word* by_item;          // [chunk] of part: [items of the chunk, d], null without dhidden
  int64_t by_item_step;
};

Table lay_out_table(const Loss& loss) {
  Arena& arena = loss.ctx.arena;
  Table table{};
  table.by_width_step = panel_words(loss.by.kernel, loss.width, loss.chunk);
  table.by_width = arena.need<Word>(loss.chunks * table.by_width_step, kOp);
  table.by_item_step = panel_words(loss.by.kernel, loss.chunk, loss.width);
  if (loss.args.dhidden) table.by_item = arena.need<Word>(loss.chunks * table.by_item_step, kOp);
  loss.ctx.pool.run(loss.chunks, [&](int64_t c) {
    const float* from = loss.table() + c * loss.chunk * loss.width;
    const int64_t n = loss.chunk_size(c);
    lay_out_panels(loss.by.kernel, from, 1, loss.width, loss.width, n, loss.by.round,
                   table.by_width + c * table.by_width_step);
    if (table.by_item) {
      lay_out_panels(loss.by.kernel, from, loss.width, 1, n, loss.width, loss.by.round,
                     table.by_item + c * table.by_item_step);
    }
  });
  return table;
}

// Memory of one block, reused for all. stride: room for rows, a multiple of 16.
struct Block {
  int64_t begin, rows, stride;
  const float* hidden;       // [rows, d]
  const Word* hidden_words;  // [rows, words of d]: as the products read it; hidden itself with f32
  const int32_t* targets;    // [rows]
  Word* kept;  // [chunk][group of kKeptItems] E by item: [words of rows, kKeptItems]; null without dtable and dbias
  int64_t kept_group;   // words per group
  float* maximum;       // [chunk][stride]; after B the factors
  float* sum;           // [chunk][stride]
  float* normaliser;    // [stride]
  float* target_logit;  // [stride]
  float* parts;         // [chunk][stride, d], null without dhidden
};

// All rows with a target, gathered.
struct Rows {
  float* hidden;
  Word* words;
  int32_t* targets;
};

Rows gather_rows(const Loss& loss) {
  Arena& arena = loss.ctx.arena;
  const int64_t d = loss.width, dw = loss.by.words(d), stride = row_stride(loss.args.hidden);
  const bool own_words = loss.by.pairs || loss.by.round;
  Rows rows{arena.need<float>(loss.count * d, kOp), nullptr, arena.need<int32_t>(loss.count, kOp)};
  rows.words = own_words ? arena.need<Word>(loss.count * dw, kOp) : reinterpret_cast<Word*>(rows.hidden);
  loss.ctx.pool.run(ceil_div(loss.count, kRowsPerLoad), [&](int64_t task) {
    for (int64_t r = task * kRowsPerLoad; r < std::min(loss.count, (task + 1) * kRowsPerLoad); ++r) {
      float* to = rows.hidden + r * d;
      std::memcpy(to, data<float>(loss.args.hidden) + loss.rows[r] * stride, static_cast<size_t>(d) * sizeof(float));
      rows.targets[r] = data<int32_t>(loss.args.targets)[loss.rows[r]];
      if (own_words) loss.by.lay_out_row(to, d, rows.words + r * dw);
    }
  });
  return rows;
}

// Rows [first, first + rows) of the block against a chunk.
void exponentials(const Loss& loss, const Table& table, const Block& block, int64_t c, int64_t first, int64_t rows,
                  Arena& scratch) {
  const int64_t n = loss.chunk_size(c), d = loss.width, dw = loss.by.words(d), nw = loss.by.words(n),
                tile_rows = loss.by.kernel.rows;
  float* tile = scratch.need<float>(tile_rows * n, kOp);
  Word* left = loss.by.pairs ? scratch.need<Word>(tile_rows * nw, kOp) : reinterpret_cast<Word*>(tile);
  Word* kept = block.kept ? block.kept + c * loss.chunk / kKeptItems * block.kept_group : nullptr;
  const float* bias = loss.args.bias ? data<float>(loss.args.bias) + c * loss.chunk : nullptr;
  for (int64_t r = first; r < first + rows; r += tile_rows) {
    const int64_t m = std::min(tile_rows, first + rows - r);
    loss.by.kernel.multiply({m, n, dw, block.hidden_words + r * dw, dw, 1, table.by_width + c * table.by_width_step,
                             dw * loss.by.kernel.panel, tile, n, false});
    softmax_tile(tile, m, n, bias, block.targets + r, c * loss.chunk, block.maximum + c * block.stride + r,
                 block.sum + c * block.stride + r, block.target_logit + r);
    if (!loss.wants_gradient()) continue;
    if (loss.by.round) round_to_bf16(tile, tile, m * n);
    Word* to = kept ? kept + loss.by.words(r) * kKeptItems : nullptr;
    if (loss.by.pairs) {
      pair_rows(tile, m, n, left, nw, to, block.kept_group);
    } else if (to) {
      keep_rows(tile, m, n, reinterpret_cast<float*>(to), block.kept_group);
    }
    if (loss.args.dhidden) {
      loss.by.kernel.multiply({m, d, nw, left, nw, 1, table.by_item + c * table.by_item_step, nw * loss.by.kernel.panel,
                               block.parts + (c * block.stride + r) * d, d, false});
    }
  }
}

// B for rows [first, first + kRowsPerTask); rows beyond the block's are room, and are not written out.
void finish_rows(const Loss& loss, const Block& block, int64_t first) {
  combine_chunks(block.maximum + first, block.sum + first, loss.chunks, block.stride, block.normaliser + first);
  if (!loss.args.dhidden) return;
  for (int64_t r = first; r < std::min(block.rows, first + kRowsPerTask); ++r) {
    float* to = data<float>(loss.args.dhidden) + loss.rows[block.begin + r] * row_stride(loss.args.dhidden);
    for (int64_t c = 0; c < loss.chunks; ++c) {
      const float factor = block.maximum[c * block.stride + r] * loss.gradient;
      add_scaled_row(block.parts + (c * block.stride + r) * loss.width, factor, to, loss.width);
    }
    add_scaled_row(loss.table() + block.targets[r] * loss.width, -loss.gradient, to, loss.width);
  }
}

// C for a chunk.
void table_gradient(const Loss& loss, const Block& block, int64_t c, Arena& scratch) {
  const int64_t n = loss.chunk_size(c), d = loss.width, rows = block.rows, rw = loss.by.words(rows),
                first = c * loss.chunk;
  const Word* kept = block.kept + first / kKeptItems * block.kept_group;
  const float* factor = block.maximum + c * block.stride;
  const auto multiply = [&](const float* right, int64_t columns, float* to) {
    Word* panels = scratch.need<Word>(panel_words(loss.by.kernel, rows, columns), kOp);
    lay_out_panels(loss.by.kernel, right, columns, 1, rows, columns, loss.by.round, panels);
    for (int64_t at = 0; at < n; at += kKeptItems) {
      loss.by.kernel.multiply({std::min(kKeptItems, n - at), columns, rw, kept + at / kKeptItems * block.kept_group, 1,
                               kKeptItems, panels, rw * loss.by.kernel.panel, to + at * columns, columns, true});
    }
  };
  float* scaled = scratch.need<float>(rows * d, kOp);
  float* to = loss.args.dtable ? data<float>(loss.args.dtable) + first * d : nullptr;
  float* to_bias = loss.args.dbias ? data<float>(loss.args.dbias) + first : nullptr;
  if (to) {
    scale_rows(block.hidden, factor, loss.gradient, scaled, rows, d);
    multiply(scaled, d, to);
  }
  if (to_bias) {
    for (int64_t r = 0; r < rows; ++r) scaled[r] = factor[r] * loss.gradient;
    multiply(scaled, 1, to_bias);
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = block.targets[r] - first;
    if (at < 0 || at >= n) continue;
    if (to) add_scaled_row(block.hidden + r * d, -loss.gradient, to + at * d, d);
    if (to_bias) to_bias[at] -= loss.gradient;
  }
}

double run(const Loss& loss) {
  CpuContext& ctx = loss.ctx;
  Arena& arena = ctx.arena;
  const int64_t kept_row = loss.chunks * loss.chunk * 4 / loss.by.kernel.depth;
  const int64_t most = std::min(std::clamp(kKeptBytes / kept_row / kRowStep * kRowStep, kRowStep, kMostRows),
                                ceil_div(loss.count, kRowsPerTask) * kRowsPerTask);
  const int64_t chunks = loss.chunks, d = loss.width;
  const Table table = lay_out_table(loss);
  const Rows rows = gather_rows(loss);
  Block block{};
  block.stride = most;
  block.maximum = arena.need<float>(chunks * most, kOp);
  block.sum = arena.need<float>(chunks * most, kOp);
  block.normaliser = arena.need<float>(most, kOp);
  block.target_logit = arena.need<float>(most, kOp);
  const bool by_item = loss.args.dtable || loss.args.dbias;
  block.kept_group = loss.by.words(most) * kKeptItems + kKeptItems;  // a line more: not all groups in one set of L1
  if (by_item) block.kept = arena.need<Word>(chunks * loss.chunk / kKeptItems * block.kept_group, kOp);
  if (loss.args.dhidden) block.parts = arena.need<float>(chunks * most * d, kOp);
  // Rows of the last vector beyond a block's: any finite numbers.
  std::fill_n(block.maximum, chunks * most, 0.0f);
  std::fill_n(block.sum, chunks * most, 1.0f);
  double total = 0;
  for (block.begin = 0; block.begin < loss.count; block.begin += most) {
    block.rows = std::min(most, loss.count - block.begin);
    block.hidden = rows.hidden + block.begin * d;
    block.hidden_words = rows.words + block.begin * loss.by.words(d);
    block.targets = rows.targets + block.begin;
    const int64_t groups = ceil_div(block.rows, kGroupRows);
    ctx.pool.run(chunks * groups, [&](int64_t task, int worker) {
      Arena& scratch = ctx.worker_arena(worker);
      ArenaScope scope(scratch);
      const int64_t first = task % groups * kGroupRows;
      exponentials(loss, table, block, task / groups, first, std::min(kGroupRows, block.rows - first), scratch);
    });
    ctx.pool.run(ceil_div(block.rows, kRowsPerTask),
                 [&](int64_t task) { finish_rows(loss, block, task * kRowsPerTask); });
    for (int64_t r = 0; r < block.rows; ++r) total += static_cast<double>(block.normaliser[r]) - block.target_logit[r];
    if (!by_item) continue;
    ctx.pool.run(chunks, [&](int64_t chunk, int worker) {
      Arena& scratch = ctx.worker_arena(worker);
      ArenaScope scope(scratch);
      table_gradient(loss, block, chunk, scratch);
    });
  }
  return total;
}

}  // namespace

int32_t cross_entropy(void* dc, const heddle_cross_entropy* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = kOp;
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
      ctx.pool.run(ceil_div(tokens, kRowsPerLoad), [&](int64_t task) {
        for (int64_t t = task * kRowsPerLoad; t < std::min(tokens, (task + 1) * kRowsPerLoad); ++t)
          std::fill_n(data<float>(args->dhidden) + t * row_stride(args->dhidden), d, 0.0f);
      });
    }
    *args->count = count;
    *args->loss_sum = 0;
    if (count == 0) return;
    const auto gradient = static_cast<float>(args->scale / static_cast<double>(count));
    const int64_t chunk = chunk_items(items);
    *args->loss_sum = run({ctx, *args, items, d, count, rows, gradient,
                           ProductInputs(args->precision == HEDDLE_PRECISION_BF16), chunk, ceil_div(items, chunk)});
  });
}

}  // namespace heddle::cpu
