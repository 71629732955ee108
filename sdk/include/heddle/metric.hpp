// Metric: how well a feature agrees with an attribute of the items. See abi/metric.h for what a data point is.
//
// Give one of two forms:
//   double score(const Pair& p) const;      from sufficient statistics; NaN where undefined. Any thread, at once.
// or, to see codes and labels themselves, one call at a time per instance:
//   void begin(int64_t features, int64_t attributes);
//   void update(Codes codes, const Tensor& labels);   // labels f32 [B, attributes], NaN = unknown; host memory
//   void merge(const Self& other);                    // adds other's state; called in block order
//   void finish(const Tensor& scores);                // f64 [features, attributes]
// and say the range:
//   static constexpr Range range{.lowest = 0, .highest = 1};
#pragma once

#include <limits>

#include "codes.hpp"
#include "plugin.hpp"

namespace heddle::sdk {

using Pair = heddle_pair;
inline constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

struct Range {
  double lowest, highest;
  bool needs_ranks = false;  // fill Pair::rank_sum_positive
  bool binary_only = false;  // numeric attributes get no value
  bool lower_is_better = false;
};

namespace detail {

template <class Self>
concept PairwiseMetric = requires(const Self& self, const Pair& pair) {
  { self.score(pair) } -> std::convertible_to<double>;
};

template <class Self>
struct MetricTable {
  static int32_t create(const heddle_host* host, const heddle_values* values, heddle_metric** out,
                        heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [](Self&) {});
  }
  static int32_t info(heddle_metric*, heddle_metric_info* out, heddle_error*) noexcept {
    constexpr Range r = Self::range;
    *out = {sizeof *out,
            r.needs_ranks * uint32_t{HEDDLE_METRIC_NEEDS_RANKS} | r.binary_only * uint32_t{HEDDLE_METRIC_BINARY_ONLY} |
                r.lower_is_better * uint32_t{HEDDLE_METRIC_LOWER_IS_BETTER},
            r.lowest, r.highest};
    return HEDDLE_OK;
  }
  static int32_t score(heddle_metric* m, int64_t count, const heddle_pair* pairs, double* scores,
                       heddle_error* error) noexcept {
    return guarded(error, [&] {
      const Self& self = self_of<Self>(m);
      const auto* bytes = reinterpret_cast<const char*>(pairs);  // a newer host's pairs may be longer than ours
      for (int64_t i = 0; i < count; ++i)
        scores[i] = self.score(*reinterpret_cast<const Pair*>(bytes + i * int64_t{pairs->struct_size}));
    });
  }
  static int32_t begin(heddle_metric* m, const heddle_metric_shape* shape, heddle_error* error) noexcept {
    return guarded(error, [&] { self_of<Self>(m).begin(shape->features, shape->attributes); });
  }
  static int32_t update(heddle_metric* m, const heddle_metric_block* block, heddle_error* error) noexcept {
    return guarded(error, [&] { self_of<Self>(m).update(Codes(block->codes), Tensor(block->labels)); });
  }
  static int32_t merge(heddle_metric* m, const heddle_metric* other, heddle_error* error) noexcept {
    return guarded(error, [&] { self_of<Self>(m).merge(*reinterpret_cast<const Self*>(other)); });
  }
  static int32_t finish(heddle_metric* m, DLTensor* scores, heddle_error* error) noexcept {
    return guarded(error, [&] { self_of<Self>(m).finish(Tensor(scores)); });
  }
  static constexpr heddle_metric_vtable table() {
    heddle_metric_vtable t{};
    t.struct_size = sizeof t;
    t.create = &create;
    t.destroy = &destroy<Self, heddle_metric>;
    t.info = &info;
    if constexpr (PairwiseMetric<Self>) {
      t.score = &score;
    } else {
      t.begin = &begin;
      t.update = &update;
      t.merge = &merge;
      t.finish = &finish;
    }
    return t;
  }
};

}  // namespace detail

template <class Self>
class Metric : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_METRIC;
  template <class S>
  static constexpr heddle_metric_vtable vtable = detail::MetricTable<S>::table();
};

}  // namespace heddle::sdk
