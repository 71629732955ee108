#include "core/pipeline/feature_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/atomic_file.h"
#include "core/store/json_file.h"
#include "core/store/safetensors.h"

namespace heddle {

using nlohmann::json;

double FeatureFile::score(const std::string& metric, int64_t feature, int64_t attribute_index) const {
  return matrix(metric)[static_cast<size_t>(feature) * attributes.size() + static_cast<size_t>(attribute_index)];
}

int64_t FeatureFile::attribute(const std::string& name) const {
  const auto found = std::find(attributes.begin(), attributes.end(), name);
  if (found != attributes.end()) return found - attributes.begin();
  const size_t shown = std::min<size_t>(attributes.size(), 20);
  wrong_use("no attribute '{}'{}; there are: {}{}", name, did_you_mean(name, attributes),
            fmt::join(attributes.begin(), attributes.begin() + static_cast<int64_t>(shown), ", "),
            shown < attributes.size() ? ", …" : "");
}

const std::vector<double>& FeatureFile::matrix(const std::string& metric) const {
  const auto found = scores.find(metric);
  if (found == scores.end())
    wrong_use("no metric '{}'{}; there are: {}", metric, did_you_mean(metric, metrics), fmt::join(metrics, ", "));
  return found->second;
}

namespace {

// Order of two scores by a metric's direction.
bool better(double a, double b, bool lower) { return lower ? a < b : a > b; }

}  // namespace

std::vector<FeatureScore> FeatureFile::best_features(const std::string& metric, int64_t attribute_index,
                                                     int64_t count) const {
  matrix(metric);
  const bool lower =
      lower_is_better[static_cast<size_t>(std::find(metrics.begin(), metrics.end(), metric) - metrics.begin())];
  std::vector<FeatureScore> all;
  for (int64_t f = 0; f < feature_count(); ++f)
    if (const double value = score(metric, f, attribute_index); !std::isnan(value)) all.push_back({f, value});
  std::stable_sort(all.begin(), all.end(),
                   [&](const FeatureScore& a, const FeatureScore& b) { return better(a.score, b.score, lower); });
  if (static_cast<int64_t>(all.size()) > count) all.resize(static_cast<size_t>(count));
  return all;
}

std::vector<std::pair<int64_t, double>> FeatureFile::best_attributes(const std::string& metric, int64_t feature,
                                                                     int64_t count) const {
  matrix(metric);
  const bool lower =
      lower_is_better[static_cast<size_t>(std::find(metrics.begin(), metrics.end(), metric) - metrics.begin())];
  std::vector<std::pair<int64_t, double>> all;
  for (int64_t a = 0; a < static_cast<int64_t>(attributes.size()); ++a)
    if (const double value = score(metric, feature, a); !std::isnan(value)) all.emplace_back(a, value);
  std::stable_sort(all.begin(), all.end(),
                   [&](const auto& a, const auto& b) { return better(a.second, b.second, lower); });
  if (static_cast<int64_t>(all.size()) > count) all.resize(static_cast<size_t>(count));
  return all;
}

void FeatureFile::save(const ArtefactWriter& writer) const {
  SafeTensorsWriter tensors;
  for (const std::string& metric : metrics)
    tensors.add(metric, stored::f64, {feature_count(), static_cast<int64_t>(attributes.size())},
                scores.at(metric).data());
  tensors.metadata("attributes", json(attributes).dump());
  tensors.write(writer.file("scores.safetensors"));
  json list = json::array();
  for (const FeatureSummary& feature : features) {
    json items = json::array(), tops = json::array();
    for (const TopItem& item : feature.items)
      items.push_back({{"item", item.item}, {"activation", item.activation}, {"points", item.points}});
    for (const TopPoint& point : feature.points)
      tops.push_back(
          {{"user", point.user}, {"position", point.position}, {"item", point.item}, {"activation", point.activation}});
    list.push_back(
        {{"rate", feature.rate}, {"mean", feature.mean}, {"max", feature.maximum}, {"items", items}, {"points", tops}});
  }
  // Not indented: a line per number would make it three times as large.
  const json file = {
      {"points", points}, {"metrics", metrics}, {"lower_is_better", lower_is_better}, {"features", list}};
  write_file(writer.file("features.json"), file.dump() + "\n");
}

FeatureFile FeatureFile::load(const Artefact& artefact) {
  FeatureFile out;
  const json file = read_json(artefact.file("features.json"));
  const SafeTensors tensors(artefact.file("scores.safetensors"));
  try {
    file.at("points").get_to(out.points);
    file.at("metrics").get_to(out.metrics);
    file.at("lower_is_better").get_to(out.lower_is_better);
    for (const json& entry : file.at("features")) {
      FeatureSummary feature;
      entry.at("rate").get_to(feature.rate);
      entry.at("mean").get_to(feature.mean);
      entry.at("max").get_to(feature.maximum);
      for (const json& item : entry.at("items"))
        feature.items.push_back({item.at("item"), item.at("activation"), item.at("points")});
      for (const json& point : entry.at("points"))
        feature.points.push_back({point.at("user"), point.at("position"), point.at("item"), point.at("activation")});
      out.features.push_back(std::move(feature));
    }
    json::parse(tensors.metadata().at("attributes")).get_to(out.attributes);
  } catch (const std::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", artefact.folder().string(),
         error.what());
  }
  for (const std::string& metric : out.metrics) {
    std::vector<double>& values = out.scores[metric];
    values.resize(out.features.size() * out.attributes.size());
    tensors.read(metric, stored::f64, {out.feature_count(), static_cast<int64_t>(out.attributes.size())},
                 values.data());
  }
  return out;
}

}  // namespace heddle
