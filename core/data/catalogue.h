// The catalogue: all items of the log with their counts on the training side and their titles. Plain data. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/data/interactions.h"
#include "core/data/split.h"
#include "heddle/abi.h"

namespace heddle {

class Catalogue {
 public:
  Catalogue() = default;
  // Items in the order of the log's indices. Counts are over the training side of the split.
  Catalogue(const Interactions& log, const Split& split);
  Catalogue(std::vector<std::string> raw_ids, std::vector<int64_t> counts);

  int64_t size() const { return static_cast<int64_t>(raw_ids.size()); }
  // Index of a raw id, -1 when unknown.
  int32_t find(std::string_view raw) const;
  // The title, or the raw id where no source gave one.
  const std::string& title(int32_t item) const;

  std::vector<std::string> raw_ids;
  std::vector<int64_t> counts;      // [items] events on the training side
  std::vector<std::string> titles;  // [items], "" = none; filled by read_attributes

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> index_;
};

}  // namespace heddle
