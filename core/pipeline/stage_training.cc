// The training stages: backbone, activations, dictionaries.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/stages.h"
#include "core/store/json_file.h"
#include "core/train/dictionary_trainer.h"
#include "core/train/trainer.h"

namespace heddle {

using nlohmann::json;

void run_backbone(Session& session, const Job& job) {
  const Experiment& experiment = job.experiment;
  const StageKey key = job.keys.backbone();
  const auto data = session.log(job);
  const ComponentUse& use = experiment.backbone->plugin;
  Backbone backbone(session.device(), *use.component, use.values, data->log.item_count());
  backbone.initialise(session.context(), experiment.seed);

  RankingProtocol protocol;
  protocol.k = experiment.backbone->training.validation_top;
  protocol.filter_seen = experiment.evaluate.options.filter_seen;
  protocol.precision = experiment.compute.precision;
  protocol.split = to_string(data->split.options.kind) + "/validation";
  const auto partial = session.store().partial(key.stage, key.key);
  const BackboneTrainingRun run{data->log,
                                data->split.train,
                                data->split.validation,
                                experiment.seed,
                                experiment.backbone->training,
                                protocol,
                                partial / "checkpoint.safetensors",
                                json{{"key", key.key}}};
  const BackboneTrainingResult trained = train_backbone(backbone, session.context(), run);

  auto writer = session.store().create(record_of(key));
  save_model_record(writer, *use.component, use.values, data->log.item_count());
  backbone.save(writer.file(model_file));
  json history = json::array();
  for (const EpochRecord& epoch : trained.history)
    history.push_back({{"epoch", epoch.epoch},
                       {"loss", epoch.loss},
                       {"validation", epoch.validation < 0 ? json(nullptr) : json(epoch.validation)}});
  write_json(writer.file("history.json"), history);
  StageResults results;
  results.protocol = {{"split", protocol.split},
                      {"filter_seen", protocol.filter_seen},
                      {"k", protocol.k},
                      {"stopping", experiment.backbone->training.metric}};
  results.add("epochs", static_cast<double>(trained.history.size()));
  results.add("steps", static_cast<double>(trained.steps));
  results.add("tokens", static_cast<double>(trained.tokens));
  if (!trained.history.empty()) results.add("loss", trained.history.back().loss);
  if (trained.best_epoch > 0) {
    results.add("best_epoch", static_cast<double>(trained.best_epoch));
    results.add("best_validation", trained.best_validation);
  }
  save_results(writer, results);
  writer.commit();
  session.store().drop_partial(key.stage, key.key);
}

void run_activations(Session& session, const Job& job, const std::string& site) {
  const Experiment& experiment = job.experiment;
  const StageKey key = job.keys.activations(site);
  const auto data = session.log(job);
  const auto backbone = session.backbone(job);
  backbone->site(site);  // an unknown site is an error here, before any work
  Extraction extraction;
  extraction.site = site;
  extraction.last_position_only = experiment.activations.positions == Positions::last;
  extraction.precision = experiment.compute.precision;
  auto writer = session.store().create(record_of(key));
  StageResults results;
  results.protocol = {{"site", site}, {"positions", extraction.last_position_only ? "last" : "all"}};
  const bool stream = experiment.activations.store == ActivationStoring::stream;
  const ActivationFormat format =
      experiment.activations.store == ActivationStoring::bf16 ? ActivationFormat::bf16 : ActivationFormat::f32;
  for (const auto& [name, part] :
       {std::pair<std::string, const Part*>{"dictionary", &data->split.dictionary}, {"test", &data->split.test}}) {
    if (stream) continue;
    ActivationFileSink sink(writer.file(name + ".safetensors"), format, json{{"site", site}, {"users", name}});
    extract_activations(*backbone, session.context(), data->log, *part, extraction, sink);
  }
  std::shared_ptr<const Activations> dictionary_rows;
  if (stream) dictionary_rows = session.activations(job, site, Users::dictionary);
  else dictionary_rows = std::make_shared<Activations>(Activations::open(writer.file("dictionary.safetensors")));
  Normalizer::fit(experiment.activations.normalize, *dictionary_rows).save(writer.file("normalizer.safetensors"));
  results.add("rows", static_cast<double>(dictionary_rows->rows()));
  results.add("width", static_cast<double>(dictionary_rows->width()));
  save_results(writer, results);
  writer.commit();
}

namespace {

// Dictionaries share a pass when they read the same rows in the same order in the same batches for as long.
std::string pass_of(const DictionaryTask& task) {
  const DictionarySection& section = task.job->experiment.dictionaries.at(task.name);
  const DictionaryTraining& training = section.training;
  return fmt::format("{} {} {} {} {} {}", task.job->keys.activations(section.site).key, task.job->experiment.seed,
                     training.batch, training.steps, training.epochs, training.precision);
}

void train_together(Session& session, const std::vector<DictionaryTask>& tasks) {
  const Job& first = *tasks.front().job;
  const DictionarySection& section = first.experiment.dictionaries.at(tasks.front().name);
  const auto activations = session.activations(first, section.site, Users::dictionary);
  const auto normalizer = session.normalizer(first, section.site);

  std::vector<std::unique_ptr<DictionaryModel>> models;
  std::vector<DictionaryJob> jobs;
  for (const DictionaryTask& task : tasks) {
    const DictionarySection& own = task.job->experiment.dictionaries.at(task.name);
    models.push_back(std::make_unique<DictionaryModel>(session.device(), *own.plugin.component, own.plugin.values,
                                                       activations->width()));
    const std::string point = task.job->experiment.sweep_label();
    const auto seed = own.training.seed > 0 ? static_cast<uint64_t>(own.training.seed) : task.job->experiment.seed;
    const StageKey key = task.job->keys.dictionary(task.name);
    jobs.push_back({point.empty() ? task.name : task.name + " " + point, models.back().get(), seed, own.training,
                    session.store().partial(key.stage, key.key) / "checkpoint.safetensors", json{{"key", key.key}}});
  }
  const DictionaryRun run{*activations, *normalizer, first.experiment.seed, section.training.precision};
  const auto trained = train_dictionaries(jobs, session.context(), run);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const DictionarySection& own = tasks[i].job->experiment.dictionaries.at(tasks[i].name);
    const StageKey key = tasks[i].job->keys.dictionary(tasks[i].name);
    auto writer = session.store().create(record_of(key));
    save_model_record(writer, *own.plugin.component, own.plugin.values, activations->width());
    models[i]->save(writer.file(model_file));
    StageResults results;
    results.protocol = {{"site", own.site}, {"loss", json::object()}};
    for (const LossTerm& term : trained[i].losses) {
      results.add("loss." + term.name, term.value);
      results.protocol["loss"][term.name] = term.coefficient;
    }
    results.add("train_l0", trained[i].l0);
    results.add("train_dead", static_cast<double>(trained[i].dead));
    results.add("revived", static_cast<double>(trained[i].revived));
    results.add("steps", static_cast<double>(trained[i].steps));
    save_results(writer, results);
    writer.commit();
    session.store().drop_partial(key.stage, key.key);
  }
}

}  // namespace

void run_dictionaries(Session& session, const std::vector<DictionaryTask>& tasks) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<DictionaryTask>> passes;
  std::map<std::string, bool> taken;
  for (const DictionaryTask& task : tasks) {
    const StageKey key = task.job->keys.dictionary(task.name);
    if (session.has(key) || taken[key.key]) continue;
    taken[key.key] = true;
    const std::string pass = pass_of(task);
    if (passes.find(pass) == passes.end()) order.push_back(pass);
    passes[pass].push_back(task);
  }
  for (const std::string& pass : order) train_together(session, passes[pass]);
}

}  // namespace heddle
