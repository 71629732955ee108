// RankingMetric: the quality of recommendation lists. Give one of
//   double per_user(const UserList& list) const;    // the host takes the mean, in user order
//   double over_all(const Lists& lists) const;
// Any thread, several at once. Declare `static constexpr bool lower_is_better = true;` when it is.
#pragma once

#include <span>

#include "plugin.hpp"

namespace heddle::sdk {

struct UserList {
  std::span<const int32_t> items;    // recommended, best first, at most k; shorter when there were fewer candidates
  std::span<const int32_t> targets;  // what the user took, duplicates possible
  int64_t k;
  bool hit(int32_t item) const {
    for (int32_t target : targets)
      if (target == item) return true;
    return false;
  }
};

// The lists of all users.
class Lists {
 public:
  explicit Lists(const heddle_lists& raw) : raw_(raw) {}
  int64_t users() const { return raw_.users; }
  int64_t k() const { return raw_.k; }
  int64_t items() const { return raw_.items; }  // size of the catalogue
  // Whether an item counts for coverage: the whole catalogue, or the part that the experiment names.
  bool counts(int64_t item) const { return raw_.counted == nullptr || raw_.counted[item] != 0; }
  UserList of(int64_t user) const {
    const int32_t* list = raw_.lists + user * raw_.k;
    int64_t length = 0;
    while (length < raw_.k && list[length] >= 0) ++length;
    const int64_t begin = raw_.target_offsets[user], end = raw_.target_offsets[user + 1];
    return {{list, static_cast<std::size_t>(length)},
            {raw_.targets + begin, static_cast<std::size_t>(end - begin)},
            raw_.k};
  }

 private:
  const heddle_lists& raw_;
};

namespace detail {
template <class Self>
concept PerUserMetric = requires(const Self& self, const UserList& list) {
  { self.per_user(list) } -> std::convertible_to<double>;
};

template <class Self>
struct RankingMetricTable {
  static int32_t create(const heddle_host* host, const heddle_values* values, heddle_ranking_metric** out,
                        heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [](Self&) {});
  }
  static int32_t per_user(heddle_ranking_metric* m, const heddle_lists* lists, double* values,
                          heddle_error* error) noexcept {
    return guarded(error, [&] {
      const Lists all(*lists);
      for (int64_t u = 0; u < all.users(); ++u) values[u] = self_of<const Self>(m).per_user(all.of(u));
    });
  }
  static int32_t over_all(heddle_ranking_metric* m, const heddle_lists* lists, double* value,
                          heddle_error* error) noexcept {
    return guarded(error, [&] { *value = self_of<const Self>(m).over_all(Lists(*lists)); });
  }
  static constexpr heddle_ranking_metric_vtable table() {
    heddle_ranking_metric_vtable t{};
    t.struct_size = sizeof t;
    t.flags = Self::lower_is_better * uint32_t{HEDDLE_RANKING_LOWER_IS_BETTER};
    t.create = &create;
    t.destroy = &destroy<Self, heddle_ranking_metric>;
    if constexpr (PerUserMetric<Self>) t.per_user = &per_user;
    else t.over_all = &over_all;
    return t;
  }
};
}  // namespace detail

template <class Self>
class RankingMetric : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_RANKING_METRIC;
  static constexpr bool lower_is_better = false;
  template <class S>
  static constexpr heddle_ranking_metric_vtable vtable = detail::RankingMetricTable<S>::table();
};

}  // namespace heddle::sdk
