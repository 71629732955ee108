// Matrix product with epilogue, and the backward of its activation.
//
// C is cut into tiles of 128 x 256 (96 x 256 below AVX-512) and K into chunks of 1024, whatever the number of
// threads; each chunk of a tile is one single-threaded oneDNN product, and chunks are added in index order. Rows
// beyond M in the last row of tiles are computed on zeros and dropped: so a row's bits do not depend on how many rows
// share the call, and oneDNN sees few shapes.
#include <algorithm>
#include <cstring>

#include "core/compute/gemm_epilogue.h"
#include "core/compute/ops_internal.h"
#include "core/compute/simd_convert.h"
#include "core/compute/tile_matmul.h"

namespace heddle::cpu {
namespace {

constexpr int64_t kTileN = 256, kChunkK = 1024, kPadK = 64;
// With fewer tiles than this, chunks of K are spread over the pool as well. Both ways add the same numbers in the
// same order.
constexpr int64_t kEnoughTiles = 16;

// An input as the tiles read it: f32, or bf16 in the upper half of f32 (rounded) or as 16-bit words.
struct Matrix {
  const float* f32 = nullptr;
  const uint16_t* b16 = nullptr;
  int64_t ld = 0;
};

Matrix prepare(CpuContext& context, const DLTensor* x, bool bf16) {
  const int64_t rows = dim(x, 0), columns = dim(x, 1), ld = rows > 1 ? row_stride(x) : columns;
  const float* from = data<float>(x);
  if (!bf16) return {from, nullptr, std::max<int64_t>(ld, 1)};
  const int64_t block = std::max<int64_t>(1, kBlock / std::max<int64_t>(columns, 1));
  if (native_bf16()) {
    auto* to = context.arena.need<uint16_t>(rows * columns, "gemm");
    context.pool.run(ceil_div(rows, block), [&](int64_t task) {
      for (int64_t r = task * block; r < std::min(rows, (task + 1) * block); ++r)
        to_bf16(from + r * ld, to + r * columns, columns);
    });
    return {nullptr, to, std::max<int64_t>(columns, 1)};
  }
  auto* to = context.arena.need<float>(rows * columns, "gemm");
  context.pool.run(ceil_div(rows, block), [&](int64_t task) {
    for (int64_t r = task * block; r < std::min(rows, (task + 1) * block); ++r)
      round_to_bf16(from + r * ld, to + r * columns, columns);
  });
  return {to, nullptr, std::max<int64_t>(columns, 1)};
}

// rows x columns of a matrix, followed by zeros up to padded_rows.
template <class T>
const T* padded(const T* from, int64_t ld, int64_t rows, int64_t columns, int64_t padded_rows, Arena& scratch) {
  T* to = scratch.need<T>(padded_rows * columns, "gemm");
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(to + r * columns, from + r * ld, static_cast<size_t>(columns) * sizeof(T));
  std::memset(to + rows * columns, 0, static_cast<size_t>((padded_rows - rows) * columns) * sizeof(T));
  return to;
}

struct Problem {
  bool ta, tb;
  int64_t m, n, k, tile_m;
  Matrix a, b;
};

// product[tile_m, n] of rows m0.., columns n0.., chunk k0..
template <class T>
void chunk_product(const Problem& p, const T* a, const T* b, int64_t m0, int64_t n0, int64_t k0, float* product,
                   Arena& scratch) {
  ArenaScope scope(scratch);
  const int64_t m = std::min(p.tile_m, p.m - m0), n = std::min(kTileN, p.n - n0), k = std::min(kChunkK, p.k - k0);
  TileShape shape{p.ta ? m : p.tile_m, n, k, p.a.ld, p.b.ld, n, p.ta, p.tb, false};
  a += p.ta ? k0 * p.a.ld + m0 : m0 * p.a.ld + k0;
  b += p.tb ? n0 * p.b.ld + k0 : k0 * p.b.ld + n0;
  if (!p.ta && m < p.tile_m) {
    a = padded(a, p.a.ld, m, k, p.tile_m, scratch);
    shape.lda = k;
  }
  if (p.ta && !p.tb && k % kPadK != 0) {  // K counts tokens: any number, so it is padded to few
    shape.k = ceil_div(k, kPadK) * kPadK;
    a = padded(a, p.a.ld, k, m, shape.k, scratch);
    b = padded(b, p.b.ld, k, n, shape.k, scratch);
    shape.lda = m;
    shape.ldb = n;
  }
  if constexpr (sizeof(T) == 2) {
    tile_matmul_bf16(shape, a, b, product, scratch);
  } else {
    tile_matmul(shape, a, b, product, scratch);
  }
}

void chunk_product(const Problem& p, int64_t m0, int64_t n0, int64_t k0, float* product, Arena& scratch) {
  if (p.a.b16 != nullptr) return chunk_product(p, p.a.b16, p.b.b16, m0, n0, k0, product, scratch);
  chunk_product(p, p.a.f32, p.b.f32, m0, n0, k0, product, scratch);
}

struct Output {
  Epilogue epilogue;
  const float* bias;
  float* c;
  int64_t ldc;
  float* pre;
  int64_t ldpre;
};

void write_tile(const Problem& p, const Output& out, int64_t m0, int64_t n0, const float* product) {
  const int64_t m = std::min(p.tile_m, p.m - m0), n = std::min(kTileN, p.n - n0);
  for (int64_t r = 0; r < m; ++r) {
    epilogue_row(out.epilogue, product + r * n, out.bias ? out.bias + n0 : nullptr,
                 out.pre ? out.pre + (m0 + r) * out.ldpre + n0 : nullptr, out.c + (m0 + r) * out.ldc + n0, n);
  }
}

struct Grid {
  explicit Grid(const Problem& p)
      : n(ceil_div(p.n, kTileN)),
        tiles(ceil_div(p.m, p.tile_m) * n),
        chunks(ceil_div(p.k, kChunkK)),
        size(p.tile_m * kTileN),
        tile_m(p.tile_m) {}
  int64_t row(int64_t tile) const { return tile / n * tile_m; }
  int64_t column(int64_t tile) const { return tile % n * kTileN; }
  int64_t n, tiles, chunks, size, tile_m;
};

int64_t used(const Problem& p, int64_t m0, int64_t n0) {
  return std::min(p.tile_m, p.m - m0) * std::min(kTileN, p.n - n0);
}

// A task per tile, which goes through its chunks.
void run_by_tiles(CpuContext& context, const Problem& p, const Output& out, const Grid& grid) {
  context.pool.run(grid.tiles, [&](int64_t tile, int worker) {
    Arena& scratch = context.worker_arena(worker);
    ArenaScope scope(scratch);
    const int64_t m0 = grid.row(tile), n0 = grid.column(tile);
    float* product = scratch.need<float>(grid.size, "gemm");
    if (grid.chunks == 0) std::memset(product, 0, static_cast<size_t>(grid.size) * sizeof(float));
    if (grid.chunks > 0) chunk_product(p, m0, n0, 0, product, scratch);
    float* next = grid.chunks > 1 ? scratch.need<float>(grid.size, "gemm") : nullptr;
    for (int64_t chunk = 1; chunk < grid.chunks; ++chunk) {
      chunk_product(p, m0, n0, chunk * kChunkK, next, scratch);
      add_to(next, product, used(p, m0, n0));
    }
    write_tile(p, out, m0, n0, product);
  });
}

// A task per (tile, chunk), in groups that bound the memory for partial products; then they are added in chunk order.
void run_by_chunks(CpuContext& context, const Problem& p, const Output& out, const Grid& grid) {
  constexpr int64_t kGroup = 64;
  ArenaScope scope(context.arena);
  const int64_t most = std::min(kGroup, grid.chunks);
  float* sums = context.arena.need<float>(grid.tiles * grid.size, "gemm");
  float* parts = context.arena.need<float>(grid.tiles * most * grid.size, "gemm");
  for (int64_t first = 0; first < grid.chunks; first += most) {
    const int64_t group = std::min(most, grid.chunks - first);
    context.pool.run(grid.tiles * group, [&](int64_t task, int worker) {
      const int64_t tile = task / group, chunk = first + task % group;
      chunk_product(p, grid.row(tile), grid.column(tile), chunk * kChunkK, parts + task * grid.size,
                    context.worker_arena(worker));
    });
    context.pool.run(grid.tiles, [&](int64_t tile) {
      const int64_t count = used(p, grid.row(tile), grid.column(tile));
      float* sum = sums + tile * grid.size;
      const float* part = parts + tile * group * grid.size;
      for (int64_t i = 0; i < group; ++i, part += grid.size) {
        if (first + i == 0) {
          std::memcpy(sum, part, static_cast<size_t>(count) * sizeof(float));
        } else {
          add_to(part, sum, count);
        }
      }
      if (first + group == grid.chunks) write_tile(p, out, grid.row(tile), grid.column(tile), sum);
    });
  }
}

void run(CpuContext& context, const Problem& p, const Output& out) {
  const Grid grid(p);
  if (grid.chunks <= 1 || grid.tiles >= kEnoughTiles) {
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
    Problem p{ta, tb, dim(args->a, ta), dim(args->b, !tb), dim(args->a, !ta), invariant_rows(context(dc).isa), {}, {}};
    if (dim(args->b, tb) != p.k) {
      fail(HEDDLE_INVALID_ARGUMENT, "gemm: a is {}{}, b is {}{}: the inner extents {} and {} differ",
           shape_text(args->a), ta ? " transposed" : "", shape_text(args->b), tb ? " transposed" : "", p.k,
           dim(args->b, tb));
    }
    want("gemm", "c", args->c, DType::f32, {p.m, p.n}, true);
    want_optional("gemm", "bias", args->bias, DType::f32, {p.n});
    want_optional("gemm", "pre", args->pre, DType::f32, {p.m, p.n}, true);
    if (p.m == 0 || p.n == 0) return;
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    const bool bf16 = args->precision == HEDDLE_PRECISION_BF16;
    if (p.k > 0) {
      p.a = prepare(ctx, args->a, bf16);
      p.b = prepare(ctx, args->b, bf16);
    }
    run(ctx, p,
        {{args->alpha, args->beta, args->activation},
         data<float>(args->bias),
         data<float>(args->c),
         row_stride(args->c),
         data<float>(args->pre),
         args->pre ? row_stride(args->pre) : 0});
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
