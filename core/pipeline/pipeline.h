// From an experiment file to results: which stages there are, which are done, run the others in order.
//
// All points of a sweep go through the stages together: stage by stage, so that dictionaries which read the same
// activations train side by side, and what two points share is made once. [main]; one process per output folder (a lock).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/pipeline/session.h"

namespace heddle {

struct RunRequest {
  std::filesystem::path file;
  std::vector<std::string> overrides;  // KEY=VALUE
  std::optional<std::string> output;   // --out
};

// Every site that the experiments name is one of their backbone's; wrong_use with the place in the file otherwise. Asks an
// instance without weights, so that a slip in a name is found before anything is trained.
void check_sites(const std::vector<Experiment>& experiments);

// An experiment file with its registry, all points resolved, its sites checked. Owns both.
class LoadedExperiment {
 public:
  explicit LoadedExperiment(const RunRequest& request);
  const Registry& registry() const { return *registry_; }
  const std::vector<Experiment>& experiments() const { return experiments_; }
  const std::filesystem::path& output() const { return experiments_.front().output; }

 private:
  std::unique_ptr<Registry> registry_;
  std::vector<Experiment> experiments_;
};

struct PlannedStage {
  std::string run;
  StageKey key;
  bool done;
};

// The stages of every point, in the order in which they run; stages that several points share come once.
std::vector<PlannedStage> plan_stages(Session& session, const std::vector<Job>& jobs);

struct RunOutcome {
  std::filesystem::path output;
  std::vector<std::string> runs;
  int64_t stages = 0, computed = 0;
};

// Runs what is missing, writes the run records and the results database.
RunOutcome run_experiments(const LoadedExperiment& loaded);

}  // namespace heddle
