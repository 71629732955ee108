// The fused encoder: tiles of pre-activations, selected in registers, staged per block of rows, then laid out as CSR.
//
// Blocks of rows go through in waves, so that staging is bounded and is copied while it is still in cache. Which thread
// does what never shows: a row's entries depend on the row alone (batch_top_k: on the batch alone).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/compute/simd_convert.h"
#include "core/compute/sparse_codes.h"
#include "core/compute/sparse_matmul.h"
#include "core/compute/sparse_select.h"

namespace heddle::cpu {
namespace {

using namespace sparse;

constexpr int64_t kPackPanels = 8;                 // panels per packing task
constexpr int64_t kMostRows = 48;                  // rows per block: its x and one panel fit L1
constexpr int64_t kStageBytes = int64_t{4} << 20;  // of one block at most (unless 12 rows need more)
constexpr int64_t kLeastRows = 12;

// bf16 asked for and in hardware; elsewhere values are rounded and multiplied in f32.
bool by_dots(const heddle_encode& args) { return args.precision == HEDDLE_PRECISION_BF16 && native_bf16(); }

struct Packed {
  int64_t columns = 0, panels = 0;
  float* weight = nullptr;
  float* bias = nullptr;
  float* threshold = nullptr;
  int32_t* ids = nullptr;
};

void check_arguments(const heddle_encode& args) {
  want("encode", "x", args.x, DType::f32, {kAny, kAny}, true);
  const int64_t d = dim(args.x, 1);
  want("encode", "weight", args.weight, DType::f32, {kAny, d}, true);
  const int64_t m = dim(args.weight, 0);
  want_optional("encode", "center", args.center, DType::f32, {d});
  want_optional("encode", "bias", args.bias, DType::f32, {m});
  want_codes("encode", args.codes);
  if (args.precision != HEDDLE_PRECISION_F32 && args.precision != HEDDLE_PRECISION_BF16) {
    fail(HEDDLE_INVALID_ARGUMENT, "encode: precision is {}; accepted: 0 (f32), 1 (bf16)", args.precision);
  }
  if (m > INT32_MAX) fail(HEDDLE_INVALID_ARGUMENT, "encode: {} features; accepted: at most 2^31-1", m);
  if (args.select == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "encode: select is null");
  const heddle_select& select = *args.select;
  want_arguments("encode: select", &select, select.struct_size, sizeof(heddle_select), select.flags);
  want_optional("encode", "select.features", select.features, DType::u8, {m});
  if (select.rule < HEDDLE_SELECT_RELU || select.rule > HEDDLE_SELECT_BATCH_TOP_K) {
    fail(HEDDLE_INVALID_ARGUMENT, "encode: select.rule is {}; accepted: 0 to 3", select.rule);
  }
  const bool threshold = select.rule == HEDDLE_SELECT_THRESHOLD;
  if (threshold) want("encode", "select.threshold", select.threshold, DType::f32, {m});
  if (!threshold && select.threshold)
    fail(HEDDLE_INVALID_ARGUMENT, "encode: select.threshold is for the threshold rule only");
  if (!(select.margin >= 0) || std::isinf(select.margin) || (!threshold && select.margin != 0)) {
    fail(HEDDLE_INVALID_ARGUMENT,
         "encode: select.margin is {}; accepted: 0, or a finite number >= 0 with the threshold rule", select.margin);
  }
  const bool top = select.rule == HEDDLE_SELECT_TOP_K || select.rule == HEDDLE_SELECT_BATCH_TOP_K;
  if (top && select.k < 0) fail(HEDDLE_INVALID_ARGUMENT, "encode: select.k is {}; accepted: 0 or more", select.k);
}

// Weights in panels of 32 features, only those that take part; the last panel is filled with features that never fire.
Packed pack(CpuContext& context, const heddle_encode& args) {
  const int64_t m = dim(args.weight, 0), d = dim(args.x, 1);
  const uint8_t* chosen = data<uint8_t>(args.select->features);
  const float* bias = data<float>(args.bias);
  const float* threshold = data<float>(args.select->threshold);
  Packed packed;
  for (int64_t j = 0; j < m; ++j) packed.columns += chosen == nullptr || chosen[j] != 0;
  packed.panels = ceil_div(packed.columns, kPanel);
  const int64_t padded = packed.panels * kPanel;
  const bool dots = by_dots(args);
  const int64_t words = dots ? ceil_div(d, 2) : d;
  packed.weight = context.arena.need<float>(padded * words, "encode");
  packed.bias = context.arena.need<float>(padded, "encode");
  packed.ids = context.arena.need<int32_t>(padded, "encode");
  if (threshold) packed.threshold = context.arena.need<float>(padded, "encode");
  int64_t column = 0;
  for (int64_t j = 0; j < m; ++j) {
    if (chosen && chosen[j] == 0) continue;
    packed.ids[column] = static_cast<int32_t>(j);
    packed.bias[column] = bias ? bias[j] : 0;
    if (threshold) packed.threshold[column] = threshold[j];
    ++column;
  }
  for (; column < padded; ++column) {
    packed.ids[column] = -1;
    packed.bias[column] = -std::numeric_limits<float>::infinity();
    if (threshold) packed.threshold[column] = std::numeric_limits<float>::infinity();
  }
  const Words kind = dots ? Words::pairs : args.precision == HEDDLE_PRECISION_BF16 ? Words::rounded : Words::f32;
  context.pool.run(ceil_div(packed.panels, kPackPanels), [&](int64_t task) {
    const int64_t last = std::min((task + 1) * kPackPanels, packed.panels);
    for (int64_t panel = task * kPackPanels; panel < last; ++panel) {
      const int32_t* ids = packed.ids + panel * kPanel;
      const float* rows[kPanel];
      for (int64_t j = 0; j < kPanel; ++j)
        rows[j] = ids[j] < 0 ? nullptr : data<float>(args.weight) + ids[j] * rows_apart(args.weight);
      kernels().pack(rows, kPanel, d, nullptr, kind, kPanel, packed.weight + panel * words * kPanel);
    }
  });
  return packed;
}

// One run of the encoder: owns the staging of a wave.
class Encoder {
 public:
  Encoder(CpuContext& context, const heddle_encode& args, const Packed& packed)
      : context_(context),
        args_(args),
        packed_(packed),
        codes_(args.codes),
        select_(*args.select),
        rows_(dim(args.x, 0)) {
    // A row's staging is an odd number of cache lines, so that the rows of a block fall into different cache sets.
    stride_ = (ceil_div(packed.panels * kPanel + kStageSlack, 16) | 1) * 16;
    with_pre_ = select_.margin > 0;
    const int64_t row_bytes = stride_ * (with_pre_ ? 12 : 8);
    block_rows_ = std::clamp(kStageBytes / row_bytes, kLeastRows, kMostRows) / kLeastRows * kLeastRows;
    // Small batches are cut finer, so that every core has some.
    block_rows_ = std::clamp(ceil_div(rows_, 16 * kLeastRows) * kLeastRows, kLeastRows, block_rows_);
    const int64_t blocks = ceil_div(rows_, block_rows_);
    // A wave only bounds memory: at least four blocks per thread, or the last ones would leave threads idle.
    wave_ = std::min<int64_t>(blocks, std::max<int64_t>(16, 4 * context.pool.threads()));
    values_ = context.arena.need<float>(wave_ * block_rows_ * stride_, "encode");
    indices_ = context.arena.need<int32_t>(wave_ * block_rows_ * stride_, "encode");
    if (with_pre_) pre_ = context.arena.need<float>(wave_ * block_rows_ * stride_, "encode");
    counts_ = context.arena.need<int64_t>(wave_ * block_rows_, "encode");
  }

