#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/pipeline/stages.h"
#include "core/store/json_file.h"

namespace heddle {

using nlohmann::json;

void save_results(const ArtefactWriter& writer, const StageResults& results) {
  json values = json::array();
  for (const ResultValue& value : results.values) {
    json entry = {{"metric", value.metric}};
    if (!value.feature.empty()) entry["feature"] = value.feature;
    if (!value.attribute.empty()) entry["attribute"] = value.attribute;
    const bool present = value.value.has_value() && std::isfinite(*value.value);
    entry["value"] = present ? json(*value.value) : json(nullptr);
    if (!present) entry["reason"] = value.reason.empty() ? "undefined" : value.reason;
    if (!value.keys.empty()) entry["keys"] = value.keys;
    values.push_back(std::move(entry));
  }
  write_json(writer.file("results.json"), json{{"protocol", results.protocol}, {"values", values}});
}

StageResults load_results(const Artefact& artefact) {
  const auto path = artefact.file("results.json");
  const json file = read_json(path);
  StageResults results;
  try {
    results.protocol = file.at("protocol");
    for (const json& entry : file.at("values")) {
      ResultValue value;
      value.metric = entry.at("metric");
      value.feature = entry.value("feature", "");
      value.attribute = entry.value("attribute", "");
      if (!entry.at("value").is_null()) value.value = entry.at("value").get<double>();
      value.reason = entry.value("reason", "");
      value.keys = entry.value("keys", json::object());
      results.values.push_back(std::move(value));
    }
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", path.string(), error.what());
  }
  return results;
}

ArtefactRecord record_of(const StageKey& key) { return {key.stage, key.key, key.params, key.inputs}; }

RankingMetrics make_ranking_metrics(const std::vector<ComponentUse>& uses) {
  RankingMetrics metrics;
  for (const ComponentUse& use : uses)
    metrics.push_back(std::make_unique<RankingMetric>(use.name, *use.component, use.values));
  return metrics;
}

std::vector<uint8_t> coverage_mask(CoverageDenominator denominator, const Catalogue& catalogue) {
  std::vector<uint8_t> counted;
  if (denominator == CoverageDenominator::train)
    for (int64_t count : catalogue.counts) counted.push_back(count > 0 ? 1 : 0);
  return counted;
}

RankingProtocol make_protocol(const Job& job, const ItemData& items, const LogData& data) {
  const EvaluationOptions& options = job.experiment.evaluate.options;
  RankingProtocol protocol;
  protocol.k = options.top;
  protocol.filter_seen = options.filter_seen;
  protocol.batch_users = options.batch_users;
  protocol.precision = job.experiment.compute.precision;
  protocol.counted = coverage_mask(options.coverage_denominator, items.catalogue);
  protocol.split = to_string(data.split.options.kind) + "/test";
  protocol.generation = options.generation;
  return protocol;
}

Part first_users(const Part& part, int64_t users) {
  Part out = part;
  if (users > 0 && users < part.user_count()) out.users.resize(static_cast<size_t>(users));
  return out;
}

}  // namespace heddle
