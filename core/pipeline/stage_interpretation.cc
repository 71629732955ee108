// Interpretation: features of a dictionary, and raw neurons as the paper's baseline, against the attributes of the items.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/interpret/scores.h"
#include "core/pipeline/feature_file.h"
#include "core/pipeline/stages.h"

namespace heddle {
namespace {

constexpr int64_t block_rows = 4096;

FeatureMetrics make_metrics(const std::vector<ComponentUse>& uses) {
  FeatureMetrics metrics;
  for (const ComponentUse& use : uses)
    metrics.push_back(std::make_unique<FeatureMetric>(use.name, *use.component, use.values));
  return metrics;
}

struct Inputs {
  std::shared_ptr<const Activations> activations;
  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<const ItemData> items;
  std::string users;
};

Inputs inputs_of(Session& session, const Job& job, const std::string& site) {
  const bool test = job.experiment.interpret->options.points == PointsOf::test_users;
  return {session.activations(job, site, test ? Users::test : Users::dictionary), session.normalizer(job, site),
          session.items(job), test ? "test_users" : "activation_users"};
}

FeatureColumns columns_of(Session& session, const Inputs& inputs, DictionaryModel& model, int32_t precision) {
  FeatureColumns columns(model.features());
  Codes codes(session.context());
  std::vector<float> rows(static_cast<size_t>(block_rows * inputs.activations->width()));
  std::vector<int64_t> offsets;
  std::vector<int32_t> indices;
  std::vector<float> values;
  Tensor x(session.device(), DType::f32, {block_rows, inputs.activations->width()});
  Progress progress("codes", static_cast<uint64_t>(inputs.activations->rows()), "points");
  for (int64_t begin = 0; begin < inputs.activations->rows(); begin += block_rows) {
    throw_if_cancelled();
    const int64_t count = std::min(block_rows, inputs.activations->rows() - begin);
    inputs.activations->read(begin, count, rows.data());
    inputs.normalizer->apply(rows.data(), count);
    session.device().copy_from_host(x.dl()->data, rows.data(),
                                    static_cast<size_t>(count * inputs.activations->width()) * sizeof(float));
    model.encode(session.context(), precision, x.rows(0, count), codes.get());
    // The columns live in host memory, the codes where the device is.
    heddle_codes host = *codes.get();
    offsets.resize(static_cast<size_t>(host.rows) + 1), indices.resize(static_cast<size_t>(host.nnz)),
        values.resize(static_cast<size_t>(host.nnz));
    session.device().copy_to_host(offsets.data(), host.offsets, offsets.size() * sizeof(int64_t));
    session.device().copy_to_host(indices.data(), host.indices, indices.size() * sizeof(int32_t));
    session.device().copy_to_host(values.data(), host.values, values.size() * sizeof(float));
    host.offsets = offsets.data(), host.indices = indices.data(), host.values = values.data(), host.pre = nullptr;
    columns.append(host);
    progress.update(static_cast<uint64_t>(begin + count));
  }
  columns.finish();
  return columns;
}

// Best values per attribute and their means, as results. Attributes without any scored feature are absent and say why.
StageResults results_of(const FeatureScores& scores, const FeatureMetrics& metrics, const std::string& best_by,
                        const AttributeTable& attributes, bool absolute) {
  StageResults results;
  const auto deciding =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& metric) { return metric->name() == best_by; });
  const auto best = best_features(scores, best_by, (*deciding)->lower_is_better(), absolute);
  std::map<std::string, std::pair<double, int64_t>> sums;
  for (size_t a = 0; a < best.size(); ++a) {
    const Attribute& attribute = attributes.attributes[a];
    for (const auto& metric : metrics) {
      ResultValue value{metric->name(), "", attribute.name, std::nullopt, best[a].reason, {{"best_by", best_by}}};
      if (best[a].feature >= 0) {
        value.feature = std::to_string(best[a].feature);
        const double score = scores.at(metric->name(), best[a].feature, static_cast<int64_t>(a));
        if (std::isnan(score)) value.reason = "undefined for this kind of attribute";
        else value.value = score;
      }
      // Only binary attributes enter the means, as in the paper; a numeric one has no AUC or sensitivity to set beside.
      if (value.value && attribute.type == HEDDLE_ATTRIBUTE_BINARY) {
        auto& [sum, count] = sums["mean_best." + attribute.prefix + "." + metric->name()];
        sum += absolute && metric->name() == best_by ? std::abs(*value.value) : *value.value;
        ++count;
      }
      results.values.push_back(std::move(value));
    }
    ResultValue share{"point_share", "", attribute.name, std::nullopt, "", nlohmann::json::object()};
    if (scores.points > 0)
      share.value = static_cast<double>(scores.label_points[a]) / static_cast<double>(scores.points);
    results.values.push_back(std::move(share));
  }
  for (const auto& [name, sum] : sums) {
    ResultValue value{name, "",
                      "",   sum.first / static_cast<double>(sum.second),
                      "",   {{"attributes", sum.second}, {"best_by", best_by}}};
    results.values.push_back(std::move(value));
  }
  return results;
}