  void run() {
    reserve_rows(codes_, rows_);
    changed(codes_);
    codes_->rows = codes_->nnz = 0;
    codes_->width = dim(args_.weight, 0);
    codes_->offsets[0] = 0;
    reserve_entries(codes_, 0, 0, with_pre_);
    // The kernel knows where panels start, unless features are left out before it or entries after it.
    const bool starts =
        select_.features == nullptr && select_.rule != HEDDLE_SELECT_TOP_K && select_.rule != HEDDLE_SELECT_BATCH_TOP_K;
    if (starts) {
      PanelStarts& made = new_panel_starts(codes_, rows_, codes_->width);
      starts_ = made.starts.data();
      starts_every_ = made.features / kPanel;
      // Only where the last codes in this place were used dense: sparse ones would pay for nothing.
      if (data_of(codes_).masks_wanted) masks_ = &new_row_masks(codes_, rows_, codes_->width);
    }
    const int64_t blocks = ceil_div(rows_, block_rows_);
    for (int64_t first = 0; first < blocks; first += wave_) {
      const int64_t last = std::min(first + wave_, blocks);
      context_.pool.run(last - first, [&](int64_t block, int worker) { encode_block(first + block, block, worker); });
      lay_out(first, last);
      if (select_.rule == HEDDLE_SELECT_BATCH_TOP_K) keep_batch_largest();
    }
    CodesData& data = data_of(codes_);
    data.started = starts;
    data.masked = masks_ != nullptr;
    data.precision = args_.precision;
    if (!worth_masks(codes_)) data.masks_wanted = false;
  }

