// The record of a run: which artefacts belong to it, so that `heddle features|recommend|steer RUN` and a service need neither
// the experiment file nor the data that it names. OUTPUT/runs/RUN.json, written when a run is complete. [one thread]
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/pipeline/session.h"

namespace heddle {

// A ranking metric of [evaluate] as the run used it.
struct RankingUse {
  std::string name, plugin;
  nlohmann::ordered_json params;  // resolved
};

struct RunRecord {
  std::string run, experiment;
  uint64_t seed = 1;
  std::map<std::pair<std::string, std::string>, std::string> stages;  // (stage, part) -> key
  std::map<std::string, std::string> sites;                           // dictionary -> site
  // [evaluate], so that `heddle steer RUN` counts as the run itself did.
  std::vector<RankingUse> metrics;
  int64_t top = 10;
  bool filter_seen = true;
  CoverageDenominator coverage = CoverageDenominator::catalogue;
  Generation generation = Generation::top_k;
  int64_t users = 0;    // at most this many test users, 0: all
  std::string best_by;  // metric that names features; "" without [interpret]
  int32_t precision = HEDDLE_PRECISION_F32;
  nlohmann::ordered_json resolved;
};

RunRecord make_run_record(const Job& job);
void save_run_record(const std::filesystem::path& output, const RunRecord& record);
RunRecord load_run_record(const std::filesystem::path& file);
// OUTPUT/runs/RUN.json
std::filesystem::path run_record_file(const std::filesystem::path& output, const std::string& run);

// RUN on the command line: an output folder with a single run, OUTPUT/RUN, or a record file itself. wrong_use lists what is
// there when none or several match.
std::filesystem::path find_run(const std::string& text);

}  // namespace heddle
