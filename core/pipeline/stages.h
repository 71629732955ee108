// The stages of an experiment. Each makes one artefact from those before it; a stage whose artefact is there is not run.
//
// Every artefact of a stage with numbers holds results.json: protocol and values, which go into the results database of
// each run that uses the artefact. An interrupted stage goes on from its checkpoint (backbone, dictionary) or starts anew.
// One thread. Errors: those of the rooms that do the work; HEDDLE_CANCELLED when the user asked to stop.
#pragma once

#include <vector>

#include "core/pipeline/session.h"

namespace heddle {

struct StageResults {
  nlohmann::json protocol = nlohmann::json::object();
  std::vector<ResultValue> values;

  void add(std::string metric, double value) {
    values.push_back({std::move(metric), "", "", value, "", nlohmann::json::object()});
  }
};

void save_results(const ArtefactWriter& writer, const StageResults& results);
StageResults load_results(const Artefact& artefact);

void run_split(Session& session, const Job& job);
void run_attributes(Session& session, const Job& job);
void run_backbone(Session& session, const Job& job);
void run_activations(Session& session, const Job& job, const std::string& site);
// Trains all of these that are missing, those that can share one pass over the activations side by side.
struct DictionaryTask {
  const Job* job;
  std::string name;
};
void run_dictionaries(Session& session, const std::vector<DictionaryTask>& tasks);
// name "": the untouched backbone; else fidelity and quality of a dictionary on the test users.
void run_evaluation(Session& session, const Job& job, const std::string& name);
void run_interpretation(Session& session, const Job& job, const std::string& name);
void run_neurons(Session& session, const Job& job, const std::string& site);
// Linear probes of a site of [probe].
void run_probe(Session& session, const Job& job, const std::string& site);
void run_steering(Session& session, const Job& job, size_t index);
void run_examples(Session& session, const Job& job, size_t index);

// `heddle data`: reads, filters and splits without an output folder; text of at most 80 columns.
std::string data_report_of(const Experiment& experiment);

// -- shared by stages --
ArtefactRecord record_of(const StageKey& key);
// The ranking metrics and protocol of [evaluate]; `split` for the record.
RankingMetrics make_ranking_metrics(const std::vector<ComponentUse>& uses);
RankingProtocol make_protocol(const Job& job, const ItemData& items, const LogData& data);
// Which items count for coverage: those with an event in the training log, or (empty) the whole catalogue.
std::vector<uint8_t> coverage_mask(CoverageDenominator denominator, const Catalogue& catalogue);
// The first `users` users of a part, all of them with 0.
Part first_users(const Part& part, int64_t users);

}  // namespace heddle
