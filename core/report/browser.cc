#include "core/report/browser.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

namespace heddle {

using nlohmann::ordered_json;

namespace {

constexpr int64_t attributes_of_feature = 8;
constexpr size_t items_of_feature = 10;

// Narrow enough for four beside a histogram; the tables say them in full.
std::string short_title(const std::string& metric) {
  static const std::map<std::string, std::string> titles = {
      {"pearson", "Corr."}, {"roc_auc", "AUC"}, {"sensitivity", "Sens."}};
  const auto found = titles.find(metric);
  return found == titles.end() ? metric_title(metric) : found->second;
}

// Numbers the items that are shown, in the order in which they are met.
class ShownItems {
 public:
  explicit ShownItems(const ItemData& items) : items_(items) {}
  int64_t number(int32_t item) {
    const auto [found, fresh] = numbers_.try_emplace(item, static_cast<int64_t>(order_.size()));
    if (fresh) order_.push_back(item);
    return found->second;
  }
  // `prefix`: the family of attributes that items carry as labels.
  void write(ordered_json& out, const std::string& prefix) const {
    std::map<int32_t, int64_t> label_numbers;
    ordered_json ids = ordered_json::array(), titles = ordered_json::array(), labels = ordered_json::array(),
                 names = ordered_json::array();
    for (int32_t item : order_) {
      ids.push_back(items_.catalogue.raw_ids[static_cast<size_t>(item)]);
      titles.push_back(items_.catalogue.title(item));
      ordered_json own = ordered_json::array();
      for (int32_t label : items_.attributes.labels_of(item)) {
        const Attribute& attribute = items_.attributes.attributes[static_cast<size_t>(label)];
        if (attribute.prefix != prefix) continue;
        const auto [found, fresh] = label_numbers.try_emplace(label, static_cast<int64_t>(names.size()));
        if (fresh) names.push_back(attribute.name.substr(prefix.size() + 1));
        own.push_back(found->second);
      }
      labels.push_back(std::move(own));
    }
    out["ids"] = std::move(ids), out["titles"] = std::move(titles), out["labels"] = std::move(labels),
    out["label_names"] = std::move(names);
  }

 private:
  const ItemData& items_;
  std::unordered_map<int32_t, int64_t> numbers_;
  std::vector<int32_t> order_;
};

ordered_json short_number(double value, int digits) {
  if (!std::isfinite(value)) return nullptr;
  if (value == 0) return 0;
  const double near = rounded(value, digits);
  if (near == std::floor(near) && std::abs(near) < 1e15) return static_cast<int64_t>(near);
  return near;
}

ordered_json details_of(const FeatureDetail& detail, ShownItems& shown, ordered_json& up, ordered_json& down,
                        ordered_json& like, ordered_json& hist) {
  hist.push_back(detail.histogram);
  auto effects = [&](const std::vector<ItemEffect>& list) {
    ordered_json flat = ordered_json::array();
    for (const ItemEffect& effect : list)
      flat.push_back(shown.number(effect.item)), flat.push_back(short_number(effect.effect, 3));
    return flat;
  };
  up.push_back(effects(detail.promoted));
  down.push_back(effects(detail.demoted));
  ordered_json similar = ordered_json::array();
  for (const SimilarFeature& other : detail.similar)
    similar.push_back(other.feature), similar.push_back(short_number(other.cosine, 2));
  like.push_back(std::move(similar));
  ordered_json sequences = ordered_json::array();
  for (const FeatureSequence& sequence : detail.sequences) {
    ordered_json items = ordered_json::array(), activations = ordered_json::array();
    for (int32_t item : sequence.items) items.push_back(shown.number(item));
    for (float activation : sequence.activations) activations.push_back(short_number(activation, 3));
    sequences.push_back({sequence.user_id, sequence.first, std::move(items), std::move(activations)});
  }
  return sequences;
}

ordered_json dictionary_json(const Interpreted& found, const Focus& focus, ShownItems& shown) {
  const FeatureFile& file = found.file;
  ordered_json metrics = ordered_json::array();
  std::string by = focus.best_by;
  if (std::find(file.metrics.begin(), file.metrics.end(), by) == file.metrics.end()) by = file.metrics.front();
  for (const std::string& metric : file.metrics) metrics.push_back(short_title(metric));
  ordered_json out = {{"name", found.dictionary},
                      {"site", found.site},
                      {"points", file.points},
                      {"metrics", std::move(metrics)},
                      {"by", std::find(file.metrics.begin(), file.metrics.end(), by) - file.metrics.begin()},
                      {"attributes", file.attributes}};
  ordered_json rate = ordered_json::array(), mean = rate, maximum = rate, attr = rate, items = rate;
  for (int64_t f = 0; f < file.feature_count(); ++f) {
    const FeatureSummary& feature = file.features[static_cast<size_t>(f)];
    rate.push_back(short_number(feature.rate, 4));
    mean.push_back(short_number(feature.mean, 4));
    maximum.push_back(short_number(feature.maximum, 4));
    ordered_json best = ordered_json::array(), top = ordered_json::array();
    if (feature.rate > 0)
      for (const auto& [attribute, score] : file.best_attributes(by, f, attributes_of_feature)) {
        best.push_back(attribute);
        for (const std::string& metric : file.metrics)
          best.push_back(short_number(file.score(metric, f, attribute), 3));
      }
    for (size_t i = 0; i < feature.items.size() && i < items_of_feature; ++i) {
      top.push_back(shown.number(feature.items[i].item));
      top.push_back(short_number(feature.items[i].activation, 3));
      top.push_back(feature.items[i].points);
    }
    attr.push_back(std::move(best)), items.push_back(std::move(top));
  }
  out["rate"] = std::move(rate), out["mean"] = std::move(mean), out["max"] = std::move(maximum),
  out["attr"] = std::move(attr), out["items"] = std::move(items);
  if (!found.details) {
    out["absent"] = {
        {"details", "this run was made before histograms and sequences were kept; `heddle run` makes them"}};
    return out;
  }
  const FeatureDetails& details = *found.details;
  out["bins"] = details.bins;
  out["absent"] = {{"effects", details.effects_absent}, {"similar", details.similar_absent}};
  ordered_json hist = ordered_json::array(), up = hist, down = hist, like = hist, seq = hist;
  for (const FeatureDetail& detail : details.features) seq.push_back(details_of(detail, shown, up, down, like, hist));
  ordered_json present = ordered_json::object();
  for (const AttributeHistogram& entry : details.attributes) {
    ordered_json row = {file.attribute(entry.attribute)};
    for (int64_t count : entry.present) row.push_back(count);
    present[std::to_string(entry.feature)].push_back(std::move(row));
  }
  out["hist"] = std::move(hist), out["present"] = std::move(present), out["seq"] = std::move(seq),
  out["up"] = std::move(up), out["down"] = std::move(down), out["like"] = std::move(like);
  return out;
}

}  // namespace

ordered_json browser_json(const std::vector<Interpreted>& dictionaries, const Focus& focus) {
  ordered_json out = {{"dictionaries", ordered_json::array()}};
  if (dictionaries.empty()) return out;
  // Dictionaries of one run share their items.
  ShownItems shown(*dictionaries.front().items);
  for (const Interpreted& found : dictionaries) out["dictionaries"].push_back(dictionary_json(found, focus, shown));
  shown.write(out, focus.prefix);
  return out;
}

}  // namespace heddle
