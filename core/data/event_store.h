// Events as they come from a source, in blocks, until they are put into rows by user. Internal to core/data.
//
// Blocks of a fixed size instead of one growing vector: growth by doubling would hold up to three times the data.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace heddle {

class EventStore {
 public:
  static constexpr int64_t block_size = int64_t{1} << 18;
  struct Block {
    std::unique_ptr<int32_t[]> user, item;
    std::unique_ptr<int64_t[]> time;
    std::unique_ptr<float[]> value;  // null without values
    int64_t count = 0;
  };

  explicit EventStore(bool with_values) : with_values_(with_values) {}

  void push(int32_t user, int32_t item, int64_t time, float value) {
    if (blocks_.empty() || blocks_.back().count == block_size) add_block();
    Block& block = blocks_.back();
    const auto i = static_cast<size_t>(block.count++);
    block.user[i] = user;
    block.item[i] = item;
    block.time[i] = time;
    if (with_values_) block.value[i] = value;
    ++count_;
  }
  int64_t count() const { return count_; }
  bool with_values() const { return with_values_; }
  std::vector<Block>& blocks() { return blocks_; }

 private:
  void add_block() {
    const auto n = static_cast<size_t>(block_size);
    Block block;  // for_overwrite: pages are touched only as they fill
    block.user = std::make_unique_for_overwrite<int32_t[]>(n);
    block.item = std::make_unique_for_overwrite<int32_t[]>(n);
    block.time = std::make_unique_for_overwrite<int64_t[]>(n);
    if (with_values_) block.value = std::make_unique_for_overwrite<float[]>(n);
    blocks_.push_back(std::move(block));
  }
  bool with_values_;
  int64_t count_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace heddle
