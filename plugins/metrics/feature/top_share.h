// heddle.top_share: of the sum of a feature's `top` largest activations, the share that falls on points with the attribute
// (p_top100 of the paper with top = 100). Only positive activations count. Ties: the earlier point. Undefined for a feature
// that never fires and for an attribute that no point has; points without a known item are left out.
// Example (five points of feature_metrics.cc, top = 2): f = 3 0 1 0 1, the two largest are 3 (point 1, with) and 1 (point 3,
// with): share 1; top = 3 adds 1 (point 5, without): 4/5.
// State: per feature at most `top` entries with one bit per attribute; begin() empties it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <heddle/metric.hpp>

namespace heddle_feature_metrics {

using namespace heddle::sdk;

class TopShare : public Metric<TopShare> {
 public:
  struct Options {
    int64_t top = 100;
  } options;
  static constexpr About about{"heddle.top_share",
                               "Share of a feature's strongest activations that falls on points with the attribute."};
  static constexpr Schema schema{field("top", &Options::top).range(1, 1e6).doc("Strongest activations per feature.")};
  static constexpr Range range{.lowest = 0, .highest = 1, .binary_only = true};

  void begin(int64_t features, int64_t attributes) {
    attributes_ = static_cast<std::size_t>(attributes);
    words_ = (attributes_ + 63) / 64;
    points_ = 0;
    seen_.assign(words_, 0);
    strongest_.assign(static_cast<std::size_t>(features), {});
  }

  void update(Codes codes, const Tensor& labels) {
    std::vector<uint64_t> bits(words_);
    for (int64_t b = 0; b < codes.rows(); ++b, ++points_) {
      if (!read_labels(labels.row<const float>(b), bits)) continue;
      for (std::size_t w = 0; w < words_; ++w) seen_[w] |= bits[w];
      const auto row = codes.row(b);
      for (std::size_t i = 0; i < row.indices.size(); ++i)
        if (row.values[i] > 0)
          add(strongest_[static_cast<std::size_t>(row.indices[i])], row.values[i], points_, bits.data());
    }
  }

  // other saw the points behind ours.
  void merge(const TopShare& other) {
    for (std::size_t w = 0; w < words_; ++w) seen_[w] |= other.seen_[w];
    for (std::size_t f = 0; f < strongest_.size(); ++f)
      for (const Entry& entry : other.strongest_[f].heap)
        add(strongest_[f], entry.value, points_ + entry.point, other.strongest_[f].bits.data() + entry.slot * words_);
    points_ += other.points_;
  }

  void finish(const Tensor& scores) {
    const auto out = scores.span<double>();
    std::fill(out.begin(), out.end(), undefined);
    std::vector<double> with(attributes_);
    for (std::size_t f = 0; f < strongest_.size(); ++f) {
      Strongest& mine = strongest_[f];
      if (mine.heap.empty()) continue;
      std::sort(mine.heap.begin(), mine.heap.end(), stronger);  // one order of the sums, whatever the heap looks like
      std::fill(with.begin(), with.end(), 0);
      double sum = 0;
      for (const Entry& entry : mine.heap) {
        const auto value = static_cast<double>(entry.value);
        sum += value;
        const uint64_t* bits = mine.bits.data() + entry.slot * words_;
        for (std::size_t a = 0; a < attributes_; ++a)
          if (bits[a / 64] >> (a % 64) & 1) with[a] += value;
      }
      for (std::size_t a = 0; a < attributes_; ++a)
        if (seen_[a / 64] >> (a % 64) & 1) out[f * attributes_ + a] = with[a] / sum;
    }
  }

 private:
  struct Entry {
    float value;
    int64_t point;
    std::size_t slot;  // of its bits
  };
  struct Strongest {
    std::vector<Entry> heap;  // the weakest in front
    std::vector<uint64_t> bits;
  };
  static bool stronger(const Entry& a, const Entry& b) {
    return a.value != b.value ? a.value > b.value : a.point < b.point;
  }

  // False where nothing is known of the point's item.
  template <class Row>
  bool read_labels(Row row, std::vector<uint64_t>& bits) const {
    std::fill(bits.begin(), bits.end(), 0);
    bool known = false;
    for (std::size_t a = 0; a < attributes_; ++a) {
      known = known || !std::isnan(row[a]);
      if (row[a] == 1) bits[a / 64] |= uint64_t{1} << (a % 64);
    }
    return known;
  }

  void add(Strongest& to, float value, int64_t point, const uint64_t* bits) {
    Entry entry{value, point, to.heap.size()};
    if (to.heap.size() < static_cast<std::size_t>(options.top)) {
      to.bits.insert(to.bits.end(), bits, bits + words_);
    } else {
      if (!stronger(entry, to.heap.front())) return;
      std::pop_heap(to.heap.begin(), to.heap.end(), stronger);
      entry.slot = to.heap.back().slot;
      to.heap.pop_back();
      std::copy(bits, bits + words_, to.bits.begin() + static_cast<std::ptrdiff_t>(entry.slot * words_));
    }
    to.heap.push_back(entry);
    std::push_heap(to.heap.begin(), to.heap.end(), stronger);
  }

  std::size_t attributes_ = 0, words_ = 0;
  int64_t points_ = 0;
  std::vector<uint64_t> seen_;  // attributes that some point has
  std::vector<Strongest> strongest_;
};

}  // namespace heddle_feature_metrics