std::string deciding_metric(const InterpretSection& section) {
  return section.options.best_by.empty() ? section.metrics.front().name : section.options.best_by;
}

nlohmann::json protocol_of(const Inputs& inputs, const std::string& site, const std::string& best_by, bool absolute) {
  return {{"site", site},
          {"points", inputs.activations->rows()},
          {"users", inputs.users},
          {"label", "attribute of the input item"},
          {"best_by", absolute ? "|" + best_by + "|" : best_by}};
}

}  // namespace

void run_interpretation(Session& session, const Job& job, const std::string& name) {
  const Experiment& experiment = job.experiment;
  const InterpretSection& section = *experiment.interpret;
  const std::string& site = experiment.dictionaries.at(name).site;
  const Inputs inputs = inputs_of(session, job, site);
  const auto model = session.dictionary(job, name);
  const FeatureColumns columns = columns_of(session, inputs, *model, experiment.compute.precision);
  const FeatureMetrics metrics = make_metrics(section.metrics);
  const FeatureScores scores =
      score_features(session.context(), columns, inputs.activations->items(), inputs.items->attributes, metrics);
  const auto statistics = feature_statistics(session.context(), columns, inputs.activations->items(),
                                             section.options.top_items, section.options.top_points);

  FeatureFile file;
  for (const Attribute& attribute : inputs.items->attributes.attributes) file.attributes.push_back(attribute.name);
  for (const auto& metric : metrics) {
    file.metrics.push_back(metric->name());
    file.lower_is_better.push_back(metric->lower_is_better());
  }
  file.scores = scores.scores;
  file.points = scores.points;
  for (size_t f = 0; f < statistics.size(); ++f) {
    const FeatureStatistics& from = statistics[f];
    FeatureSummary feature{from.rate, from.mean, from.maximum, {}, {}};
    for (const auto& item : from.items) feature.items.push_back({item.item, item.mean, item.points});
    const auto rows = columns.rows(static_cast<int64_t>(f));
    const auto values = columns.values(static_cast<int64_t>(f));
    for (int32_t point : from.top_points) {
      const auto at = static_cast<size_t>(point);
      const auto entry = static_cast<size_t>(std::lower_bound(rows.begin(), rows.end(), point) - rows.begin());
      feature.points.push_back({inputs.activations->users()[at], inputs.activations->positions()[at],
                                inputs.activations->items()[at], values[entry]});
    }
    file.features.push_back(std::move(feature));
  }
  const std::string best_by = deciding_metric(section);
  StageResults results = results_of(scores, metrics, best_by, inputs.items->attributes, false);
  results.protocol = protocol_of(inputs, site, best_by, false);
  auto writer = session.store().create(record_of(job.keys.interpretation(name)));
  file.save(writer);
  save_results(writer, results);
  writer.commit();
}

void run_neurons(Session& session, const Job& job, const std::string& site) {
  const Experiment& experiment = job.experiment;
  const InterpretSection& section = *experiment.interpret;
  const Inputs inputs = inputs_of(session, job, site);
  // Correlation, AUC and activity do not change under a per-dimension shift and scale, but "active" (non-zero) does: neurons
  // are scored as the model has them.
  FeatureColumns columns(inputs.activations->width());
  std::vector<float> rows(static_cast<size_t>(block_rows * inputs.activations->width()));
  for (int64_t begin = 0; begin < inputs.activations->rows(); begin += block_rows) {
    throw_if_cancelled();
    const int64_t count = std::min(block_rows, inputs.activations->rows() - begin);
    inputs.activations->read(begin, count, rows.data());
    columns.append_dense(rows.data(), count);
  }
  columns.finish();
  const FeatureMetrics metrics = make_metrics(section.metrics);
  const FeatureScores scores =
      score_features(session.context(), columns, inputs.activations->items(), inputs.items->attributes, metrics);
  const std::string best_by = deciding_metric(section);
  // A neuron's sign is arbitrary: the best one is that of the largest |score| for metrics that are symmetric about 0.
  const auto deciding =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& metric) { return metric->name() == best_by; });
  const bool absolute = (*deciding)->info().lowest < 0;
  StageResults results = results_of(scores, metrics, best_by, inputs.items->attributes, absolute);
  results.protocol = protocol_of(inputs, site, best_by, absolute);
  auto writer = session.store().create(record_of(job.keys.neurons(site)));
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
