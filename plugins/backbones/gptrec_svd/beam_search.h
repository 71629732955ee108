// Beam search over the codes of one user's next item: hypotheses are nodes of a CodeTrie, so that only codes of real
// items are made, and only nodes below which an item is left that the user has not seen.
//
//   score(node) = sum over its tokens of log p(token | history, earlier tokens),
//   p = softmax of the logits over the values that this place of a code may have
//
// With a width of at least the number of nodes of every level the lists are those of scoring all items. Below that, the
// best `width` nodes of each level but the last go on: the lists are full whenever width >= their length and so many
// items are left, since each node leads to one. No randomness; equal scores go by the node's index, items with equal
// scores (as f32) by item index descending, as in heddle_top_n.
// Threads: one search is used by one thread; several may share a trie.
#pragma once

#include <cmath>
#include <limits>

#include "code_trie.h"

namespace gptrec_svd {

struct Hypothesis {
  int64_t node;
  double score;
};

class BeamSearch {
 public:
  // seen: items that are left out, in any order. The trie must outlive the search.
  BeamSearch(const CodeTrie& trie, std::span<const int32_t> seen, int64_t width)
      : trie_(&trie), width_(width), beams_{{-1, 0.0}} {
    std::vector<uint8_t> left(static_cast<std::size_t>(trie.items()), 1);
    for (const int32_t item : seen) left[static_cast<std::size_t>(item)] = 0;
    unseen_before_.reserve(left.size() + 1);
    unseen_before_.push_back(0);
    for (const int32_t item : trie.order())
      unseen_before_.push_back(unseen_before_.back() + left[static_cast<std::size_t>(item)]);
  }

  // The hypotheses that the next logits are wanted for: at first one, the empty code.
  const std::vector<Hypothesis>& beams() const { return beams_; }
  int64_t level() const { return level_; }  // tokens that every beam has
  bool done() const { return level_ == trie_->length(); }

  // logits(i) is for beam i a span of logits [values], entry j for token first_token + j.
  template <class Logits>
  void advance(int32_t first_token, Logits&& logits) {
    std::vector<Hypothesis> next;
    for (std::size_t i = 0; i < beams_.size(); ++i) {
      const std::span<const float> row = logits(i);
      const double base = beams_[i].score - log_sum_exp(row);
      const CodeTrie::Range range =
          level_ == 0 ? CodeTrie::Range{0, trie_->nodes(0)} : trie_->children(level_ - 1, beams_[i].node);
      for (int64_t node = range.begin; node < range.end; ++node) {
        if (!any_left(trie_->below(level_, node))) continue;
        const auto token = static_cast<std::size_t>(trie_->token(level_, node) - first_token);
        next.push_back({node, base + static_cast<double>(row[token])});
      }
    }
    ++level_;
    if (!done() && static_cast<int64_t>(next.size()) > width_) {
      std::nth_element(next.begin(), next.begin() + width_, next.end(), better);
      next.resize(static_cast<std::size_t>(width_));
    }
    // In the order of the trie, so that what is computed for a beam does not depend on how scores are ordered.
    std::sort(next.begin(), next.end(), [](const Hypothesis& a, const Hypothesis& b) { return a.node < b.node; });
    beams_ = std::move(next);
  }

  // When done(): the best items; -1 and -inf fill what is left.
  void list(std::span<int32_t> items, std::span<float> scores) const {
    struct Found {
      float score;
      int32_t item;
    };
    std::vector<Found> found;
    for (const Hypothesis& leaf : beams_) {
      const CodeTrie::Range range = trie_->below(level_ - 1, leaf.node);
      for (int64_t p = range.begin; p < range.end; ++p)
        if (any_left({p, p + 1}))
          found.push_back({static_cast<float>(leaf.score), trie_->order()[static_cast<std::size_t>(p)]});
    }
    // A score that is no number ranks last, as in heddle_top_n.
    const auto key = [](float score) { return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score; };
    const std::size_t n = std::min(found.size(), items.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n), found.end(),
                      [&](const Found& a, const Found& b) {
                        return key(a.score) != key(b.score) ? key(a.score) > key(b.score) : a.item > b.item;
                      });
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i] = i < n ? found[i].item : -1;
      scores[i] = i < n ? key(found[i].score) : -std::numeric_limits<float>::infinity();
    }
  }

 private:
  bool any_left(CodeTrie::Range range) const {
    return unseen_before_[static_cast<std::size_t>(range.end)] > unseen_before_[static_cast<std::size_t>(range.begin)];
  }
  static bool better(const Hypothesis& a, const Hypothesis& b) {
    const double sa = std::isnan(a.score) ? -std::numeric_limits<double>::infinity() : a.score;
    const double sb = std::isnan(b.score) ? -std::numeric_limits<double>::infinity() : b.score;
    return sa != sb ? sa > sb : a.node < b.node;
  }
  static double log_sum_exp(std::span<const float> row) {
    float largest = -std::numeric_limits<float>::infinity();
    for (const float x : row) largest = std::max(largest, x);
    if (!std::isfinite(largest)) return static_cast<double>(largest);
    double sum = 0;
    for (const float x : row) sum += static_cast<double>(std::exp(x - largest));
    return static_cast<double>(largest) + std::log(sum);
  }

  const CodeTrie* trie_;
  int64_t width_, level_ = 0;
  std::vector<Hypothesis> beams_;
  std::vector<int32_t> unseen_before_;  // [items + 1] in the trie's order
};

}  // namespace gptrec_svd
