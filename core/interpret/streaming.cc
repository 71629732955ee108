#include "core/interpret/streaming.h"

#include <algorithm>
#include <limits>

#include "core/base/console.h"
#include "core/compute/tensor.h"

namespace heddle {
namespace {

// Codes of one block of the columns, by point again.
struct BlockCodes {
  std::vector<int64_t> offsets, to;
  std::vector<int32_t> indices;
  std::vector<float> values;
  heddle_codes codes{};

  void fill(const FeatureColumns& columns, int64_t block, int64_t first, int64_t last) {
    offsets.assign(static_cast<size_t>(last - first) + 1, 0);
    const auto entries = [&](auto&& use) {
      for (int64_t j = 0; j < columns.features(); ++j) {
        for (const auto& [point, value] : columns.block(block, j)) use(j, static_cast<size_t>(point - first), value);
      }
    };
    entries([&](int64_t, size_t row, float) { ++offsets[row + 1]; });
    for (size_t row = 1; row < offsets.size(); ++row) offsets[row] += offsets[row - 1];
    indices.resize(static_cast<size_t>(offsets.back()));
    values.resize(indices.size());
    to.assign(offsets.begin(), offsets.end() - 1);
    entries([&](int64_t j, size_t row, float value) {  // features ascend, so indices ascend within a row
      indices[static_cast<size_t>(to[row])] = static_cast<int32_t>(j);
      values[static_cast<size_t>(to[row]++)] = value;
    });
    codes = {};
    codes.struct_size = sizeof codes;
    codes.rows = last - first;
    codes.width = columns.features();
    codes.nnz = codes.capacity = static_cast<int64_t>(indices.size());
    codes.offsets = offsets.data();
    codes.indices = indices.data();
    codes.values = values.data();
    codes.device = {kDLCPU, 0};
  }
};

void fill_labels(const PointLabels& labels, int64_t first, int64_t last, std::vector<float>& to) {
  const size_t attributes = static_cast<size_t>(labels.table.size());
  to.assign(static_cast<size_t>(last - first) * attributes, std::numeric_limits<float>::quiet_NaN());
  for (int64_t point = first; point < last; ++point) {
    const int32_t item = labels.items[static_cast<size_t>(point)];
    if (item < 0) continue;
    float* row = to.data() + static_cast<size_t>(point - first) * attributes;
    std::fill_n(row, attributes, 0.0f);
    for (int32_t a : labels.table.labels_of(item)) row[a] = 1;
    for (size_t n = 0; n < labels.numeric.size(); ++n) row[labels.numeric[n]] = labels.numeric_of(item)[n];
  }
}

}  // namespace

void score_streaming(const FeatureColumns& columns, const PointLabels& labels,
                     std::span<const FeatureMetric* const> metrics, std::span<double* const> scores) {
  if (metrics.empty()) return;
  const int64_t attributes = labels.table.size();
  for (const FeatureMetric* metric : metrics) metric->begin(columns.features(), attributes);
  std::vector<float> block_labels;
  BlockCodes block;
  for (int64_t b = 0; b < columns.blocks(); ++b) {
    throw_if_cancelled();
    const int64_t first = b * FeatureColumns::block_points;
    const int64_t last = std::min(first + FeatureColumns::block_points, columns.points());
    block.fill(columns, b, first, last);
    fill_labels(labels, first, last, block_labels);
    const TensorView matrix = view(block_labels.data(), last - first, attributes);
    for (const FeatureMetric* metric : metrics) metric->update(block.codes, matrix);
  }
  for (size_t i = 0; i < metrics.size(); ++i) metrics[i]->finish(columns.features(), attributes, scores[i]);
}

}  // namespace heddle
