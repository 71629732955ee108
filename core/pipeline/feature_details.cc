#include "core/pipeline/feature_details.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/pipeline/short_number.h"
#include "core/store/atomic_file.h"
#include "core/store/json_file.h"

namespace heddle {

using nlohmann::json;

namespace {

json json_of(const FeatureSequence& sequence) {
  json activations = json::array();
  for (float value : sequence.activations) activations.push_back(short_number(value));
  return {{"user", sequence.user}, {"user_id", sequence.user_id}, {"first", sequence.first},
          {"peak", sequence.peak}, {"items", sequence.items},     {"activations", activations}};
}

FeatureSequence sequence_of(const json& entry) {
  FeatureSequence sequence;
  entry.at("user").get_to(sequence.user);
  entry.at("user_id").get_to(sequence.user_id);
  entry.at("first").get_to(sequence.first);
  entry.at("peak").get_to(sequence.peak);
  entry.at("items").get_to(sequence.items);
  entry.at("activations").get_to(sequence.activations);
  const size_t length = sequence.items.size();
  if (length == 0 || sequence.activations.size() != length || sequence.peak < 0 ||
      static_cast<size_t>(sequence.peak) >= length)
    throw std::runtime_error("a sequence whose items and activations do not agree");
  return sequence;
}

// [[index, value], …]
template <class Pairs>
json json_of_pairs(const Pairs& pairs) {
  json out = json::array();
  for (const auto& [index, value] : pairs) out.push_back({index, short_number(value)});
  return out;
}

template <class Pair>
std::vector<Pair> pairs_of(const json& entries) {
  std::vector<Pair> out;
  for (const json& entry : entries) out.push_back({entry.at(0), entry.at(1)});
  return out;
}

}  // namespace

const AttributeHistogram* FeatureDetails::of(const std::string& attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const AttributeHistogram& entry) { return entry.attribute == attribute; });
  return found == attributes.end() ? nullptr : &*found;
}

void FeatureDetails::save(const ArtefactWriter& writer) const {
  json histograms = json::array(), list = json::array();
  for (const AttributeHistogram& entry : attributes)
    histograms.push_back({{"attribute", entry.attribute}, {"feature", entry.feature}, {"present", entry.present}});
  for (const FeatureDetail& feature : features) {
    json sequences = json::array();
    for (const FeatureSequence& sequence : feature.sequences) sequences.push_back(json_of(sequence));
    list.push_back({{"maximum", short_number(feature.maximum)},
                    {"histogram", feature.histogram},
                    {"sequences", sequences},
                    {"promoted", json_of_pairs(feature.promoted)},
                    {"demoted", json_of_pairs(feature.demoted)},
                    {"similar", json_of_pairs(feature.similar)}});
  }
  const json file = {{"format", 1},
                     {"bins", bins},
                     {"best_by", best_by},
                     {"effects_absent", effects_absent},
                     {"similar_absent", similar_absent},
                     {"attributes", histograms},
                     {"features", list}};
  // Not indented: a line per number would multiply its size.
  write_file(writer.file(file_name), file.dump() + "\n");
}

FeatureDetails FeatureDetails::load(const Artefact& artefact) {
  const auto path = artefact.file(file_name);
  const json file = read_json(path);
  FeatureDetails out;
  try {
    require_format(file, 1, path);
    file.at("bins").get_to(out.bins);
    file.at("best_by").get_to(out.best_by);
    file.at("effects_absent").get_to(out.effects_absent);
    file.at("similar_absent").get_to(out.similar_absent);
    for (const json& entry : file.at("attributes"))
      out.attributes.push_back({entry.at("attribute"), entry.at("feature"), entry.at("present")});
    for (const json& entry : file.at("features")) {
      FeatureDetail feature;
      entry.at("maximum").get_to(feature.maximum);
      entry.at("histogram").get_to(feature.histogram);
      for (const json& sequence : entry.at("sequences")) feature.sequences.push_back(sequence_of(sequence));
      feature.promoted = pairs_of<ItemEffect>(entry.at("promoted"));
      feature.demoted = pairs_of<ItemEffect>(entry.at("demoted"));
      feature.similar = pairs_of<SimilarFeature>(entry.at("similar"));
      out.features.push_back(std::move(feature));
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", path.string(), error.what());
  }
  return out;
}

}  // namespace heddle
