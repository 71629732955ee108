// Non-zero activations by feature, appended block by block in point order: 8 bytes per entry, in blocks of 4,096 points that are
// laid out by feature as they come, so that codes are in cache when they are turned and nothing is ever copied whole.
//
// [one thread; read() and entries() any] Errors: INVALID_ARGUMENT for a NaN activation, OUT_OF_RANGE beyond 2^31-1 points;
// after one the object is only good for its destructor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/compute/context.h"
#include "heddle/abi.h"

namespace heddle {

// One feature's entries; kept by callers from feature to feature, so that its memory is reused.
struct FeatureColumn {
  std::vector<int32_t> rows;  // points, ascending
  std::vector<float> values;
};

class FeatureColumns {
 public:
  struct Entry {
    int32_t point;
    float value;
  };
  static constexpr int64_t block_points = 4096;

  // With a context, blocks are laid out by the threads of its device if that is the CPU; it must outlive the last append.
  explicit FeatureColumns(int64_t features, Context* context = nullptr);
  void append(const heddle_codes& codes);                // host memory; values 0 are left out
  void append_dense(const float* values, int64_t rows);  // [rows, features], host: raw neurons
  // Called once after the last append; needed before anything below.
  void finish();

  int64_t features() const { return features_; }
  int64_t points() const { return points_; }
  int64_t entries() const { return entries_; }
  void read(int64_t feature, FeatureColumn& to) const;

  // Block b holds points [b * block_points, min(points(), (b + 1) * block_points)).
  int64_t blocks() const { return static_cast<int64_t>(blocks_.size()); }
  std::span<const Entry> block(int64_t b, int64_t feature) const {
    const Block& from = blocks_[static_cast<size_t>(b)];
    const uint32_t begin = from.starts[static_cast<size_t>(feature)],
                   end = from.starts[static_cast<size_t>(feature) + 1];
    return {from.entries + begin, end - begin};
  }

 private:
  struct Block {
    Entry* entries;  // by feature, then by point; in a slab
    std::unique_ptr<uint32_t[]> starts;
  };
  struct Free {
    void operator()(Entry* slab) const;
  };
  Entry* take_entries(size_t count);
  // Rows of codes that do not make a block yet.
  struct Pending {
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> indices;
    std::vector<float> values;
    int64_t rows() const { return static_cast<int64_t>(offsets.size()) - 1; }
    void clear();
  };
  struct Rows {
    int64_t count;
    const int64_t* offsets;
    const int32_t* indices;
    const float* values;
  };
  void check_points(int64_t more) const;
  void add_pending(const Rows& rows);
  void lay_out_pending();
  void lay_out(const Rows& rows);

  int64_t features_;
  Context* context_;
  int64_t points_ = 0, entries_ = 0;
  bool finished_ = false;
  std::vector<Block> blocks_;
  std::vector<std::unique_ptr<Entry, Free>> slabs_;
  size_t slab_left_ = 0;  // entries of the last slab not yet taken
  Entry* slab_next_ = nullptr;
  Pending pending_;
  std::vector<uint32_t> counts_;          // scratch of lay_out: [parts, features]
  std::vector<int64_t> feature_entries_;  // [features]
};

}  // namespace heddle
