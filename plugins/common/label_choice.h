// Which labels of a many-valued source become attributes: labels are gathered with how often each item was given them,
// and those that are rare are left out. It borrows the options that it is given. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fold_case.h"
#include "heddle/attributes.hpp"

namespace heddle::plugins {

enum class FrequentBy { items, uses, interactions };

// Base of the options of such a source.
struct LabelOptions {
  bool fold_case = false;
  int64_t min_uses = 1, min_items = 1, most_frequent = 0;
  FrequentBy frequent_by = FrequentBy::items;
};

// Their declaration.
constexpr auto label_schema() {
  using sdk::field;
  using O = LabelOptions;
  return sdk::Schema(
      field("fold_case", &O::fold_case).doc("Labels that differ in case only are one, named in lower case."),
      field("min_uses", &O::min_uses)
          .range(1)
          .doc("An item has a label when it has been given it at least so often, as tags are by several people."),
      field("min_items", &O::min_items)
          .range(1)
          .doc("Labels that fewer items of the catalogue have are left out; 1: none is."),
      field("most_frequent", &O::most_frequent)
          .range(0)
          .doc("Only so many labels are kept, the most frequent ones; 0 keeps all."),
      field("frequent_by", &O::frequent_by)
          .choices("items", "uses", "interactions")
          .doc("What is counted for most_frequent: items with the label, how often it was given, or training "
               "interactions of its items."));
}

class LabelChoice {
 public:
  explicit LabelChoice(const LabelOptions& options) : options_(options) {}

  // Spaces around a label are no part of it; an empty one is none.
  void add(const std::string& item, std::string_view label) {
    label = trimmed(label);
    if (!label.empty()) ++uses_[options_.fold_case ? fold_case(label) : std::string(label)][item];
  }

  // Declares the labels that are left in the order of their names, and gives them to their items. Only items of the
  // catalogue count for what is frequent, but all are named: the host tells how many it does not know.
  void push(const sdk::Catalogue& catalogue, sdk::Labels& labels) const {
    std::map<std::string, int64_t, std::less<>> interactions;
    for (int64_t i = 0; i < catalogue.items(); ++i)
      interactions.emplace(std::string(catalogue.raw_id(i)), catalogue.count(i));
    struct Chosen {
      const std::string* name;
      int64_t frequency;
    };
    std::vector<Chosen> chosen;
    for (const auto& [name, items] : uses_) {
      int64_t inside = 0, frequency = 0;
      for (const auto& [item, uses] : items) {
        const auto at = interactions.find(item);
        if (at == interactions.end() || uses < options_.min_uses) continue;
        ++inside;
        frequency += options_.frequent_by == FrequentBy::items  ? 1
                     : options_.frequent_by == FrequentBy::uses ? uses
                                                                : at->second;
      }
      if (options_.min_items <= 1 || inside >= options_.min_items) chosen.push_back({&name, frequency});
    }
    if (options_.most_frequent > 0 && static_cast<int64_t>(chosen.size()) > options_.most_frequent) {
      // Stable: of equal ones the first names stay.
      std::stable_sort(chosen.begin(), chosen.end(),
                       [](const Chosen& a, const Chosen& b) { return a.frequency > b.frequency; });
      chosen.resize(static_cast<std::size_t>(options_.most_frequent));
      std::sort(chosen.begin(), chosen.end(), [](const Chosen& a, const Chosen& b) { return *a.name < *b.name; });
    }
    for (const Chosen& one : chosen) {
      const sdk::Attribute attribute = labels.binary(*one.name);
      for (const auto& [item, uses] : uses_.at(*one.name))
        if (uses >= options_.min_uses) labels.label(item, attribute);
    }
  }

 private:
  const LabelOptions& options_;
  std::map<std::string, std::map<std::string, int64_t>> uses_;  // label -> item -> how often
};

}  // namespace heddle::plugins
