// Matrix product with epilogue, and the backward of its activation.
//
// Bound by memory on both sides of the arithmetic: a transformer's products have 64 to 256 columns and as much depth,
// few operations per byte. 8192 x 64 x 256 takes .68 ms in bf16 on two cores, of which the dot instruction needs .3,
// and writes 16 MB (pre and c); weight gradients read 10 MB in .54 ms. Benchmarks: gemm_forward, gemm_weight_gradient.
//
// B is laid out in panels (matmul_kernels.h), once for all row tiles of C or, where there is only one, by each task for
// itself; a tile's product goes through the epilogue while it is in L1. K is cut into chunks of 512, which are added in
// index order. A number of C is one chain of multiply-adds per chunk: its bits depend neither on the tiles nor on who
// computes them, so a row's bits do not depend on how many rows share the call.
#include <algorithm>
#include <cstring>

#include "core/compute/gemm_epilogue.h"
#include "core/compute/matmul_kernels.h"
#include "core/compute/ops_internal.h"

namespace heddle::cpu {
namespace {

constexpr int64_t kTileN = 256, kChunkK = 512;
// Rows of a tile. A weight gradient, whose A is transposed, has few rows and much depth: one tile holds them all.
constexpr int64_t kTileM = 96, kTileMTransposed = 256;
// With fewer tiles than this, chunks of K are spread over the pool as well.
constexpr int64_t kEnoughTiles = 16;
// Numbers of C from which on `pre` goes past the caches.
constexpr int64_t kStreamFrom = int64_t{1} << 20;

struct Problem {
  bool ta, tb;
  int64_t m, n, k;
  const float *a, *b;
  int64_t lda, ldb;
  ProductInputs by;
  const std::byte* panels = nullptr;  // of all of B, if laid out beforehand

  int64_t words(int64_t depth) const { return by.words(depth); }
};

struct Grid {
  explicit Grid(const Problem& p)
      : tile_m(p.ta ? kTileMTransposed : kTileM),
        rows(ceil_div(p.m, tile_m)),
        columns(ceil_div(p.n, kTileN)),
        tiles(rows * columns),
        chunks(std::max<int64_t>(1, ceil_div(p.k, kChunkK))),
        size(std::min(tile_m, p.m) * std::min(kTileN, p.n)) {}
  int64_t row(int64_t tile) const { return tile / columns * tile_m; }
  int64_t column(int64_t tile) const { return tile % columns * kTileN; }
  int64_t tile_m, rows, columns, tiles, chunks, size;
};

// Part of C, and of the depth.
struct Part {
  int64_t m0, m, n0, n, k0, k;
};

Part part_of(const Problem& p, const Grid& grid, int64_t tile, int64_t chunk) {
  const int64_t m0 = grid.row(tile), n0 = grid.column(tile), k0 = chunk * kChunkK;
  return {m0, std::min(grid.tile_m, p.m - m0), n0, std::min(kTileN, p.n - n0), k0, std::min(kChunkK, p.k - k0)};
}

// Panels of a chunk of B lie together, chunk by chunk.
int64_t chunk_words(const Problem& p) { return panel_words(p.by.kernel, std::min(kChunkK, p.k), p.n); }
int64_t panel_offset(const Problem& p, int64_t n0, int64_t k0) {
  return 4 * (chunk_words(p) * (k0 / kChunkK) + n0 * p.words(std::min(kChunkK, p.k - k0)));
}

void lay_out(const Problem& p, int64_t n0, int64_t n, int64_t k0, int64_t k, void* to) {
  lay_out_panels(p.by.kernel, p.b + (p.tb ? n0 * p.ldb + k0 : k0 * p.ldb + n0), p.tb ? 1 : p.ldb, p.tb ? p.ldb : 1, k,
                 n, p.by.round, to);
}

void lay_out_all(CpuContext& context, Problem& p, const Grid& grid) {
  auto* panels =
      static_cast<std::byte*>(context.arena.need(static_cast<size_t>(4 * grid.chunks * chunk_words(p)), "gemm"));
  const int64_t width = p.by.kernel.panel, across = ceil_div(p.n, width);
  context.pool.run(across * grid.chunks, [&](int64_t task) {
    const int64_t n0 = task % across * width, k0 = task / across * kChunkK;
    lay_out(p, n0, std::min(width, p.n - n0), k0, std::min(kChunkK, p.k - k0), panels + panel_offset(p, n0, k0));
  });
  p.panels = panels;
}

// Rows of op(A) as the kernel takes them.
struct Left {
  const void* words;
  int64_t row, k;
};

Left left_of(const Problem& p, const Part& part, Arena& scratch) {
  const float* a = p.a + (p.ta ? part.k0 * p.lda + part.m0 : part.m0 * p.lda + part.k0);
  if (!p.by.pairs && !p.by.round) return {a, p.ta ? 1 : p.lda, p.ta ? p.lda : 1};
  if (p.by.pairs && p.ta) {  // pairs of rows: what one panel as wide as the tile would be
    auto* to = scratch.need<uint32_t>(p.words(part.k) * part.m, "gemm");
    lay_out_panels({part.m, 2, 0, nullptr}, a, p.lda, 1, part.k, part.m, false, to);
    return {to, 1, part.m};
  }
  const int64_t rows = p.ta ? part.k : part.m, columns = p.ta ? part.m : part.k, words = p.words(columns);
  auto* to = scratch.need<uint32_t>(rows * words, "gemm");
  for (int64_t r = 0; r < rows; ++r) p.by.lay_out_row(a + r * p.lda, columns, to + r * words);
  return {to, p.ta ? 1 : words, p.ta ? columns : 1};
}

// A part's product, panel by panel, each handed to done(product, ld, first column in the part, columns) at once. `to`:
// where the product goes, rows ld apart; null = a piece of scratch that the next panel takes again.
template <class Done>
void multiply(const Problem& p, const Part& part, float* to, int64_t ld, Arena& scratch, Done&& done) {
  ArenaScope scope(scratch);
  const Left a = left_of(p, part, scratch);
  const int64_t width = p.by.kernel.panel, words = p.words(part.k);
  const std::byte* panels = p.panels != nullptr ? p.panels + panel_offset(p, part.n0, part.k0) : nullptr;
  if (panels == nullptr) {
    auto* own = scratch.need<float>(panel_words(p.by.kernel, part.k, part.n), "gemm");
    lay_out(p, part.n0, part.n, part.k0, part.k, own);
    panels = reinterpret_cast<const std::byte*>(own);
  }
  float* piece = to == nullptr ? scratch.need<float>(part.m * width, "gemm") : nullptr;
  for (int64_t first = 0; first < part.n; first += width, panels += 4 * words * width) {
    const int64_t columns = std::min(width, part.n - first);
    float* product = to == nullptr ? piece : to + first;
    const int64_t stride = to == nullptr ? width : ld;
    p.by.kernel.multiply({part.m, columns, words, a.words, a.row, a.k, panels, words * width, product, stride, false});
    done(product, stride, first, columns);
  }
}

struct Output {
  Epilogue epilogue;
  const float* bias;
  float* c;
  int64_t ldc;
  float* pre;
  int64_t ldpre;
  bool stream_pre;

