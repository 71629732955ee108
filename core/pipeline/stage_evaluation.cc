// Evaluation: the untouched backbone, and what a dictionary keeps of it (fidelity on recommendations, quality on activations).
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/pipeline/stages.h"
#include "core/steer/intervention.h"
#include "core/train/dictionary_evaluation.h"

namespace heddle {

void run_evaluation(Session& session, const Job& job, const std::string& name) {
  const Experiment& experiment = job.experiment;
  const StageKey key = job.keys.evaluation(name);
  const auto data = session.log(job);
  const auto items = session.items(job);
  const auto backbone = session.backbone(job);
  const Part part = first_users(data->split.test, experiment.evaluate.options.users);
  const RankingMetrics metrics = make_ranking_metrics(experiment.evaluate.metrics);
  const RankingProtocol protocol = make_protocol(job, *items, *data);
  StageResults results;
  nlohmann::json dictionary_protocol = nlohmann::json::object();
  Hook hook;
  std::shared_ptr<DictionaryModel> model;
  std::shared_ptr<const Normalizer> normalizer;
  if (!name.empty()) {
    const std::string& site = experiment.dictionaries.at(name).site;
    model = session.dictionary(job, name);
    normalizer = session.normalizer(job, site);
    const auto held_out = session.activations(job, site, Users::test);
    const DictionaryQuality quality =
        evaluate_dictionary(*model, session.context(), *held_out, *normalizer, 4096, experiment.compute.precision);
    results.add("rmse_global", quality.rmse_global);
    results.add("l2_mean", quality.l2_mean);
    results.add("ev_var", quality.ev_var);
    results.add("ev_r2", quality.ev_r2);
    results.add("ev_legacy", quality.ev_legacy);
    results.add("nmse", quality.nmse);
    results.add("l0", quality.l0);
    results.add("dead_share", quality.dead_share);
    // What an Intervention{} without edits does: the reconstruction stands in for every position, its error is dropped.
    dictionary_protocol = {{"reconstruction", {{"replace", "all"}, {"error", "drop"}}},
                           {"dictionary", name},
                           {"dictionary_plugin", model->id()},
                           {"dictionary_params", experiment.dictionaries.at(name).plugin.values.resolved()},
                           {"quality_rows", quality.rows}};
    hook = make_hook(backbone->site(site), session.device(), model.get(), *normalizer, Intervention{});
  }
  EvaluationResult evaluated = evaluate(*backbone, session.context(), data->log, part, hook, metrics, protocol);
  for (const MetricValue& metric : evaluated.metrics) {
    ResultValue value{metric.name, "", "", metric.value, "", nlohmann::json::object()};
    value.keys["k"] = protocol.k;
    results.values.push_back(std::move(value));
  }
  results.protocol = evaluated.protocol;
  results.protocol["site"] =
      name.empty() ? nlohmann::json("untouched") : nlohmann::json(experiment.dictionaries.at(name).site);
  results.protocol["users"] = part.user_count();
  results.protocol["normalized_scale"] = !name.empty();
  results.protocol.update(dictionary_protocol);
  auto writer = session.store().create(record_of(key));
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
