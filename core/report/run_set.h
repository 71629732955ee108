// The runs that a report is about, with the results of their stages.
//
// Ownership: a set owns its runs; results live as long as the set. Threads: one at a time (results are read when first
// asked for). Errors: wrong_use for names that are not there, DATA_LOSS for damaged files.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/run_record.h"
#include "core/pipeline/stages.h"
#include "core/store/artefact.h"

namespace heddle {

class ReportRun {
 public:
  explicit ReportRun(const std::filesystem::path& record_file);

  const RunRecord& record() const { return record_; }
  const std::filesystem::path& output() const { return output_; }
  const std::string& name() const { return record_.run; }
  bool has(const std::string& stage, const std::string& part = "") const;
  // Key of a stage, "" when the run has none. Two runs of one output folder with the same key share the stage.
  std::string key(const std::string& stage, const std::string& part = "") const;
  // Parts of a stage in their order: numbers by value, names by text.
  std::vector<std::string> parts(const std::string& stage) const;
  std::vector<std::string> dictionaries() const;
  // nullptr when the run has no such stage or its folder is gone.
  const StageResults* results(const std::string& stage, const std::string& part = "") const;
  std::optional<Artefact> artefact(const std::string& stage, const std::string& part = "") const;
  // The experiment as resolved, flattened: "dictionary.l1.l1" -> 0.1. Plugin ids stand under "dictionary.l1"; what changes no
  // number (paths of results, threads, versions, the report) is left out.
  const std::map<std::string, nlohmann::json>& settings() const { return settings_; }

 private:
  std::filesystem::path output_;
  RunRecord record_;
  ArtefactStore store_;
  std::map<std::string, nlohmann::json> settings_;
  mutable std::map<std::pair<std::string, std::string>, std::unique_ptr<StageResults>> results_;
};

// Records that a RUN of the command line means: a record file; an output folder: all its runs; OUTPUT/NAME: that run, or all
// points of the sweep NAME, or all that a pattern with * and ? matches. In natural order (l1=0.5 before l1=10).
std::vector<std::filesystem::path> find_runs(const std::string& text);

class RunSet {
 public:
  // `main`: the run whose features and lists are shown, as on the command line; "": the one with most to show, ties: the first.
  explicit RunSet(const std::vector<std::string>& arguments, const std::string& main = "");

  const std::vector<std::unique_ptr<ReportRun>>& runs() const { return runs_; }
  const ReportRun& main() const { return *runs_[main_]; }
  // Main first, then the others in order: where a figure is looked for.
  std::vector<const ReportRun*> by_interest() const;

 private:
  std::vector<std::unique_ptr<ReportRun>> runs_;
  size_t main_ = 0;
};

// -- small readers of results --
// The value of a metric that is about no feature and no attribute, without a "value" or "target" coordinate.
std::optional<double> find_value(const StageResults& results, const std::string& metric);
// "genre:Horror" -> "Horror"
std::string short_name(const std::string& attribute);
std::string prefix_of(const std::string& attribute);

}  // namespace heddle
