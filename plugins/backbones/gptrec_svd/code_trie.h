// CodeTrie: the items of a catalogue by their codes, one level of nodes per code. A node of level k stands for the
// first k + 1 tokens of the items below it; several items may share all of them.
//
// Items are sorted by their tokens, so that a node is a range of this order, and its children are a range of the next
// level. Ownership: owns all. Threads: immutable after construction.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace gptrec_svd {

class CodeTrie {
 public:
  struct Range {
    int64_t begin, end;
  };

  CodeTrie() = default;
  // tokens [items,length] row-major; the tokens of different places of a code may overlap in value.
  CodeTrie(std::span<const int32_t> tokens, int64_t items, int64_t length)
      : length_(length),
        tokens_(tokens.begin(), tokens.end()),
        order_(static_cast<std::size_t>(items)),
        levels_(static_cast<std::size_t>(length)) {
    std::iota(order_.begin(), order_.end(), 0);
    std::sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) {
      const auto ta = tokens_of(a), tb = tokens_of(b);
      const int order = compare(ta, tb);
      return order != 0 ? order < 0 : a < b;
    });
    for (int64_t k = 0; k < length; ++k) {
      Level& level = levels_[static_cast<std::size_t>(k)];
      for (int64_t p = 0; p < items; ++p) {
        if (p > 0 && compare(prefix(p, k + 1), prefix(p - 1, k + 1)) == 0) continue;
        level.tokens.push_back(prefix(p, k + 1).back());
        level.begin.push_back(p);
      }
      level.begin.push_back(items);
    }
    // The first child of a node begins at the same item.
    for (int64_t k = 0; k + 1 < length; ++k) {
      Level& level = levels_[static_cast<std::size_t>(k)];
      const std::vector<int64_t>& next = levels_[static_cast<std::size_t>(k) + 1].begin;
      for (const int64_t begin : level.begin)
        level.child.push_back(std::lower_bound(next.begin(), next.end(), begin) - next.begin());
    }
  }

  int64_t items() const { return static_cast<int64_t>(order_.size()); }
  int64_t length() const { return length_; }  // tokens per item
  int64_t nodes(int64_t level) const { return static_cast<int64_t>(at(level).tokens.size()); }
  int32_t token(int64_t level, int64_t node) const { return at(level).tokens[static_cast<std::size_t>(node)]; }
  // Items below a node: positions in order().
  Range below(int64_t level, int64_t node) const {
    const std::vector<int64_t>& begin = at(level).begin;
    return {begin[static_cast<std::size_t>(node)], begin[static_cast<std::size_t>(node) + 1]};
  }
  // Nodes of level + 1.
  Range children(int64_t level, int64_t node) const {
    const std::vector<int64_t>& child = at(level).child;
    return {child[static_cast<std::size_t>(node)], child[static_cast<std::size_t>(node) + 1]};
  }
  const std::vector<int32_t>& order() const { return order_; }
  std::span<const int32_t> tokens_of(int32_t item) const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(item * length_), static_cast<std::size_t>(length_));
  }
  // The tokens on the way to a node, level + 1 of them.
  std::span<const int32_t> path(int64_t level, int64_t node) const {
    return prefix(below(level, node).begin, level + 1);
  }

 private:
  struct Level {
    std::vector<int32_t> tokens;        // [nodes]
    std::vector<int64_t> begin, child;  // [nodes + 1]; child is empty on the last level
  };
  static int compare(std::span<const int32_t> a, std::span<const int32_t> b) {
    const auto [ia, ib] = std::mismatch(a.begin(), a.end(), b.begin());
    return ia == a.end() ? 0 : *ia < *ib ? -1 : 1;
  }
  std::span<const int32_t> prefix(int64_t position, int64_t length) const {
    return tokens_of(order_[static_cast<std::size_t>(position)]).first(static_cast<std::size_t>(length));
  }
  const Level& at(int64_t level) const { return levels_[static_cast<std::size_t>(level)]; }

  int64_t length_ = 0;
  std::vector<int32_t> tokens_, order_;
  std::vector<Level> levels_;
};

}  // namespace gptrec_svd
