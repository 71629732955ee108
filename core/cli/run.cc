// heddle run | validate | plan | data: what can be done with an experiment file.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/data/report.h"
#include "core/pipeline/pipeline.h"
#include "core/pipeline/run_record.h"
#include "core/pipeline/stages.h"
#include "core/report/report.h"
#include "core/report/summary.h"
#include "core/store/output_lock.h"

namespace heddle::cli {
namespace {

namespace po = boost::program_options;

RunRequest request_of(const char* name, const Arguments& arguments, bool with_output) {
  po::options_description options;
  options.add_options()("set,s", po::value<std::vector<std::string>>()->composing(),
                        "KEY=VALUE: override a key of the file (may repeat)");
  if (with_output) options.add_options()("out,o", po::value<std::string>(), "output folder, default results/NAME");
  const auto values = parse(find_command(name), arguments, options, {"FILE"}, 1);
  RunRequest request;
  request.file = values["FILE"].as<std::string>();
  if (values.count("set") != 0) request.overrides = values["set"].as<std::vector<std::string>>();
  if (values.count("out") != 0) request.output = values["out"].as<std::string>();
  return request;
}

std::string shown(const std::filesystem::path& path) {
  const auto relative = std::filesystem::proximate(path);
  return relative.native().starts_with("..") ? path.string() : relative.string();
}

}  // namespace

int run(const Arguments& arguments) {
  const LoadedExperiment loaded(request_of("run", arguments, true));
  const RunOutcome outcome = run_experiments(loaded);
  if (outcome.computed == 0) {
    log_line(HEDDLE_LOG_INFO, "", fmt::format("nothing to do: all {} stages are there", outcome.stages));
  } else if (outcome.computed < outcome.stages) {
    log_line(
        HEDDLE_LOG_INFO, "",
        fmt::format("{} stages computed, {} were there already", outcome.computed, outcome.stages - outcome.computed));
  }
  fmt::print("{}", run_summaries(outcome.output, outcome.runs));
  const std::string folder = shown(outcome.output);
  std::string page;
  if (std::any_of(loaded.experiments().begin(), loaded.experiments().end(),
                  [](const Experiment& experiment) { return experiment.report.has_value(); })) {
    std::vector<std::string> records;
    for (const std::string& name : outcome.runs) records.push_back(run_record_file(outcome.output, name).string());
    const RunSet set(records);
    const auto file = default_page(set);
    write_page(file, collect_report(set));
    page = shown(file);
  }
  fmt::print("\nResults: {}\n", folder);
  if (!page.empty()) fmt::print("Page:    {}\n", page);
  // A folder may hold the runs of several files: then a run is called by its name, a sweep by that of its experiment.
  const bool alone = std::distance(std::filesystem::directory_iterator(outcome.output / "runs"), {}) == 1;
  const std::string own =
      alone ? folder
            : folder + "/" + (outcome.runs.size() == 1 ? outcome.runs.front() : loaded.experiments().front().name);
  std::vector<std::string> next;
  if (page.empty()) next.push_back("heddle report " + own);
  if (outcome.runs.size() == 1 && loaded.experiments().front().interpret &&
      !loaded.experiments().front().dictionaries.empty())
    next.push_back("heddle features " + own);
  next.push_back("heddle results " + folder);
  fmt::print("Next:    {}\n", fmt::join(next, "\n         "));
  return 0;
}

int validate(const Arguments& arguments) {
  const LoadedExperiment loaded(request_of("validate", arguments, false));
  const size_t points = loaded.experiments().size();
  fmt::print("{}: valid; {} {}\n", loaded.experiments().front().name, points, points == 1 ? "run" : "runs");
  return 0;
}

int plan(const Arguments& arguments) {
  const LoadedExperiment loaded(request_of("plan", arguments, true));
  Session session(loaded.registry(), loaded.output(), loaded.experiments().front().compute);
  std::vector<Job> jobs;
  for (const Experiment& experiment : loaded.experiments()) jobs.push_back(session.job(experiment));
  Table table({"stage", "of", "key", "state", "run"});
  int64_t done = 0;
  const auto planned = plan_stages(session, jobs);
  for (const PlannedStage& stage : planned) {
    done += stage.done ? 1 : 0;
    table.add({stage.key.stage, stage.key.part, stage.key.key.substr(0, 16), stage.done ? "done" : "to do", stage.run});
  }
  fmt::print("{}{} stages, {} done; output folder {}\n", table.text(100), planned.size(), done, shown(loaded.output()));
  return 0;
}

int data(const Arguments& arguments) {
  const LoadedExperiment loaded(request_of("data", arguments, false));
  // Filters, split and seed may be swept; the report is about the first point.
  const Experiment& experiment = loaded.experiments().front();
  fmt::print("{}", data_report_of(experiment));
  return 0;
}

}  // namespace heddle::cli
