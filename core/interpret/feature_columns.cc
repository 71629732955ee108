#include <cmath>
#include <utility>

#include "core/base/error.h"
#include "core/interpret/scores.h"

namespace heddle {

FeatureColumns::FeatureColumns(int64_t features) : features_(features), offsets_(static_cast<size_t>(features) + 1) {}

void FeatureColumns::keep(Block block) {
  if (finished_) fail(HEDDLE_FAILED_PRECONDITION, "feature columns: append after finish");
  const int64_t rows = static_cast<int64_t>(block.offsets.size()) - 1;
  if (points_ + rows > INT32_MAX) fail(HEDDLE_OUT_OF_RANGE, "feature columns: more than 2^31-1 data points");
  block.first_point = points_;
  points_ += rows;
  entries_ += static_cast<int64_t>(block.columns.size());
  blocks_.push_back(std::move(block));
}

void FeatureColumns::append(const heddle_codes& codes) {
  if (codes.width != features_) {
    fail(HEDDLE_INVALID_ARGUMENT, "feature columns: codes are {} wide; accepted: {}", codes.width, features_);
  }
  Block block;
  block.offsets.reserve(static_cast<size_t>(codes.rows) + 1);
  block.offsets.push_back(0);
  block.columns.reserve(static_cast<size_t>(codes.nnz));
  block.values.reserve(static_cast<size_t>(codes.nnz));
  for (int64_t row = 0; row < codes.rows; ++row) {
    for (int64_t e = codes.offsets[row]; e < codes.offsets[row + 1]; ++e) {
      const float value = codes.values[e];
      if (value == 0) continue;
      if (std::isnan(value))
        fail(HEDDLE_INVALID_ARGUMENT, "feature {} is NaN at data point {}", codes.indices[e], points_ + row);
      ++offsets_[static_cast<size_t>(codes.indices[e])];
      block.columns.push_back(codes.indices[e]);
      block.values.push_back(value);
    }
    block.offsets.push_back(static_cast<int64_t>(block.columns.size()));
  }
  keep(std::move(block));
}

void FeatureColumns::append_dense(const float* values, int64_t rows) {
  Block block;
  block.offsets.reserve(static_cast<size_t>(rows) + 1);
  block.offsets.push_back(0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t j = 0; j < features_; ++j) {
      const float value = values[row * features_ + j];
      if (value == 0) continue;
      if (std::isnan(value)) fail(HEDDLE_INVALID_ARGUMENT, "neuron {} is NaN at data point {}", j, points_ + row);
      ++offsets_[static_cast<size_t>(j)];
      block.columns.push_back(static_cast<int32_t>(j));
      block.values.push_back(value);
    }
    block.offsets.push_back(static_cast<int64_t>(block.columns.size()));
  }
  keep(std::move(block));
}

void FeatureColumns::finish() {
  if (finished_) return;
  finished_ = true;
  int64_t start = 0;
  for (int64_t& count : offsets_) start += std::exchange(count, start);
  rows_.resize(static_cast<size_t>(entries_));
  values_.resize(static_cast<size_t>(entries_));
  std::vector<int64_t> cursor(offsets_.begin(), offsets_.end());
  // Blocks are in point order, so every feature's points ascend. Each block goes as soon as it is laid out.
  for (Block& block : blocks_) {
    for (size_t row = 0; row + 1 < block.offsets.size(); ++row) {
      const int32_t point = static_cast<int32_t>(block.first_point + static_cast<int64_t>(row));
      for (int64_t e = block.offsets[row]; e < block.offsets[row + 1]; ++e) {
        const size_t to = static_cast<size_t>(cursor[static_cast<size_t>(block.columns[static_cast<size_t>(e)])]++);
        rows_[to] = point;
        values_[to] = block.values[static_cast<size_t>(e)];
      }
    }
    block = Block();
  }
  blocks_.clear();
}

std::span<const int32_t> FeatureColumns::rows(int64_t feature) const {
  const auto begin = static_cast<size_t>(offsets_[static_cast<size_t>(feature)]),
             end = static_cast<size_t>(offsets_[static_cast<size_t>(feature) + 1]);
  return {rows_.data() + begin, end - begin};
}

std::span<const float> FeatureColumns::values(int64_t feature) const {
  const auto begin = static_cast<size_t>(offsets_[static_cast<size_t>(feature)]),
             end = static_cast<size_t>(offsets_[static_cast<size_t>(feature) + 1]);
  return {values_.data() + begin, end - begin};
}

}  // namespace heddle
