#include "core/pipeline/pipeline.h"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/run_record.h"
#include "core/pipeline/stages.h"
#include "core/plugin/registry.h"
#include "core/store/atomic_file.h"
#include "core/store/output_lock.h"

namespace heddle {

LoadedExperiment::LoadedExperiment(const RunRequest& request) {
  std::vector<std::string> overrides = request.overrides;
  if (request.output) overrides.push_back("experiment.output=" + nlohmann::json(*request.output).dump());
  const ExperimentFile file(request.file, overrides);
  registry_ = std::make_unique<Registry>(SearchPath::standard(file.plugin_paths()));
  experiments_ = file.experiments(RegistryLookup(*registry_));
  for (const Experiment& experiment : experiments_)
    if (experiment.output != output())
      wrong_use("{}: the points of a sweep share one output folder; experiment.output cannot be swept",
                request.file.string());
  check_sites(experiments_);
}

std::vector<PlannedStage> plan_stages(Session& session, const std::vector<Job>& jobs) {
  // Stage by stage over all points: StageKeys::all() is ordered, so a stage's rank is its place there.
  static const std::vector<std::string> order = {"split",       "attributes", "backbone", "evaluation",
                                                 "activations", "dictionary", "neurons",  "interpretation",
                                                 "probe",       "steering",   "examples"};
  std::vector<PlannedStage> planned;
  std::set<std::string> seen;
  for (const std::string& stage : order)
    for (const Job& job : jobs)
      for (StageKey& key : job.keys.all()) {
        // The evaluation of a dictionary stands behind its training; the backbone's own before.
        if (key.stage != stage && !(stage == "neurons" && key.stage == "evaluation" && !key.part.empty())) continue;
        if (stage == "evaluation" && !key.part.empty()) continue;
        if (!seen.insert(key.stage + key.key).second) continue;
        const bool done = session.has(key);
        planned.push_back({job.experiment.run, std::move(key), done});
      }
  return planned;
}

namespace {

std::string label(const StageKey& key) { return key.part.empty() ? key.stage : key.stage + " " + key.part; }

void run_stage(Session& session, const Job& job, const StageKey& key) {
  if (key.stage == "split") run_split(session, job);
  else if (key.stage == "attributes") run_attributes(session, job);
  else if (key.stage == "backbone") run_backbone(session, job);
  else if (key.stage == "evaluation") run_evaluation(session, job, key.part);
  else if (key.stage == "activations") run_activations(session, job, key.part);
  else if (key.stage == "neurons") run_neurons(session, job, key.part);
  else if (key.stage == "interpretation") run_interpretation(session, job, key.part);
  else if (key.stage == "probe") run_probe(session, job, key.part);
  else if (key.stage == "examples") run_examples(session, job, static_cast<size_t>(std::stoul(key.part)));
  else if (key.stage == "steering") run_steering(session, job, static_cast<size_t>(std::stoul(key.part)));
  else fail(HEDDLE_INTERNAL, "no stage '{}'", key.stage);
}

// One line per stage, also where a sweep has it at a hundred points: those share a line with their rate and time left.
class StageLines {
 public:
  explicit StageLines(const std::vector<PlannedStage>& planned) {
    for (const PlannedStage& stage : planned)
      if (!stage.done) ++groups_[label(stage.key)].total;
  }
  template <class Work>
  void run(const PlannedStage& stage, bool several_runs, Work&& work) {
    const std::string name = label(stage.key);
    Group& group = groups_.at(name);
    if (group.total > 1 && !group.progress) group.progress.emplace(name, group.total, "points");
    const auto start = std::chrono::steady_clock::now();
    work();
    if (group.progress) {
      group.progress->update(++group.done, stage.run);
      if (group.done == group.total) group.progress->finish(fmt::format("{} points", group.total));
      return;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    log_line(HEDDLE_LOG_INFO, "", fmt::format("{:<22} {:6.1f}s  {}", name, seconds, several_runs ? stage.run : ""));
  }

 private:
  struct Group {
    uint64_t total = 0, done = 0;
    std::optional<Progress> progress;
  };
  std::map<std::string, Group> groups_;
};

const Job& job_of(const std::vector<Job>& jobs, const std::string& run) {
  for (const Job& job : jobs)
    if (job.experiment.run == run) return job;
  fail(HEDDLE_INTERNAL, "no run '{}'", run);
}

void record(Session& session, const Job& job, ResultsDb& db) {
  const Experiment& experiment = job.experiment;
  for (const StageKey& key : job.keys.all()) {
    if (key.stage == "log" || db.key_of(experiment.run, key.stage, key.part) == key.key) continue;
    const Artefact artefact = session.artefact(key);
    if (!artefact.contains("results.json")) continue;
    const StageResults results = load_results(artefact);
    ResultStage stage{experiment.run,  experiment.name, key.stage,
                      key.part,        key.key,         static_cast<int64_t>(experiment.seed),
                      results.protocol};
    for (const auto& [name, value] : experiment.sweep_point) stage.protocol["sweep"][name] = value;
    db.replace(stage, results.values);
  }
  save_run_record(session.output(), make_run_record(job));
}

}  // namespace

RunOutcome run_experiments(const LoadedExperiment& loaded) {
  const OutputLock lock(loaded.output());
  Session session(loaded.registry(), loaded.output(), loaded.experiments().front().compute);
  session.store().remove_leftovers();
  remove_leftovers(loaded.output() / "runs");
  std::vector<Job> jobs;
  for (const Experiment& experiment : loaded.experiments()) jobs.push_back(session.job(experiment));
  const auto planned = plan_stages(session, jobs);
  RunOutcome outcome;
  outcome.output = loaded.output();
  outcome.stages = static_cast<int64_t>(planned.size());

  StageLines lines(planned);
  bool dictionaries_done = false;
  for (const PlannedStage& stage : planned) {
    if (stage.done) continue;
    throw_if_cancelled();
    ++outcome.computed;
    if (stage.key.stage == "dictionary") {
      // All missing ones at once, so that they can share passes over the activations.
      if (std::exchange(dictionaries_done, true)) continue;
      std::vector<DictionaryTask> tasks;
      for (const Job& job : jobs)
        for (const auto& [name, section] : job.experiment.dictionaries) tasks.push_back({&job, name});
      run_dictionaries(session, tasks);
      continue;
    }
    lines.run(stage, jobs.size() > 1, [&] { run_stage(session, job_of(jobs, stage.run), stage.key); });
  }
  ResultsDb db(loaded.output() / "results.sqlite", ResultsDb::Mode::write);
  for (const Job& job : jobs) {
    record(session, job, db);
    outcome.runs.push_back(job.experiment.run);
  }
  return outcome;
}

}  // namespace heddle
