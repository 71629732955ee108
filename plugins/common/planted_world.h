// The world behind heddle.synthetic and heddle.synthetic_interests: items in overlapping groups ("interests"), with a
// heavy-tailed popularity. A function of the options alone; both plugins build the same world from the same options.
//
// Randomness is SplitMix64 as a counter (Steele, Lea, Flood 2014): draw n of stream k is mix(k + n * golden ratio), so
// a user depends on (seed, user) and nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "heddle/schema.hpp"

namespace heddle::plugins {

enum class Preset { small, ml20m };

// What both components declare.
struct WorldOptions {
  Preset preset = Preset::small;
  int64_t seed = 1;
  int64_t items = 0;  // 0: the preset's
  int64_t groups = 0;
};

inline constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

class Draws {
 public:
  Draws(uint64_t seed, uint64_t stream)
      : state_(mix(mix(seed + 0x9E3779B97F4A7C15u) ^ (stream * 0xD1342543DE82EF95u + 1))) {}
  uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15u); }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0,1)
  // [0,n), n < 2^32: the bias is below 2^-32.
  uint32_t below(uint64_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }

 private:
  uint64_t state_;
};

// Draws an index with probability proportional to its weight in constant time (Walker 1977, Vose 1991).
class AliasTable {
 public:
  explicit AliasTable(const std::vector<double>& weights) : keep_(weights.size()), other_(weights.size()) {
    const auto n = weights.size();
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> share(n);
    std::vector<uint32_t> small, large;
    for (std::size_t i = 0; i < n; ++i) {
      share[i] = weights[i] * static_cast<double>(n) / total;
      (share[i] < 1 ? small : large).push_back(static_cast<uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const uint32_t low = small.back(), high = large.back();
      small.pop_back();
      keep_[low] = static_cast<uint32_t>(share[low] * 4294967295.0);
      other_[low] = high;
      share[high] -= 1 - share[low];
      if (share[high] < 1) {
        large.pop_back();
        small.push_back(high);
      }
    }
    for (const auto& rest : {small, large})
      for (const uint32_t i : rest) keep_[i] = UINT32_MAX, other_[i] = i;
  }
  uint32_t draw(Draws& draws) const {
    const uint64_t bits = draws.next();
    const auto at = static_cast<std::size_t>((bits >> 32) * keep_.size() >> 32);
    return static_cast<uint32_t>(bits) <= keep_[at] ? static_cast<uint32_t>(at) : other_[at];
  }

 private:
  std::vector<uint32_t> keep_, other_;
};

struct World {
  int64_t items, groups;
  std::vector<std::vector<int32_t>> groups_of;  // [items], one or two, ascending
  std::vector<std::vector<int32_t>> members;    // [groups]
  std::vector<double> popularity;               // [items], weights

  explicit World(const WorldOptions& options)
      : items(options.items > 0                 ? options.items
              : options.preset == Preset::small ? 600
                                                : 18345),
        groups(options.groups > 0                ? options.groups
               : options.preset == Preset::small ? 12
                                                 : 40),
        groups_of(static_cast<std::size_t>(items)),
        members(static_cast<std::size_t>(groups)),
        popularity(static_cast<std::size_t>(items)) {
    // Ranks in random order: popularity ~ 1 / (rank + 10), so the tail is heavy and no item rules alone.
    std::vector<int64_t> rank(static_cast<std::size_t>(items));
    std::iota(rank.begin(), rank.end(), 0);
    Draws draws(static_cast<uint64_t>(options.seed), 0xA11);
    for (std::size_t i = rank.size(); i > 1; --i) std::swap(rank[i - 1], rank[draws.below(i)]);
    for (std::size_t i = 0; i < rank.size(); ++i) {
      popularity[i] = 1.0 / (static_cast<double>(rank[i]) + 10.0);
      // Round-robin first, so that no group stays empty; a quarter of the items have a second group.
      const auto first = static_cast<int32_t>(static_cast<int64_t>(i) % groups);
      groups_of[i] = {first};
      if (groups > 1 && draws.uniform() < 0.25)
        groups_of[i].push_back(
            static_cast<int32_t>((first + 1 + draws.below(static_cast<uint64_t>(groups - 1))) % groups));
      std::sort(groups_of[i].begin(), groups_of[i].end());
      for (const int32_t g : groups_of[i]) members[static_cast<std::size_t>(g)].push_back(static_cast<int32_t>(i));
    }
  }

  static std::string group_name(int32_t group) {
    static constexpr const char* names[] = {
        "Jazz",    "Rock",    "Folk",     "Blues",    "Soul",    "Techno",    "Metal",     "Reggae",
        "Opera",   "Swing",   "Tango",    "Samba",    "Gospel",  "Country",   "Punk",      "House",
        "Ambient", "Disco",   "Flamenco", "Ska",      "Funk",    "Baroque",   "Salsa",     "Choral",
        "Grunge",  "Trance",  "Dub",      "Fado",     "Polka",   "Waltz",     "Bolero",    "Rumba",
        "Mambo",   "Klezmer", "Zydeco",   "Shoegaze", "Minimal", "Bluegrass", "Synthwave", "Industrial"};
    constexpr int32_t n = sizeof names / sizeof names[0];
    return group < n ? names[group] : sdk::text(names[group % n], " ", group / n + 1);
  }
  // Raw ids are 1, 2, ...
  std::string title(int64_t item) const {
    std::string text = sdk::text("item ", item + 1, " (");
    for (const int32_t g : groups_of[static_cast<std::size_t>(item)])
      text += (text.back() == '(' ? "" : ", ") + group_name(g);
    return text + ")";
  }
};

}  // namespace heddle::plugins