 private:
  void encode_block(int64_t block, int64_t slot, int worker) {
    const int64_t d = dim(args_.x, 1), row = block * block_rows_;
    ArenaScope scope(context_.worker_arena(worker));
    EncodeBlock b{};
    b.x = data<float>(args_.x) + row * rows_apart(args_.x);
    b.x_stride = rows_apart(args_.x);
    b.rows = std::min(block_rows_, rows_ - row);
    b.d = d;
    b.center = data<float>(args_.center);
    b.round_bf16 = args_.precision == HEDDLE_PRECISION_BF16;
    b.panels = packed_.weight;
    b.panel_count = packed_.panels;
    b.bias = packed_.bias;
    b.threshold = packed_.threshold;
    b.ids = packed_.ids;
    b.rule = select_.rule != HEDDLE_SELECT_THRESHOLD ? Rule::floor : with_pre_ ? Rule::margin : Rule::threshold;
    b.floor = floor_;
    b.margin = select_.margin;
    b.packed_x = context_.worker_arena(worker).need<float>(b.rows * (d + 1), "encode");
    b.stage_stride = stride_;
    b.values = values_ + slot * block_rows_ * stride_;
    b.indices = indices_ + slot * block_rows_ * stride_;
    b.pre = pre_ ? pre_ + slot * block_rows_ * stride_ : nullptr;
    b.counts = counts_ + slot * block_rows_;
    b.starts = starts_ ? starts_ + row : nullptr;
    b.starts_stride = rows_;
    b.starts_every = starts_every_;
    if (masks_) {
      b.masks_stride = masks_->words * 8;
      b.masks = reinterpret_cast<uint8_t*>(masks_->bits.data() + row * masks_->words);
      for (int64_t r = 1; r <= b.rows; ++r) masks_->bits[static_cast<size_t>((row + r) * masks_->words - 1)] = 0;
    }
    const Kernels& k = kernels();
    if (by_dots(args_)) k.encode_block_bf16(b);
    else k.encode_block(b);
    if (select_.rule != HEDDLE_SELECT_TOP_K) return;
    float* scratch = context_.worker_arena(worker).need<float>(stride_, "encode");
    for (int64_t r = 0; r < b.rows; ++r) {
      b.counts[r] = keep_top(b.values + r * stride_, b.indices + r * stride_, b.counts[r], select_.k, scratch);
    }
  }

  // Appends the staged rows of blocks [first, last) to the codes.
  void lay_out(int64_t first, int64_t last) {
    const int64_t begin = first * block_rows_, end = std::min(last * block_rows_, rows_);
    for (int64_t row = begin; row < end; ++row) codes_->offsets[row + 1] = codes_->offsets[row] + counts_[row - begin];
    const int64_t nnz = codes_->offsets[end];
    if (nnz > codes_->capacity) {
      // Expect the rest of the batch to be like what came so far: one growth instead of one per wave.
      const double expected = static_cast<double>(nnz) / static_cast<double>(end) * static_cast<double>(rows_) * 1.05;
      const bool bounded = select_.rule == HEDDLE_SELECT_BATCH_TOP_K;
      reserve_entries(codes_, bounded ? nnz : std::max(nnz, static_cast<int64_t>(expected)), codes_->nnz, with_pre_);
    }
    context_.pool.run(last - first, [&](int64_t slot) {
      const int64_t from = begin + slot * block_rows_, to = std::min(from + block_rows_, end);
      for (int64_t row = from; row < to; ++row) {
        const int64_t stage = (row - begin) * stride_, at = codes_->offsets[row];
        const size_t count = static_cast<size_t>(codes_->offsets[row + 1] - at);
        std::memcpy(codes_->values + at, values_ + stage, count * sizeof(float));
        std::memcpy(codes_->indices + at, indices_ + stage, count * sizeof(int32_t));
        if (with_pre_) std::memcpy(codes_->pre + at, pre_ + stage, count * sizeof(float));
      }
    });
    codes_->rows = end;
    codes_->nnz = nnz;
  }

  // Cuts the codes down to the k*B largest so far. From then on nothing <= the smallest of them can be chosen: an equal
  // value in a later row loses the tie. So the floor rises and later waves stage little.
  void keep_batch_largest() {
    const int64_t most =
        static_cast<int64_t>(std::min<double>(static_cast<double>(select_.k) * static_cast<double>(rows_), 9e18));
    if (codes_->nnz < most || codes_->nnz == 0) return;
    floor_ = most == 0 ? std::numeric_limits<float>::infinity() : keep_batch_top(context_, codes_, most);
    if (most > 0) return;
    std::fill_n(codes_->offsets, codes_->rows + 1, 0);
    codes_->nnz = 0;
  }

  CpuContext& context_;
  const heddle_encode& args_;
  const Packed& packed_;
  heddle_codes* codes_;
  const heddle_select& select_;
  int64_t rows_, stride_ = 0, block_rows_ = 0, wave_ = 0;
  bool with_pre_ = false;
  float floor_ = 0;
  float* values_ = nullptr;
  int32_t* indices_ = nullptr;
  float* pre_ = nullptr;
  int64_t* counts_ = nullptr;
  int32_t* starts_ = nullptr;
  int64_t starts_every_ = 1;
  RowMasks* masks_ = nullptr;
};

}  // namespace

int32_t encode(void* dc, const heddle_encode* args, heddle_error* error) {
  return guarded(error, [&] {
    want_arguments("encode", args, args ? args->struct_size : 0, sizeof(heddle_encode), args ? args->flags : 0);
    check_arguments(*args);
    CpuContext& c = context(dc);
    ArenaScope scope(c.arena);
    const Packed packed = pack(c, *args);
    Encoder(c, *args, packed).run();
  });
}

}  // namespace heddle::cpu
