// heddle results DIR: every number of every run below an output folder.
#include <fmt/format.h>

#include <algorithm>

#include <filesystem>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/store/results_db.h"
#include "core/store/results_print.h"

namespace heddle::cli {

namespace po = boost::program_options;

namespace {

// A filter on what is not there is a typing error, not an empty answer.
void require_known(const std::vector<std::string>& asked, const std::vector<std::string>& known, const char* what,
                   const std::string& file) {
  constexpr size_t shown = 40;
  for (const std::string& name : asked) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> first(known.begin(),
                                         known.begin() + static_cast<std::ptrdiff_t>(std::min(shown, known.size())));
    wrong_use("no {} '{}' in {}{}; there are: {}{}", what, name, file, did_you_mean(name, known),
              fmt::join(first, ", "), known.size() > shown ? fmt::format(", and {} more", known.size() - shown) : "");
  }
}

}  // namespace

int results(const Arguments& arguments) {
  using Texts = std::vector<std::string>;
  po::options_description options;
  options.add_options()("metric,m", po::value<Texts>()->composing(), "only this metric (may repeat)")(
      "stage,s", po::value<Texts>()->composing(), "only this stage (may repeat)")(
      "run", po::value<Texts>()->composing(), "only this run (may repeat)")(
      "dictionary,d", po::value<Texts>()->composing(), "only this dictionary or part of a stage (may repeat)")(
      "attribute,a", po::value<Texts>()->composing(), "only this attribute (may repeat)")(
      "feature,f", po::value<Texts>()->composing(), "only this feature (may repeat)")(
      "format", po::value<std::string>()->default_value("table"), "table, csv or json");
  const auto values = parse(find_command("results"), arguments, options, {"DIR"}, 1);
  const ResultFormat format = parse_result_format(values["format"].as<std::string>());

  const std::filesystem::path folder = values["DIR"].as<std::string>();
  if (!std::filesystem::exists(folder))
    wrong_use("{}: no such folder; give the output folder of a run, e.g. results/quickstart", folder.string());
  const auto file = std::filesystem::is_directory(folder) ? folder / "results.sqlite" : folder;
  if (!std::filesystem::exists(file))
    wrong_use("{}: holds no results.sqlite; give the output folder of a run", folder.string());
  const ResultsDb db(file, ResultsDb::Mode::read);
  auto list = [&](const char* name) { return values.count(name) != 0 ? values[name].as<Texts>() : Texts{}; };
  ResultQuery query;
  query.runs = list("run");
  query.stages = list("stage");
  query.parts = list("dictionary");
  query.metrics = list("metric");
  query.attributes = list("attribute");
  query.features = list("feature");
  require_known(query.metrics, db.metrics(), "metric", file.string());
  if (!query.runs.empty() || !query.stages.empty() || !query.parts.empty() || !query.attributes.empty() ||
      !query.features.empty()) {
    std::set<std::string> runs, stages, parts, attributes, features;
    for (const ResultRecord& record : db.query({})) {
      runs.insert(record.stage.run), stages.insert(record.stage.stage);
      if (!record.stage.part.empty()) parts.insert(record.stage.part);
      if (!record.value.attribute.empty()) attributes.insert(record.value.attribute);
      if (!record.value.feature.empty()) features.insert(record.value.feature);
    }
    auto texts = [](const std::set<std::string>& names) { return Texts(names.begin(), names.end()); };
    require_known(query.runs, texts(runs), "run", file.string());
    require_known(query.stages, texts(stages), "stage", file.string());
    require_known(query.parts, texts(parts), "dictionary or part", file.string());
    require_known(query.attributes, texts(attributes), "attribute", file.string());
    require_known(query.features, texts(features), "feature", file.string());
  }
  const auto records = db.query(query);
  if (records.empty() && format == ResultFormat::table)
    wrong_use("no result in {} matches these filters", file.string());
  fmt::print("{}", print_results(records, format));
  return 0;
}

}  // namespace heddle::cli
