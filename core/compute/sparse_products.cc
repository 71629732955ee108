// Products of codes with a weight matrix: decode, the gradient of the stored values and the gradient of the weights.
//
// Weights are taken in tiles (sparse_kernels_tile.cc): so many features that a row has a fair number of entries in each,
// times strips of 64 columns. Where a row has too few entries even for large tiles, decode and codes_backward follow each
// entry through the whole matrix (sparse_kernels_gather.cc). All in f32, whatever precision encoded the codes. Where a large
// share is stored: sparse_matmul.h.
//
// Deterministic. Tasks are cut by shapes and by the share of stored entries alone, and no number is computed by two tasks:
// decode: one chain in the order of a row's entries, so the bits depend on that row alone whatever way it is cut.
// codes_backward: a dot product per strip of 64 columns, strips in order (entry by entry: all columns at once).
// weight gradients: one chain in ascending row, on top of what was there.
#include <algorithm>

#include "core/compute/sparse_codes.h"
#include "core/compute/sparse_matmul.h"

namespace heddle::cpu {
namespace {

using sparse::kPanel;
using sparse::kStrip;
using sparse::Tile;

constexpr int64_t kLargestTile = 32;                // panels: 256 KiB, a quarter of an L2
constexpr int64_t kSmallTile = 4;                   // panels: 32 KiB, two thirds of an L1
constexpr int64_t kWeightsInL2 = int64_t{3} << 18;  // bytes
constexpr int64_t kGradientPanels = 16;

// Features of a tile in which a row has about `entries`, within bounds given in the encoder's panels.
int64_t features_for(const heddle_codes* codes, double entries, int64_t least, int64_t most) {
  const double panels = entries / (kPanel * std::max(stored_share(codes), 1e-9));
  return kPanel * static_cast<int64_t>(std::clamp(panels, static_cast<double>(least), static_cast<double>(most)));
}

// Is it worth visiting a row once per tile? Not where the whole matrix is one, nor for few entries. Measured with B = 4096:
// d = 64: with 5 and 10 % of 2,048 features not yet, because 512 KiB of weights answer from L2 almost as fast; with 20 % it is,
// or where the weights do not fit (5 % of 8,192: 1.9 against 2.2 ns per entry).
// d = 512: a row has several strips, each with its runs. Of weights in L2 (64 features) tiles decode in 1.4 ms instead of 2.1 with
// half of all stored, .6 instead of .4 with an eighth; dot products, which need a sum across lanes per strip and entry, take 3 to 6
// times as long. Of weights in L3 (2,048 features) tiles are never slower to decode; dot products are level with 9 %.
enum class Product { decode, dot };
bool in_tiles(Product product, const heddle_codes* codes, int64_t d) {
  const double share = stored_share(codes);
  const int64_t bytes = codes->width * d * 4;
  if (bytes <= kSmallTile * kPanel * kStrip * 4) return false;
  if (d > kStrip && bytes <= kWeightsInL2) return product == Product::decode && share >= 0.3;
  if (share >= 0.12) return true;
  return bytes > kWeightsInL2 && share * kLargestTile * kPanel >= 12 && (d <= kStrip || product == Product::decode);
}

// Tiles of a weight matrix: groups of panels times strips of columns.
struct Tiling {
  Tiling(const heddle_codes* given, const PanelStarts& starts, int64_t columns, int64_t features_of_tile)
      : codes(given),
        panels(starts),
        d(columns),
        panels_of(std::max<int64_t>(1, features_of_tile / starts.features)),
        groups(ceil_div(starts.panels, panels_of)),
        strips(ceil_div(columns, kStrip)) {}
  const heddle_codes* codes;
  const PanelStarts& panels;
  int64_t d, panels_of, groups, strips;