  bool plain() const {
    return bias == nullptr && pre == nullptr && epilogue.alpha == 1 && epilogue.beta == 0 &&
           epilogue.activation == HEDDLE_ACTIVATION_NONE;
  }
  void write(const float* product, int64_t ld, int64_t m0, int64_t m, int64_t n0, int64_t n) const {
    epilogue_tile({epilogue, product, ld, bias ? bias + n0 : nullptr, pre ? pre + m0 * ldpre + n0 : nullptr, ldpre,
                   c + m0 * ldc + n0, ldc, m, n, stream_pre});
  }
};

// A task per tile, which goes through its chunks.
void run_by_tiles(CpuContext& context, const Problem& p, const Output& out, const Grid& grid) {
  const bool straight = grid.chunks == 1 && out.plain();
  context.pool.run(grid.tiles, [&](int64_t tile, int worker) {
    Arena& scratch = context.worker_arena(worker);
    ArenaScope scope(scratch);
    const Part first = part_of(p, grid, tile, 0);
    if (straight) return multiply(p, first, out.c + first.m0 * out.ldc + first.n0, out.ldc, scratch, [](auto...) {});
    if (grid.chunks == 1) {
      return multiply(p, first, nullptr, 0, scratch, [&](const float* product, int64_t ld, int64_t column, int64_t n) {
        out.write(product, ld, first.m0, first.m, first.n0 + column, n);
      });
    }
    float* sum = scratch.need<float>(grid.size, "gemm");
    multiply(p, first, sum, first.n, scratch, [](auto...) {});
    for (int64_t chunk = 1; chunk < grid.chunks; ++chunk) {
      multiply(p, part_of(p, grid, tile, chunk), nullptr, 0, scratch,
               [&](const float* product, int64_t ld, int64_t column, int64_t n) {
                 for (int64_t r = 0; r < first.m; ++r) add_to(product + r * ld, sum + r * first.n + column, n);
               });
    }
    out.write(sum, first.n, first.m0, first.m, first.n0, first.n);
  });
}

// A task per (tile, chunk), in groups that bound the memory for partial products; then they are added in chunk order.
void run_by_chunks(CpuContext& context, const Problem& p, const Output& out, const Grid& grid) {
  constexpr int64_t kGroup = 32, kRows = 16;
  ArenaScope scope(context.arena);
  const int64_t most = std::min(kGroup, grid.chunks), strips = ceil_div(grid.tile_m, kRows);
  float* sums = context.arena.need<float>(grid.tiles * grid.size, "gemm");
  float* parts = context.arena.need<float>(grid.tiles * most * grid.size, "gemm");
  for (int64_t first = 0; first < grid.chunks; first += most) {
    const int64_t group = std::min(most, grid.chunks - first);
    context.pool.run(grid.tiles * group, [&](int64_t task, int worker) {
      const Part part = part_of(p, grid, task / group, first + task % group);
      multiply(p, part, parts + task * grid.size, part.n, context.worker_arena(worker), [](auto...) {});
    });
    context.pool.run(grid.tiles * strips, [&](int64_t task) {
      const int64_t tile = task / strips, row = task % strips * kRows;
      const Part part = part_of(p, grid, tile, 0);
      if (row >= part.m) return;
      const int64_t rows = std::min(kRows, part.m - row), count = rows * part.n;
      float* sum = sums + tile * grid.size + row * part.n;
      const float* from = parts + tile * group * grid.size + row * part.n;
      for (int64_t i = 0; i < group; ++i, from += grid.size) {
        if (first + i == 0) {
          std::memcpy(sum, from, static_cast<size_t>(count) * sizeof(float));
        } else {
          add_to(from, sum, count);
        }
      }
      if (first + group == grid.chunks) out.write(sum, part.n, part.m0 + row, rows, part.n0, part.n);
    });
  }
}

void run(CpuContext& context, Problem& p, const Output& out) {
  const Grid grid(p);
  ArenaScope scope(context.arena);
  if (grid.rows > 1) lay_out_all(context, p, grid);
  if (grid.chunks == 1 || grid.tiles >= kEnoughTiles) {
    run_by_tiles(context, p, out, grid);
  } else {
    run_by_chunks(context, p, out, grid);
  }
}

void check_activation(const char* op, int32_t activation) {
  if (activation < HEDDLE_ACTIVATION_NONE || activation > HEDDLE_ACTIVATION_GELU_TANH) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: activation is {}; accepted: 0 (none), 1 (relu), 2 (gelu_tanh)", op, activation);
  }
}

}  // namespace

