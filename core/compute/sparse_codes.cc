#include "core/compute/sparse_codes.h"

#include <algorithm>
#include <cstring>

namespace heddle::cpu {
namespace {

using sparse::Entry;
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

// Rows of a block of the ordering: about 64 Ki entries, so that their scattered writes (8 bytes each) and the rows they
// point at stay in L2, but at least 4 entries per feature, because each (feature, block) costs a load and a store of
// the sums.
int64_t rows_of_block(const heddle_codes* codes) {
  const double per_row = static_cast<double>(codes->nnz) / static_cast<double>(std::max<int64_t>(codes->rows, 1));
  const double entries = static_cast<double>(std::max<int64_t>(65536, 4 * codes->width));
  int64_t rows = 32;
  while (rows < 4096 && static_cast<double>(2 * rows) * per_row <= entries) rows *= 2;
  return rows;
}

// Counting sort of one block's entries by feature; rows ascend within a feature because they are visited in order.
void order_block(const heddle_codes* codes, int64_t block, int64_t block_rows, int32_t* starts, Entry* order) {
  const int64_t width = codes->width, first = block * block_rows, last = std::min(first + block_rows, codes->rows);
  const int64_t base = codes->offsets[first], end = codes->offsets[last];
  const int32_t* indices = codes->indices;
  std::fill_n(starts, width + 1, 0);
  for (int64_t e = base; e < end; ++e) ++starts[indices[e]];
  int32_t sum = 0;
  for (int64_t j = 0; j <= width; ++j) {
    const int32_t count = j < width ? starts[j] : 0;
    starts[j] = sum;
    sum += count;
  }
  // starts[j] serves as the cursor of feature j and ends at the next feature's start: shifted back afterwards.
  for (int64_t row = first; row < last; ++row) {
    for (int64_t e = codes->offsets[row]; e < codes->offsets[row + 1]; ++e) {
      order[starts[indices[e]]++] = {static_cast<int32_t>(row - first), static_cast<int32_t>(e - base)};
    }
  }
  std::memmove(starts + 1, starts, static_cast<size_t>(width) * sizeof *starts);
  starts[0] = 0;
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

void changed(heddle_codes* codes) { data_of(codes).ordered = false; }

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

const ByFeature& by_feature(CpuContext& context, const heddle_codes* codes) {
  CodesData& data = data_of(codes);
  std::lock_guard lock(data.mutex);
  ByFeature& made = data.by_feature;
  if (data.ordered) return made;
  made.block_rows = rows_of_block(codes);
  made.blocks = ceil_div(codes->rows, made.block_rows);
  // The longest block must be countable in 31 bits.
  for (int64_t block = 0; block < made.blocks; ++block) {
    const int64_t last = std::min((block + 1) * made.block_rows, codes->rows);
    if (codes->offsets[last] - codes->offsets[block * made.block_rows] > INT32_MAX) {
      fail(HEDDLE_OUT_OF_RANGE, "codes: more than 2^31-1 entries in {} rows", made.block_rows);
    }
  }
  made.starts.resize(static_cast<size_t>(made.blocks * (codes->width + 1)));
  made.order.resize(static_cast<size_t>(codes->nnz));
  context.pool.run(made.blocks, [&](int64_t block) {
    order_block(codes, block, made.block_rows, made.starts.data() + block * (codes->width + 1),
                made.order.data() + codes->offsets[block * made.block_rows]);
  });
  data.ordered = true;
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
