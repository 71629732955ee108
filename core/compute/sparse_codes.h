// Storage of heddle_codes on the CPU, and their by-feature ordering.
//
// The device owns every array: ops grow them through the functions here. All arrays have kStageSlack elements beyond
// `capacity`, because compressed vectors are stored whole. Any op that changes offsets or indices calls changed().
// One writer at a time; the ordering may be asked for by several contexts at once.
#pragma once

#include <mutex>
#include <vector>

#include "core/compute/ops_internal.h"
#include "core/compute/sparse_kernels.h"

namespace heddle::cpu {

// The entries of each block of rows, by feature.
struct ByFeature {
  int64_t block_rows = 1, blocks = 0;
  std::vector<int32_t> starts;       // [blocks][width + 1], within the block
  std::vector<sparse::Entry> order;  // [nnz]; block b's entries begin at offsets[b * block_rows]
};

// What heddle_codes.device_data points to.
struct CodesData {
  int64_t row_capacity = 0;
  float* pre = nullptr;  // kept while codes->pre is null, so that capacity survives between steps
  int64_t pre_capacity = 0;
  std::mutex mutex;  // guards the ordering
  bool ordered = false;
  ByFeature by_feature;
};

// want_struct, and no flag of the lower half that this version does not know.
void want_arguments(const char* op, const void* args, uint32_t size, uint32_t expected, uint32_t flags);
// Throws INVALID_ARGUMENT unless these are codes made by this device.
void want_codes(const char* op, const heddle_codes* codes);
// values when given ([nnz] f32), else the codes' own.
const float* values_or_own(const char* op, const heddle_codes* codes, const DLTensor* values);

CodesData& data_of(const heddle_codes* codes);
void changed(heddle_codes* codes);

// Room for this many rows (offsets are not kept) or entries (the first `keep` entries are). RESOURCE_EXHAUSTED.
void reserve_rows(heddle_codes* codes, int64_t rows);
void reserve_entries(heddle_codes* codes, int64_t entries, int64_t keep, bool with_pre);

// Built at first use after a change, on the pool.
const ByFeature& by_feature(CpuContext& context, const heddle_codes* codes);

inline int64_t rows_apart(const DLTensor* matrix) { return matrix->strides ? matrix->strides[0] : matrix->shape[1]; }

// Rows of one task of the row-wise ops.
constexpr int64_t kTaskRows = 64;

}  // namespace heddle::cpu
