// heddle.ndcg, hit_rate, mrr, recall, coverage, inter_list_diversity: the quality of recommendation lists of length k.
//
// Definitions and edge cases are those of RePlay. A user without recommendations or without targets scores 0 and counts
// in the mean. The worked example of each uses the same five users with k = 3 and a catalogue of 10 items
// (tests/unit/sdk/ranking_metrics_test.cc computes them again):
//
//   user   list R     targets G
//   A      0 1 2      0
//   B      1 2 3      3
//   C      2 3 4      9
//   D      0 5        5 0 7       (two candidates only)
//   E      1 2 3      2 2         (the same target twice)
#include <algorithm>
#include <cmath>
#include <vector>

#include <heddle/ranking_metric.hpp>

using namespace heddle::sdk;

namespace {

double gain(std::size_t place) { return 1 / std::log2(static_cast<double>(place) + 2); }  // place 0 is the best

// DCG / ideal DCG, DCG = sum over hits at rank j of 1/log2(j+1), ideal: hits at the first min(k, #G) ranks. #G counts
// duplicates.
// Example: A 1; B .5; C 0; D (1 + .6309)/2.1309 = .7654; E .6309/1.6309 = .3869; mean .5304.
struct Ndcg : RankingMetric<Ndcg> {
  static constexpr About about{"heddle.ndcg", "Normalised discounted cumulative gain, binary relevance."};

  double per_user(const UserList& list) const {
    double found = 0, ideal = 0;
    for (std::size_t j = 0; j < list.items.size(); ++j)
      if (list.hit(list.items[j])) found += gain(j);
    for (std::size_t j = 0; j < std::min(static_cast<std::size_t>(list.k), list.targets.size()); ++j) ideal += gain(j);
    return ideal == 0 ? 0 : found / ideal;
  }
};

// Rank of the first hit from 1, 0 without any.
std::size_t first_hit(const UserList& list) {
  for (std::size_t j = 0; j < list.items.size(); ++j)
    if (list.hit(list.items[j])) return j + 1;
  return 0;
}

// 1 when any target was recommended.
// Example: A 1, B 1, C 0, D 1, E 1; mean .8.
struct HitRate : RankingMetric<HitRate> {
  static constexpr About about{"heddle.hit_rate", "Share of users to whom at least one target was recommended."};
  double per_user(const UserList& list) const { return first_hit(list) > 0 ? 1 : 0; }
};

// 1 / rank of the first hit.
// Example: A 1, B 1/3, C 0, D 1, E 1/2; mean .5667.
struct Mrr : RankingMetric<Mrr> {
  static constexpr About about{"heddle.mrr", "Mean reciprocal rank of the first hit."};
  double per_user(const UserList& list) const {
    const std::size_t rank = first_hit(list);
    return rank == 0 ? 0 : 1 / static_cast<double>(rank);
  }
};

// Hits / number of different targets.
// Example: A 1, B 1, C 0, D 2/3, E 1; mean .7333.
struct Recall : RankingMetric<Recall> {
  static constexpr About about{"heddle.recall", "Share of a user's different targets that were recommended."};
  double per_user(const UserList& list) const {
    std::vector<int32_t> targets(list.targets.begin(), list.targets.end());
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    if (targets.empty()) return 0;
    const auto hits = std::count_if(list.items.begin(), list.items.end(), [&](int32_t item) { return list.hit(item); });
    return static_cast<double>(hits) / static_cast<double>(targets.size());
  }
};

// Different items over all lists / items of the catalogue.
// Example: items 0 1 2 3 4 5 of 10: .6.
struct Coverage : RankingMetric<Coverage> {
  static constexpr About about{"heddle.coverage", "Share of the catalogue that appears in any list."};
  double over_all(const Lists& lists) const {
    std::vector<char> shown(static_cast<std::size_t>(lists.items()));
    for (int64_t u = 0; u < lists.users(); ++u)
      for (int32_t item : lists.of(u).items) shown.at(static_cast<std::size_t>(item)) = 1;
    int64_t hit = 0, counted = 0;
    for (int64_t item = 0; item < lists.items(); ++item) {
      if (!lists.counts(item)) continue;
      ++counted;
      hit += shown[static_cast<std::size_t>(item)];
    }
    return counted == 0 ? 0 : static_cast<double>(hit) / static_cast<double>(counted);
  }
};

// 1 - the mean cosine of the lists of two different users, lists as 0/1 vectors over items. Over all pairs at once:
// with s_i = sum of 1/sqrt(K_u) and q_i = sum of 1/K_u over the users u to whom item i was shown, K_u the length of
// their list, the mean cosine is sum_i (s_i^2 - q_i) / (N (N-1)). An empty list resembles none. 0 for fewer than two
// users.
// Example, cosines: AB 2/3, AC 1/3, AD 1/sqrt(6), AE 2/3, BC 2/3, BD 0, BE 1, CD 0, CE 2/3, DE 0; sum 4.4082, over the
// ten pairs .4408; diversity .5592.
struct InterListDiversity : RankingMetric<InterListDiversity> {
  static constexpr About about{"heddle.inter_list_diversity", "Mean cosine distance between the lists of two users."};
  double over_all(const Lists& lists) const {
    if (lists.users() < 2) return 0;
    std::vector<double> s(static_cast<std::size_t>(lists.items())), q(s.size());
    for (int64_t u = 0; u < lists.users(); ++u) {
      const UserList list = lists.of(u);
      const auto length = static_cast<double>(list.items.size());
      for (int32_t item : list.items) {
        s.at(static_cast<std::size_t>(item)) += 1 / std::sqrt(length);
        q[static_cast<std::size_t>(item)] += 1 / length;
      }
    }
    double cosines = 0;
    for (std::size_t i = 0; i < s.size(); ++i) cosines += s[i] * s[i] - q[i];
    const auto users = static_cast<double>(lists.users());
    return 1 - cosines / (users * (users - 1));
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.ranking_metrics", "1.0.0", Ndcg, HitRate, Mrr, Recall, Coverage, InterListDiversity)
