#include "core/compute/sparse_codes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace heddle::cpu {
namespace {

using sparse::kStageSlack;

template <class T>
T* allocate_array(int64_t count, const char* what) {
  const size_t bytes = (static_cast<size_t>(count) + static_cast<size_t>(kStageSlack)) * sizeof(T);
  void* memory = aligned_allocate(bytes);
  if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "codes: no memory for {} bytes of {}", bytes, what);
  return static_cast<T*>(memory);
}

template <class T>
void grow(T*& array, int64_t capacity, int64_t keep, const char* what) {
  T* grown = allocate_array<T>(capacity, what);
  if (keep > 0) std::memcpy(grown, array, static_cast<size_t>(keep) * sizeof(T));
  aligned_release(array);
  array = grown;
}

}  // namespace

void want_arguments(const char* op, const void* args, uint32_t size, uint32_t expected, uint32_t flags) {
  want_struct(op, args, size, expected);
  if (flags & 0xFFFFu) fail(HEDDLE_INVALID_ARGUMENT, "{}: unknown flags {:#x}; accepted: 0", op, flags & 0xFFFFu);
}

void want_codes(const char* op, const heddle_codes* codes) {
  if (codes == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: codes are null", op);
  if (codes->struct_size < sizeof(heddle_codes) || codes->device_data == nullptr ||
      codes->device.device_type != kDLCPU) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: these codes were not made by codes_create of the CPU device", op);
  }
}

const float* values_or_own(const char* op, const heddle_codes* codes, const DLTensor* values) {
  want_optional(op, "values", values, DType::f32, {codes->nnz});
  return values ? data<float>(values) : codes->values;
}

CodesData& data_of(const heddle_codes* codes) { return *static_cast<CodesData*>(codes->device_data); }

void changed(heddle_codes* codes) {
  CodesData& data = data_of(codes);
  data.started = data.masked = false;
  data.precision = HEDDLE_PRECISION_F32;
}

void reserve_rows(heddle_codes* codes, int64_t rows) {
  CodesData& data = data_of(codes);
  if (rows < data.row_capacity) return;
  const int64_t capacity = rows + rows / 4 + 1;
  grow(codes->offsets, capacity + 1, 0, "row offsets");
  data.row_capacity = capacity;
  codes->offsets[0] = 0;
  codes->rows = codes->nnz = 0;  // the old offsets are gone
}

void reserve_entries(heddle_codes* codes, int64_t entries, int64_t keep, bool with_pre) {
  CodesData& data = data_of(codes);
  if (entries > codes->capacity) {
    const int64_t capacity = std::max(entries, codes->capacity + codes->capacity / 2);
    grow(codes->indices, capacity, keep, "indices");
    grow(codes->values, capacity, keep, "values");
    codes->capacity = capacity;
  }
  if (with_pre && data.pre_capacity < codes->capacity) {
    grow(data.pre, codes->capacity, codes->pre ? keep : 0, "pre-activations");
    data.pre_capacity = codes->capacity;
  }
  codes->pre = with_pre ? data.pre : nullptr;
}

PanelStarts& new_panel_starts(heddle_codes* codes, int64_t rows, int64_t width) {
  PanelStarts& made = data_of(codes).panels;
  made.rows = rows;
  made.features = sparse::kPanel * std::max<int64_t>(1, ceil_div(width, sparse::kPanel * kMostPanels));
  made.panels = ceil_div(width, made.features);
  made.starts.resize(static_cast<size_t>((made.panels + 1) * rows));
  return made;
}

const PanelStarts& panel_starts(CpuContext& context, const heddle_codes* codes) {
  CodesData& data = data_of(codes);
  std::lock_guard lock(data.mutex);
  if (data.started) return data.panels;
  PanelStarts& made = new_panel_starts(const_cast<heddle_codes*>(codes), codes->rows, codes->width);
  context.pool.run(ceil_div(made.rows, kTaskRows), [&](int64_t task) {
    const int64_t first = task * kTaskRows, rows = std::min(kTaskRows, made.rows - first);
    std::array<int64_t, kTaskRows> at;
    std::copy_n(codes->offsets + first, rows, at.begin());
    for (int64_t panel = 0; panel <= made.panels; ++panel) {
      int32_t* starts = made.starts.data() + panel * made.rows + first;
      for (int64_t row = 0; row < rows; ++row) {
        int64_t& e = at[static_cast<size_t>(row)];
        const int64_t begin = codes->offsets[first + row], end = codes->offsets[first + row + 1];
        while (e < end && codes->indices[e] < panel * made.features) ++e;
        starts[row] = static_cast<int32_t>(e - begin);
      }
    }
  });
  data.started = true;
  return made;
}

RowMasks& new_row_masks(heddle_codes* codes, int64_t rows, int64_t width) {
  RowMasks& made = data_of(codes).masks;
  made.words = ceil_div(width, 64);
  made.bits.resize(static_cast<size_t>(rows * made.words));
  return made;
}

const RowMasks& row_masks(CpuContext& context, const heddle_codes* codes) {
  CodesData& data = data_of(codes);
  std::lock_guard lock(data.mutex);
  data.masks_wanted = true;
  if (data.masked) return data.masks;
  RowMasks& made = new_row_masks(const_cast<heddle_codes*>(codes), codes->rows, codes->width);
  context.pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
    for (int64_t row = task * kTaskRows; row < std::min((task + 1) * kTaskRows, codes->rows); ++row) {
      int64_t e = codes->offsets[row];
      const int64_t end = codes->offsets[row + 1];
      for (int64_t word = 0; word < made.words; ++word) {
        uint64_t set = 0;
        for (; e < end && codes->indices[e] < (word + 1) * 64; ++e) set |= uint64_t{1} << (codes->indices[e] % 64);
        made.bits[static_cast<size_t>(row * made.words + word)] = set;
      }
    }
  });
  data.masked = true;
  return made;
}

int32_t codes_create(void*, heddle_codes** out, heddle_error* error) {
  return guarded(error, [&] {
    if (out == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "codes_create: out is null");
    *out = nullptr;
    auto data = std::make_unique<CodesData>();
    auto codes = std::make_unique<heddle_codes>();
    codes->struct_size = sizeof(heddle_codes);
    codes->device = {kDLCPU, 0};
    codes->device_data = data.get();
    try {
      reserve_rows(codes.get(), 0);
      reserve_entries(codes.get(), 1, 0, false);
    } catch (...) {
      aligned_release(codes->offsets);
      aligned_release(codes->indices);
      aligned_release(codes->values);
      throw;
    }
    data.release();
    *out = codes.release();
  });
}

void codes_destroy(void*, heddle_codes* codes) {
  if (codes == nullptr) return;
  CodesData* data = static_cast<CodesData*>(codes->device_data);
  aligned_release(codes->offsets);
  aligned_release(codes->indices);
  aligned_release(codes->values);
  if (data) aligned_release(data->pre);
  delete data;
  delete codes;
}

}  // namespace heddle::cpu