  int64_t first(int64_t group) const { return group * panels_of * panels.features; }
  int64_t features(int64_t group) const { return std::min(panels_of * panels.features, codes->width - first(group)); }
  int64_t columns(int64_t strip) const { return std::min(kStrip, d - strip * kStrip); }
  // Rows [row, row + rows) of a tile; the weights are to be filled in.
  Tile tile(int64_t group, int64_t strip, int64_t row, int64_t rows) const {
    const int64_t begin = group * panels_of, end = std::min(begin + panels_of, panels.panels);
    return {codes->offsets + row,
            panels.of(begin) + row,
            panels.of(end) + row,
            rows,
            codes->indices,
            first(group),
            nullptr,
            0,
            columns(strip)};
  }
  // Rows of weights that follow each other without a gap need no copy.
  bool in_place(const DLTensor* weight) const { return d == kStrip && rows_apart(weight) == kStrip; }
  float* scratch(Arena& arena, const char* op) const {
    return arena.need<float>(std::min(panels_of * panels.features, codes->width) * kStrip, op);
  }
};

// Rows of a task: their vectors of one strip and a tile are used over and over; a copy of the tile is paid by all of them.
constexpr int64_t kTileRows = 128;

// Calls use(tile, strip, first row) for every tile of every block of rows, groups ascending within a strip, strips within
// a block; start(strip, row, rows) before the first tile of a strip.
template <class Start, class Use>
void for_tiles(CpuContext& c, const char* op, const heddle_codes* codes, const DLTensor* weight, Start&& start,
               Use&& use) {
  const Tiling tiling(codes, panel_starts(c, codes), dim(weight, 1), features_for(codes, 48, kSmallTile, kLargestTile));
  const bool in_place = tiling.in_place(weight);
  c.pool.run(ceil_div(codes->rows, kTileRows), [&](int64_t task, int worker) {
    ArenaScope scope(c.worker_arena(worker));
    float* scratch = in_place ? nullptr : tiling.scratch(c.worker_arena(worker), op);
    const int64_t row = task * kTileRows, rows = std::min(kTileRows, codes->rows - row);
    for (int64_t strip = 0; strip < tiling.strips; ++strip) {
      start(strip, row, rows);
      for (int64_t group = 0; group < tiling.groups; ++group) {
        Tile tile = tiling.tile(group, strip, row, rows);
        const float* from = data<float>(weight) + tile.first * rows_apart(weight) + strip * kStrip;
        if (!in_place)
          sparse::kernels().pack_tile(from, rows_apart(weight), tiling.features(group), tile.columns, scratch);
        tile.weight = in_place ? from : scratch;
        tile.stride = kStrip;
        use(tile, strip, row);
      }
    }
  });
}

// A task owns some features, for all rows: many where there are panels for it, for every visit of a row costs, but at least
// 8 tasks.
void add_sparse(CpuContext& c, const heddle_codes* codes, const PanelStarts& starts, const float* values,
                const sparse::Gradient& whole) {
  const Tiling tiling(codes, starts, whole.d,
                      kPanel * std::clamp(codes->width / (8 * kPanel), int64_t{1}, kGradientPanels));
  c.pool.run(tiling.groups, [&](int64_t group, int worker) {
    Arena& arena = c.worker_arena(worker);
    ArenaScope scope(arena);
    sparse::Gradient g = whole;
    g.weight += tiling.first(group) * g.stride;
    g.features = tiling.features(group);
    g.terms = arena.need<sparse::Term>(g.features * sparse::kTerms, "codes_weight_gradient");
    g.counts = arena.need<int32_t>(g.features, "codes_weight_gradient");
    sparse::kernels().gradient_tile(tiling.tile(group, 0, 0, codes->rows), values, g);
  });
}

}  // namespace

int32_t decode(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* weight,
               const DLTensor* bias, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("decode", codes);
    want("decode", "weight", weight, DType::f32, {codes->width, kAny}, true);
    const int64_t d = dim(weight, 1), stride = rows_apart(y);
    want_optional("decode", "bias", bias, DType::f32, {d});
    want("decode", "y", y, DType::f32, {codes->rows, d}, true);
    const float *stored = values_or_own("decode", codes, values), *start = data<float>(bias);
    float* to = data<float>(y);
    CpuContext& c = context(dc);
    const sparse::Kernels& kernel = sparse::kernels();
    if (!in_tiles(Product::decode, codes, d)) {
      c.pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
        const int64_t first = task * kTaskRows, rows = std::min(kTaskRows, codes->rows - first);
        kernel.decode_rows(codes->offsets + first, rows, codes->indices, stored, data<float>(weight),
                           rows_apart(weight), start, d, to + first * stride, stride);
      });
      return;
    }
    for_tiles(
        c, "decode", codes, weight,
        [&](int64_t strip, int64_t row, int64_t rows) {
          const int64_t first = strip * kStrip, columns = std::min(kStrip, d - first);
          for (int64_t b = row; b < row + rows; ++b) {
            if (start) std::copy_n(start + first, columns, to + b * stride + first);
            else std::fill_n(to + b * stride + first, columns, 0.0f);
          }
        },
        [&](const Tile& tile, int64_t strip, int64_t row) {
          kernel.decode_tile(tile, stored, to + row * stride + strip * kStrip, stride);
        });
  });
}

