// Linear probes of one site: trained on the dictionary users' normalised activations, scored on the points of [interpret].
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/interpret/probe_scores.h"
#include "core/pipeline/judging.h"
#include "core/pipeline/probe_file.h"
#include "core/pipeline/stages.h"

namespace heddle {
namespace {

ProbeRows rows_of(const Activations& activations, const Normalizer& normalizer) {
  return {activations.width(), activations.items(), [&](int64_t begin, int64_t count, float* out) {
            activations.read(begin, count, out);
            normalizer.apply(out, count);
          }};
}

std::vector<int32_t> probed_attributes(const AttributeTable& table, const ProbeOptions& options) {
  std::vector<int32_t> chosen;
  for (int32_t a = 0; a < table.size(); ++a) {
    const Attribute& attribute = table.attributes[static_cast<size_t>(a)];
    if (attribute.type == HEDDLE_ATTRIBUTE_BINARY && options.covers(attribute.name)) chosen.push_back(a);
  }
  for (const std::string& pattern : options.attributes) {
    bool any = false;
    for (int32_t a : chosen) any = any || names_attribute(pattern, table.attributes[static_cast<size_t>(a)].name);
    if (any) continue;
    if (pattern.ends_with(":*"))
      wrong_use("[probe] attributes: '{}' names no binary attribute; expected the prefix of a source of [attributes]",
                pattern);
    const int32_t found = table.require(pattern);  // says which are there
    wrong_use("[probe] attributes: {} is numeric; a probe tells whether an item has an attribute",
              table.attributes[static_cast<size_t>(found)].name);
  }
  if (chosen.empty()) wrong_use("[probe] needs a binary attribute; the sources of [attributes] have none");
  return chosen;
}

struct Row {
  std::string metric;
  double score;
};

// All rows of one attribute; the means get what is a number.
void add_rows(StageResults& results, MeanRows& means, const Attribute& attribute, const std::vector<Row>& rows,
              const std::string& reason) {
  for (const Row& row : rows) {
    ResultValue value{row.metric, "", attribute.name, std::nullopt, "", nlohmann::json::object()};
    if (std::isnan(row.score)) {
      value.reason = reason.empty() ? "the metric is undefined, e.g. because the probe's output is constant" : reason;
    } else {
      value.value = row.score;
      means.add(attribute, row.metric, row.score);
    }
    results.values.push_back(std::move(value));
  }
}

}  // namespace

void run_probe(Session& session, const Job& job, const std::string& site) {
  const ProbeOptions& options = *job.experiment.probe;
  const InterpretSection& section = *job.experiment.interpret;
  const JudgedPoints points = judged_points(session, job, site);
  const AttributeTable& table = points.items->attributes;
  const auto training = session.activations(job, site, Users::dictionary);
  const auto attributes = probed_attributes(table, options);
  const ProbeRows training_rows = rows_of(*training, *points.normalizer);
  const std::vector<Probe> probes = train_probes(session.context(), training_rows, table, attributes, options);
  const FeatureMetrics metrics = make_feature_metrics(section);
  const std::string best_by = deciding_metric(section);
  const ProbeRows judged = rows_of(*points.activations, *points.normalizer);
  const ProbeScores scores = score_probes(session.context(), probes, judged, table, metrics);

  ProbeFile file;
  file.width = training->width();
  StageResults results;
  MeanRows means;
  int64_t unfinished = 0;
  for (size_t i = 0; i < probes.size(); ++i) {
    const Probe& probe = probes[i];
    const Attribute& attribute = table.attributes[static_cast<size_t>(probe.attribute)];
    file.probes.push_back({attribute.name, probe.absent, probe.converged, probe.iterations, probe.gradient_norm,
                           probe.weights, probe.bias});
    std::vector<Row> rows;
    for (const auto& metric : metrics) rows.push_back({metric->name(), scores.probability.at(metric->name())[i]});
    if (const auto logit = scores.logit.find(best_by); logit != scores.logit.end())
      rows.push_back({best_by + ".logit", logit->second[i]});
    add_rows(results, means, attribute, rows, scores.undefined_reason(probe, i));
    results.values.push_back(point_share(attribute.name, scores.label_points[i], scores.points));
    const auto about_training = [&](const char* name, double value) {
      ResultValue row{name, "", attribute.name, std::nullopt, probe.absent, nlohmann::json::object()};
      if (probe.absent.empty()) row.value = value;
      results.values.push_back(std::move(row));
    };
    about_training("converged", probe.converged ? 1 : 0);
    about_training("iterations", static_cast<double>(probe.iterations));
    about_training("gradient_norm", probe.gradient_norm);
    unfinished += probe.absent.empty() && !probe.converged;
  }
  means.append_to(results, best_by);
  if (unfinished > 0)
    log_line(
        HEDDLE_LOG_WARNING, "probe",
        fmt::format("{} of {} probes at {} have not converged to {:g} ([probe] max_iterations, tolerance); results "
                    "say which",
                    unfinished, probes.size(), site, options.tolerance));
  results.protocol = judging_protocol(points, site, best_by);
  results.protocol.update({{"l2", options.l2},
                           {"class_weight", options.class_weight == ClassWeight::balanced ? "balanced" : "none"},
                           {"tolerance", options.tolerance},
                           {"max_iterations", options.max_iterations},
                           {"training_rows", training->rows()},
                           {"activation", "probability; active: >= 0.5"}});
  auto writer = session.store().create(record_of(job.keys.probe(site)));
  file.save(writer);
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