int32_t gemm(void* dc, const heddle_gemm* args, heddle_error* error) {
  return guarded(error, [&] {
    want_struct("gemm", args, args ? args->struct_size : 0, sizeof(heddle_gemm));
    check_activation("gemm", args->activation);
    if (args->precision != HEDDLE_PRECISION_F32 && args->precision != HEDDLE_PRECISION_BF16) {
      fail(HEDDLE_INVALID_ARGUMENT, "gemm: precision is {}; accepted: 0 (f32), 1 (bf16)", args->precision);
    }
    want("gemm", "a", args->a, DType::f32, {kAny, kAny}, true);
    want("gemm", "b", args->b, DType::f32, {kAny, kAny}, true);
    const bool ta = args->transpose_a != 0, tb = args->transpose_b != 0;
    // Rows of a matrix with one row may have any stride.
    const auto ld = [](const DLTensor* x) { return dim(x, 0) > 1 ? row_stride(x) : std::max<int64_t>(1, dim(x, 1)); };
    Problem p{ta,
              tb,
              dim(args->a, ta),
              dim(args->b, !tb),
              dim(args->a, !ta),
              data<float>(args->a),
              data<float>(args->b),
              ld(args->a),
              ld(args->b),
              ProductInputs(args->precision == HEDDLE_PRECISION_BF16)};
    if (dim(args->b, tb) != p.k) {
      fail(HEDDLE_INVALID_ARGUMENT, "gemm: a is {}{}, b is {}{}: the inner extents {} and {} differ",
           shape_text(args->a), ta ? " transposed" : "", shape_text(args->b), tb ? " transposed" : "", p.k,
           dim(args->b, tb));
    }
    want("gemm", "c", args->c, DType::f32, {p.m, p.n}, true);
    want_optional("gemm", "bias", args->bias, DType::f32, {p.n});
    want_optional("gemm", "pre", args->pre, DType::f32, {p.m, p.n}, true);
    if (p.m == 0 || p.n == 0) return;
    run(context(dc), p,
        {{args->alpha, args->beta, args->activation},
         data<float>(args->bias),
         data<float>(args->c),
         row_stride(args->c),
         data<float>(args->pre),
         args->pre ? row_stride(args->pre) : 0,
         p.m * p.n >= kStreamFrom});
  });
}

int32_t activation_backward(void* dc, int32_t activation, const DLTensor* pre, const DLTensor* dy, DLTensor* dpre,
                            heddle_error* error) {
  return guarded(error, [&] {
    check_activation("activation_backward", activation);
    want("activation_backward", "pre", pre, DType::f32, {kAny, kAny});
    want("activation_backward", "dy", dy, DType::f32, {dim(pre, 0), dim(pre, 1)});
    want("activation_backward", "dpre", dpre, DType::f32, {dim(pre, 0), dim(pre, 1)});
    const int64_t n = elements(pre);
    context(dc).pool.run(ceil_div(n, kBlock), [&](int64_t task) {
      const int64_t begin = task * kBlock, size = std::min(kBlock, n - begin);
      activation_backward_block(activation, data<float>(pre) + begin, data<float>(dy) + begin,
                                data<float>(dpre) + begin, size);
    });
  });
}

}  // namespace heddle::cpu