int32_t codes_backward(void* dc, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight, double l1,
                       DLTensor* dvalues, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_backward", codes);
    want("codes_backward", "weight", weight, DType::f32, {codes->width, kAny}, true);
    const int64_t d = dim(weight, 1);
    want("codes_backward", "dy", dy, DType::f32, {codes->rows, d}, true);
    want("codes_backward", "dvalues", dvalues, DType::f32, {codes->nnz});
    const float *from = data<float>(dy), add = static_cast<float>(l1);
    CpuContext& c = context(dc);
    const sparse::Kernels& kernel = sparse::kernels();
    if (worth_dense(CodesProduct::backward, codes, d))
      return codes_backward_dense(c, codes, dy, weight, add, data<float>(dvalues));
    if (d == 0 || !in_tiles(Product::dot, codes, d)) {
      c.pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
        const int64_t first = task * kTaskRows, rows = std::min(kTaskRows, codes->rows - first);
        kernel.dot_rows(codes->offsets + first, rows, codes->indices, from + first * rows_apart(dy), rows_apart(dy),
                        data<float>(weight), rows_apart(weight), d, add, data<float>(dvalues));
      });
      return;
    }
    for_tiles(
        c, "codes_backward", codes, weight, [](int64_t, int64_t, int64_t) {},
        [&](const Tile& tile, int64_t strip, int64_t row) {
          kernel.dot_tile(tile, from + row * rows_apart(dy) + strip * kStrip, rows_apart(dy), add, strip > 0,
                          data<float>(dvalues));
        });
  });
}

int32_t codes_weight_gradient(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* rows,
                              const DLTensor* center, DLTensor* dweight, heddle_error* error) {
  return guarded(error, [&] {
    constexpr const char* op = "codes_weight_gradient";
    want_codes(op, codes);
    want(op, "rows", rows, DType::f32, {codes->rows, kAny}, true);
    const int64_t d = dim(rows, 1);
    want_optional(op, "center", center, DType::f32, {d});
    want(op, "dweight", dweight, DType::f32, {codes->width, d}, true);
    const float* stored = values_or_own(op, codes, values);
    CpuContext& c = context(dc);
    if (worth_dense(CodesProduct::gradient, codes, d))
      return codes_weight_gradient_dense(c, codes, stored, rows, data<float>(center), dweight);
    sparse::Gradient g{};
    g.x = data<float>(rows);
    g.x_stride = rows_apart(rows);
    g.d = d;
    g.center = data<float>(center);
    g.weight = data<float>(dweight);
    g.stride = rows_apart(dweight);
    add_sparse(c, codes, panel_starts(c, codes), stored, g);
  });
}

}  // namespace heddle::cpu
