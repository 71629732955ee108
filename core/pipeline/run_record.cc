#include "core/pipeline/run_record.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/json_file.h"

namespace heddle {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::vector<std::string> runs_below(const fs::path& output) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(output / "runs", error))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

fs::path run_record_file(const fs::path& output, const std::string& run) {
  // Run names carry the values of a sweep; a path among them must not become folders.
  std::string name = run;
  std::replace(name.begin(), name.end(), '/', '_');
  return output / "runs" / (name + ".json");
}

RunRecord make_run_record(const Job& job) {
  const Experiment& experiment = job.experiment;
  RunRecord record;
  record.run = experiment.run;
  record.experiment = experiment.name;
  record.seed = experiment.seed;
  for (const StageKey& key : job.keys.all()) record.stages[{key.stage, key.part}] = key.key;
  for (const auto& [name, section] : experiment.dictionaries) record.sites[name] = section.site;
  for (const ComponentUse& metric : experiment.evaluate.metrics)
    record.metrics.push_back({metric.name, metric.component->id, metric.values.resolved()});
  record.top = experiment.evaluate.options.top;
  record.filter_seen = experiment.evaluate.options.filter_seen;
  record.coverage = experiment.evaluate.options.coverage_denominator;
  record.generation = experiment.evaluate.options.generation;
  record.users = experiment.evaluate.options.users;
  if (experiment.interpret) {
    record.best_by = experiment.interpret->options.best_by;
    if (record.best_by.empty() && !experiment.interpret->metrics.empty())
      record.best_by = experiment.interpret->metrics.front().name;
  }
  record.precision = experiment.compute.precision;
  record.resolved = experiment.resolved;
  return record;
}

void save_run_record(const fs::path& output, const RunRecord& record) {
  json stages = json::array();
  for (const auto& [name, key] : record.stages)
    stages.push_back({{"stage", name.first}, {"part", name.second}, {"key", key}});
  nlohmann::ordered_json metrics = nlohmann::ordered_json::array();
  for (const RankingUse& use : record.metrics)
    metrics.push_back({{"name", use.name}, {"plugin", use.plugin}, {"params", use.params}});
  nlohmann::ordered_json file = {{"format", 1},
                                 {"run", record.run},
                                 {"experiment", record.experiment},
                                 {"seed", record.seed},
                                 {"stages", stages},
                                 {"sites", record.sites},
                                 {"metrics", metrics},
                                 {"top", record.top},
                                 {"filter_seen", record.filter_seen},
                                 {"coverage", record.coverage == CoverageDenominator::train ? "train" : "catalogue"},
                                 {"generation", record.generation == Generation::next_k ? "next_k" : "top_k"},
                                 {"users", record.users},
                                 {"best_by", record.best_by},
                                 {"precision", record.precision},
                                 {"resolved", record.resolved}};
  fs::create_directories(output / "runs");
  write_json(run_record_file(output, record.run), file);
}

RunRecord load_run_record(const fs::path& path) {
  const json file = read_json(path);
  RunRecord record;
  try {
    require_format(file, 1, path);
    file.at("run").get_to(record.run);
    file.at("experiment").get_to(record.experiment);
    file.at("seed").get_to(record.seed);
    for (const json& entry : file.at("stages")) record.stages[{entry.at("stage"), entry.at("part")}] = entry.at("key");
    file.at("sites").get_to(record.sites);
    for (const json& use : file.at("metrics"))
      record.metrics.push_back({use.at("name"), use.at("plugin"), use.at("params")});
    file.at("top").get_to(record.top);
    file.at("filter_seen").get_to(record.filter_seen);
    const std::string coverage = file.at("coverage");
    if (coverage != "catalogue" && coverage != "train")
      fail(HEDDLE_DATA_LOSS, "{}: damaged: coverage '{}'; accepted: catalogue, train", path.string(), coverage);
    record.coverage = coverage == "train" ? CoverageDenominator::train : CoverageDenominator::catalogue;
    const std::string generation = file.value("generation", "top_k");  // records of older programs do not say it
    if (generation != "top_k" && generation != "next_k")
      fail(HEDDLE_DATA_LOSS, "{}: damaged: generation '{}'; accepted: top_k, next_k", path.string(), generation);
    record.generation = generation == "next_k" ? Generation::next_k : Generation::top_k;
    file.at("users").get_to(record.users);
    file.at("best_by").get_to(record.best_by);
    file.at("precision").get_to(record.precision);
    record.resolved = file.at("resolved");
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; `heddle run` writes it again", path.string(), error.what());
  }
  return record;
}

namespace {

// A sweep leaves dozens of runs: a message names a few, points of sweeps last.
std::string some_of(std::vector<std::string> names) {
  constexpr size_t most = 12;
  std::stable_partition(names.begin(), names.end(), [](const std::string& n) { return n.find('@') == n.npos; });
  const size_t all = names.size();
  if (all <= most) return fmt::format("{}", fmt::join(names, ", "));
  names.resize(most);
  return fmt::format("{}, … ({} in all)", fmt::join(names, ", "), all);
}

}  // namespace

fs::path find_run(const std::string& text) {
  const fs::path path = text;
  if (fs::is_regular_file(path)) return path;
  if (fs::is_directory(path / "runs")) {
    const auto names = runs_below(path);
    if (names.size() == 1) return path / "runs" / (names[0] + ".json");
    if (names.empty()) wrong_use("{}: no run is complete there; `heddle run` writes one", text);
    wrong_use("{} holds {} runs; name one: {}", text, names.size(), some_of(names));
  }
  // OUTPUT/RUN
  const fs::path output = path.parent_path();
  const fs::path candidate = run_record_file(output, path.filename().string());
  if (fs::is_regular_file(candidate)) return candidate;
  const auto names = runs_below(output);
  if (!names.empty())
    wrong_use("no run '{}' in {}{}; there are: {}", path.filename().string(), output.string(),
              did_you_mean(path.filename().string(), names), some_of(names));
  wrong_use("{}: no run; give the output folder of a run, e.g. results/quickstart", text);
}

}  // namespace heddle
