// Interpretation: features of a dictionary, and raw neurons as the paper's baseline, against the attributes of the items.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/interpret/scores.h"
#include "core/pipeline/feature_file.h"
#include "core/pipeline/judging.h"
#include "core/pipeline/make_details.h"
#include "core/pipeline/stages.h"

namespace heddle {
namespace {

constexpr int64_t block_rows = judging_block;

FeatureColumns columns_of(Session& session, const JudgedPoints& inputs, DictionaryModel& model, int32_t precision) {
  FeatureColumns columns(model.features(), &session.context());
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
    if (session.device().is_cpu()) {
      columns.append(host);
      progress.update(static_cast<uint64_t>(begin + count));
      continue;
    }
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
                        const std::vector<BestFeature>& best, const AttributeTable& attributes, bool absolute) {
  StageResults results;
  MeanRows means;
  for (size_t a = 0; a < best.size(); ++a) {
    const Attribute& attribute = attributes.attributes[a];
    for (const auto& metric : metrics) {
      ResultValue value{metric->name(), "", attribute.name, std::nullopt, best[a].reason, {{"best_by", best_by}}};
      if (best[a].feature >= 0) {
        value.feature = std::to_string(best[a].feature);
        const double score = scores.at(metric->name(), best[a].feature, static_cast<int64_t>(a));
        if (std::isnan(score))
          value.reason = scores.undefined_reason(metric->name(), best[a].feature, static_cast<int64_t>(a));
        else value.value = score;
      }
      if (value.value)
        means.add(attribute, metric->name(),
                  absolute && metric->name() == best_by ? std::abs(*value.value) : *value.value);
      results.values.push_back(std::move(value));
    }
    results.values.push_back(point_share(attribute.name, scores.label_points[a], scores.points));
  }
  means.append_to(results, best_by);
  return results;
}

}  // namespace

void run_interpretation(Session& session, const Job& job, const std::string& name) {
  const Experiment& experiment = job.experiment;
  const InterpretSection& section = *experiment.interpret;
  const std::string& site = experiment.dictionaries.at(name).site;
  const JudgedPoints inputs = judged_points(session, job, site);
  const auto model = session.dictionary(job, name);
  const FeatureColumns columns = columns_of(session, inputs, *model, experiment.compute.precision);
  const FeatureMetrics metrics = make_feature_metrics(section);
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
  FeatureColumn column;
  for (size_t f = 0; f < statistics.size(); ++f) {
    const FeatureStatistics& from = statistics[f];
    FeatureSummary feature{from.rate, from.mean, from.maximum, {}, {}};
    for (const auto& item : from.items) feature.items.push_back({item.item, item.mean, item.points});
    columns.read(static_cast<int64_t>(f), column);
    const auto& [rows, values] = column;
    for (int32_t point : from.top_points) {
      const auto at = static_cast<size_t>(point);
      const auto entry = static_cast<size_t>(std::lower_bound(rows.begin(), rows.end(), point) - rows.begin());
      feature.points.push_back({inputs.activations->users()[at], place_of(*inputs.activations, point),
                                inputs.activations->items()[at], values[entry]});
    }
    file.features.push_back(std::move(feature));
  }
  const std::string best_by = deciding_metric(section);
  const auto best = best_features(scores, best_by, metric_named(metrics, best_by).lower_is_better());
  StageResults results = results_of(scores, metrics, best_by, best, inputs.items->attributes, false);
  results.protocol = judging_protocol(inputs, site, best_by);
  auto writer = session.store().create(record_of(job.keys.interpretation(name)));
  file.save(writer);
  make_details(session, job, name, inputs, columns, best_by, best).save(writer);
  save_results(writer, results);
  writer.commit();
}

void run_neurons(Session& session, const Job& job, const std::string& site) {
  const Experiment& experiment = job.experiment;
  const InterpretSection& section = *experiment.interpret;
  const JudgedPoints inputs = judged_points(session, job, site);
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
  const FeatureMetrics metrics = make_feature_metrics(section);
  const FeatureScores scores =
      score_features(session.context(), columns, inputs.activations->items(), inputs.items->attributes, metrics);
  const std::string best_by = deciding_metric(section);
  // A neuron's sign is arbitrary: the best one is that of the largest |score| for metrics that are symmetric about 0.
  const FeatureMetric& deciding = metric_named(metrics, best_by);
  const bool absolute = deciding.info().lowest < 0;
  const auto best = best_features(scores, best_by, deciding.lower_is_better(), absolute);
  StageResults results = results_of(scores, metrics, best_by, best, inputs.items->attributes, absolute);
  results.protocol = judging_protocol(inputs, site, absolute ? "|" + best_by + "|" : best_by);
  auto writer = session.store().create(record_of(job.keys.neurons(site)));
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
