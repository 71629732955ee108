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

struct RunRecord {
  std::string run, experiment;
  uint64_t seed = 1;
  std::map<std::pair<std::string, std::string>, std::string> stages;  // (stage, part) -> key
  std::map<std::string, std::string> sites;                          // dictionary -> site
  std::vector<std::string> metrics;                                  // ranking metrics: component ids
  int64_t top = 10;
  bool filter_seen = true;
  std::string best_by;  // metric that names features; "" without [interpret]
  int32_t precision = HEDDLE_PRECISION_F32;
  nlohmann::ordered_json resolved;
};

RunRecord make_run_record(const Job& job);
void save_run_record(const std::filesystem::path& output, const RunRecord& record);
RunRecord load_run_record(const std::filesystem::path& file);

// RUN on the command line: an output folder with a single run, OUTPUT/RUN, or a record file itself. wrong_use lists what is
// there when none or several match.
std::filesystem::path find_run(const std::string& text);

}  // namespace heddle
