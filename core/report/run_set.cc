#include "core/report/run_set.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/base/error.h"
#include "core/pipeline/feature_details.h"

namespace heddle {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Numbers inside text compare by value.
bool natural_less(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  auto number = [](const std::string& text, size_t at) {
    const char c = text[at];
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  };
  while (i < a.size() && j < b.size()) {
    if (number(a, i) && number(b, j)) {
      size_t a_end = 0, b_end = 0;
      const double x = std::stod(a.substr(i, 40), &a_end), y = std::stod(b.substr(j, 40), &b_end);
      if (x != y) return x < y;
      i += a_end, j += b_end;
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i, ++j;
  }
  return a.size() - i < b.size() - j;
}

// Settings that change no number of a report, or name places on a disk.
bool idle_setting(const std::string& key) {
  static const std::set<std::string> whole = {"experiment.name", "experiment.output", "evaluate.batch_users"};
  if (whole.count(key) != 0) return true;
  for (const char* start : {"compute.", "plugins.", "report."})
    if (key.starts_with(start)) return true;
  for (const char* end : {".version", ".checkpoint_seconds", ".path"})
    if (key.ends_with(end)) return true;
  return false;
}

void flatten(const json& value, const std::string& prefix, std::map<std::string, json>& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [name, entry] : value.items()) {
      // Parameters of a plugin stand beside its other options, as in the file; its id stands for the table itself.
      if (name == "params") flatten(entry, prefix, out);
      else if (name == "plugin") out[prefix] = entry;
      else flatten(entry, prefix.empty() ? name : prefix + "." + name, out);
    }
    return;
  }
  if (!idle_setting(prefix)) out[prefix] = value;
}

// How much a run has to show: kinds of things first, then how well its features stand for attributes.
double interest(const ReportRun& run) {
  int points = 0;
  double mean = 0;
  for (const std::string& name : run.dictionaries()) {
    const auto artefact = run.artefact("interpretation", name);
    if (artefact) points += FeatureDetails::present(*artefact) ? 4 : 2;
    if (const StageResults* results = run.results("interpretation", name))
      for (const ResultValue& value : results->values)
        if (value.metric.starts_with("mean_best.") && value.metric.ends_with("." + run.record().best_by) && value.value)
          mean = std::max(mean, *value.value);
  }
  points = std::min(points, 4);
  for (const char* stage : {"steering", "probe", "examples"}) points += run.parts(stage).empty() ? 0 : 1;
  return points + std::min(0.999, mean);
}

}  // namespace

ReportRun::ReportRun(const fs::path& record_file)
    : output_(record_file.parent_path().parent_path()), record_(load_run_record(record_file)), store_(output_) {
  if (output_.empty()) output_ = ".", store_ = ArtefactStore(output_);
  flatten(record_.resolved, "", settings_);
}

bool ReportRun::has(const std::string& stage, const std::string& part) const {
  return record_.stages.count({stage, part}) != 0;
}

std::string ReportRun::key(const std::string& stage, const std::string& part) const {
  const auto found = record_.stages.find({stage, part});
  return found == record_.stages.end() ? "" : found->second;
}

std::vector<std::string> ReportRun::parts(const std::string& stage) const {
  std::vector<std::string> out;
  for (const auto& [name, key] : record_.stages)
    if (name.first == stage) out.push_back(name.second);
  std::sort(out.begin(), out.end(), natural_less);
  return out;
}

std::vector<std::string> ReportRun::dictionaries() const {
  std::vector<std::string> out;
  for (const auto& [name, site] : record_.sites) out.push_back(name);
  return out;
}

const StageResults* ReportRun::results(const std::string& stage, const std::string& part) const {
  const auto cached = results_.find({stage, part});
  if (cached != results_.end()) return cached->second.get();
  auto& slot = results_[{stage, part}];
  const auto found = artefact(stage, part);
  if (found && found->contains("results.json")) slot = std::make_unique<StageResults>(load_results(*found));
  return slot.get();
}

std::optional<Artefact> ReportRun::artefact(const std::string& stage, const std::string& part) const {
  const std::string stage_key = key(stage, part);
  if (stage_key.empty()) return std::nullopt;
  return store_.open(stage, stage_key, ArtefactStore::Verify::sizes);
}

std::vector<fs::path> find_runs(const std::string& text) {
  const fs::path path = text;
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  const bool folder = fs::is_directory(path / "runs", error);
  const fs::path output = folder ? path : path.parent_path();
  const std::string name = folder ? "" : path.filename().string();
  if (!folder && fs::is_regular_file(run_record_file(output, name), error)) return {run_record_file(output, name)};
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(output / "runs", error)) {
    if (entry.path().extension() != ".json") continue;
    const std::string run = entry.path().stem().string();
    const bool wanted = folder || run.starts_with(name + "@") || fnmatch(name.c_str(), run.c_str(), 0) == 0;
    if (wanted) found.push_back(entry.path());
  }
  // Its messages say what is there.
  if (found.empty()) return {find_run(text)};
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return natural_less(a.stem().string(), b.stem().string()); });
  return found;
}

RunSet::RunSet(const std::vector<std::string>& arguments, const std::string& main) {
  std::set<fs::path> seen;
  auto add = [&](const fs::path& file) {
    if (seen.insert(fs::weakly_canonical(file)).second) runs_.push_back(std::make_unique<ReportRun>(file));
  };
  fs::path chosen;
  if (!main.empty()) {
    const auto files = find_runs(main);
    if (files.size() > 1) wrong_use("--main {}: names {} runs; accepted: one", main, files.size());
    chosen = fs::weakly_canonical(files.front());
  }
  for (const std::string& argument : arguments)
    for (const fs::path& file : find_runs(argument)) add(file);
  if (!main.empty()) {
    add(chosen);
    for (size_t i = 0; i < runs_.size(); ++i)
      if (fs::weakly_canonical(run_record_file(runs_[i]->output(), runs_[i]->name())) == chosen) main_ = i;
    return;
  }
  for (size_t i = 1; i < runs_.size(); ++i)
    if (interest(*runs_[i]) > interest(*runs_[main_])) main_ = i;
}

std::vector<const ReportRun*> RunSet::by_interest() const {
  std::vector<const ReportRun*> out = {runs_[main_].get()};
  for (size_t i = 0; i < runs_.size(); ++i)
    if (i != main_) out.push_back(runs_[i].get());
  return out;
}

std::optional<double> find_value(const StageResults& results, const std::string& metric) {
  for (const ResultValue& value : results.values)
    if (value.metric == metric && value.feature.empty() && value.attribute.empty() && !value.keys.contains("value") &&
        !value.keys.contains("target"))
      return value.value;
  return std::nullopt;
}

std::string short_name(const std::string& attribute) { return attribute.substr(attribute.find(':') + 1); }

std::string prefix_of(const std::string& attribute) {
  const size_t colon = attribute.find(':');
  return colon == std::string::npos ? "" : attribute.substr(0, colon);
}

}  // namespace heddle
