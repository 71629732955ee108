// Storage of heddle_codes on the CPU, and where the panels of features start in each row.
//
// The device owns every array: ops grow them through the functions here. All arrays have kStageSlack elements beyond
// `capacity`, because compressed vectors are stored whole. Any op that changes offsets or indices calls changed().
// One writer at a time; the starts of panels and the masks may be asked for by several contexts at once.
#pragma once

#include <mutex>
#include <vector>

#include "core/compute/ops_internal.h"
#include "core/compute/sparse_kernels.h"

namespace heddle::cpu {

// Where a row's entries of features [p * features, (p + 1) * features) begin, counted from the row's first entry:
// starts[p * rows + row]; the last, p = panels, is the row's length. At most kMostPanels, so that wide codes do not pay
// with memory: up to 16,384 features a panel is one of the encoder's.
constexpr int64_t kMostPanels = 512;
struct PanelStarts {
  int64_t features = sparse::kPanel, panels = 0, rows = 0;
  std::vector<int32_t> starts;  // [panels + 1][rows]
  const int32_t* of(int64_t panel) const { return starts.data() + panel * rows; }
};

// One bit per row and feature: is an entry stored? With these a row is spread over its features and gathered again a vector
// at a time, without reading an index.
struct RowMasks {
  int64_t words = 0;           // per row
  std::vector<uint64_t> bits;  // [rows][words], zeros beyond the width
  const uint64_t* of(int64_t row) const { return bits.data() + row * words; }
};

// What heddle_codes.device_data points to.
struct CodesData {
  int64_t row_capacity = 0;
  float* pre = nullptr;  // kept while codes->pre is null, so that capacity survives between steps
  int64_t pre_capacity = 0;
  // HEDDLE_PRECISION_* of the encode that made these codes; f32 for codes of any other origin. Dense products in
  // training follow it (sparse_matmul.h).
  int32_t precision = HEDDLE_PRECISION_F32;
  std::mutex mutex;                      // guards what follows
  bool started = false, masked = false;  // are these up to date?
  bool masks_wanted = false;             // asked for since the codes were last sparse: encode fills them in as it goes
  PanelStarts panels;
  RowMasks masks;
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

// As encode left them, or built at first use after a change, on the pool.
const PanelStarts& panel_starts(CpuContext& context, const heddle_codes* codes);
// Makes room for those of `rows` rows; whoever fills them in calls this after changed(), then sets `started`.
PanelStarts& new_panel_starts(heddle_codes* codes, int64_t rows, int64_t width);

// The same for masks; `masked` instead of `started`.
const RowMasks& row_masks(CpuContext& context, const heddle_codes* codes);
RowMasks& new_row_masks(heddle_codes* codes, int64_t rows, int64_t width);

inline int64_t rows_apart(const DLTensor* matrix) { return matrix->strides ? matrix->strides[0] : matrix->shape[1]; }

// Of all rows times features, how many are stored.
inline double stored_share(const heddle_codes* codes) {
  const double all = static_cast<double>(codes->rows) * static_cast<double>(codes->width);
  return all > 0 ? static_cast<double>(codes->nnz) / all : 0;
}

// Rows of one task of the row-wise ops.
constexpr int64_t kTaskRows = 64;

}  // namespace heddle::cpu
