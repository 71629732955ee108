// heddle.item_popularity: how often an item occurs on the training side, as a numeric attribute, and as labels for the
// head, torso and tail of the catalogue.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;

enum class Scale { log10_count, count };

struct ItemPopularity : Attributes<ItemPopularity> {
  static constexpr About about{"heddle.item_popularity",
                               "Interactions of an item on the training side; items without any have no value."};
  struct Options {
    Scale scale = Scale::log10_count;
    bool groups = false;
    double head = 0.2, tail = 0.2;
  } options;
  static constexpr Schema schema{
      field("scale", &Options::scale)
          .choices("log10_count", "count")
          .doc("Logarithm to base 10 of the count, or the count itself; also the attribute's name."),
      field("groups", &Options::groups)
          .doc("Also label items as head, torso or tail, by the shares of all interactions below."),
      field("head", &Options::head)
          .range(0, 1)
          .doc("The head: the most popular items, as many as it takes to have this share of all interactions."),
      field("tail", &Options::tail)
          .range(0, 1)
          .doc("The tail: the least popular items that together have at most this share; the torso is the rest.")};

  static void check(const Options& o) {
    if (o.head + o.tail > 1)
      raise(HEDDLE_INVALID_ARGUMENT, "head = ", o.head, " and tail = ", o.tail, " are more than all interactions");
  }

  void read(const Catalogue& catalogue, Labels& labels) {
    const Attribute popularity = labels.numeric(options.scale == Scale::count ? "count" : "log10_count");
    for (int64_t item = 0; item < catalogue.items(); ++item) {
      const auto count = static_cast<double>(catalogue.count(item));
      if (count > 0)
        labels.label(catalogue.raw_id(item), popularity, options.scale == Scale::count ? count : std::log10(count));
    }
    if (options.groups) label_groups(catalogue, labels);
  }
  std::string fingerprint() const { return "counts of the catalogue"; }  // which the host's own key covers

 private:
  // Items that are equally popular stay together, so that no order of the catalogue shows.
  void label_groups(const Catalogue& catalogue, Labels& labels) const {
    const Attribute head = labels.binary("head"), torso = labels.binary("torso"), tail = labels.binary("tail");
    std::vector<int64_t> order(static_cast<std::size_t>(catalogue.items()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return catalogue.count(a) > catalogue.count(b); });
    double total = 0;
    for (const int64_t count : catalogue.counts()) total += static_cast<double>(count);
    double before = 0;  // interactions of more popular items
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin;
      double group = 0;
      for (const int64_t count = catalogue.count(order[begin]);
           end < order.size() && catalogue.count(order[end]) == count; ++end)
        group += static_cast<double>(count);
      const Attribute which = before < options.head * total            ? head
                              : total - before <= options.tail * total ? tail
                                                                       : torso;
      for (; begin < end; ++begin) labels.label(catalogue.raw_id(order[begin]), which);
      before += group;
    }
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.item_popularity", "1.1.0", ItemPopularity)
