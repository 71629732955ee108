// heddle recommend RUN: a list for a user of the log or for any history, with sliders on features.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/cli/values.h"
#include "core/pipeline/run_view.h"
#include "core/plugin/registry.h"
#include "core/store/results_print.h"

namespace heddle::cli {
namespace {

namespace po = boost::program_options;

std::vector<int32_t> history_of_ids(const Catalogue& catalogue, const std::string& text) {
  std::vector<int32_t> history;
  for (const std::string& id : parse_fields(text, "--history")) {
    const int32_t item = catalogue.find(id);
    if (item < 0) wrong_use("--history: no item '{}' in the catalogue{}", id, did_you_mean(id, catalogue.raw_ids));
    history.push_back(item);
  }
  return history;
}

std::vector<int32_t> history_of_user(RunView& run, const std::string& id) {
  const Interactions& log = run.log().log;
  const int32_t user = log.find_user(id);
  if (user < 0)
    wrong_use("--user: no user '{}' in the log of {} users; for somebody else give --history ITEM,ITEM,…", id,
              log.user_count());
  const auto items = log.items_of(log.begin(user), log.end(user));
  return {items.begin(), items.end()};
}

}  // namespace

int recommend(const Arguments& arguments) {
  po::options_description options;
  options.add_options()("user,u", po::value<std::string>(),
                        "raw id of a user of the log, also of one that was never trained on")(
      "history", po::value<std::string>(), "raw item ids, oldest first: ITEM,ITEM,…")(
      "set,s", po::value<std::vector<std::string>>()->composing(),
      "FEATURE=VALUE: number or attribute, e.g. 42=5 or genre:Horror=5 (may repeat)")(
      "dictionary,d", po::value<std::string>()->default_value(""), "which dictionary, when there are several")(
      "top,n", po::value<int64_t>()->default_value(10), "length of the list")(
      "keep-seen", "also items that the history holds")("format", po::value<std::string>()->default_value("table"),
                                                        "table, csv or json");
  const auto values = parse(find_command("recommend"), arguments, options, {"RUN"}, 1);
  if ((values.count("user") != 0) == (values.count("history") != 0))
    wrong_use("give either --user or --history; usage: heddle recommend {}", find_command("recommend").usage);
  const std::string format = values["format"].as<std::string>();
  if (format != "table" && format != "csv" && format != "json")
    wrong_use("--format {}: accepted: table, csv, json", format);
  const Registry registry;
  RunView run(values["RUN"].as<std::string>(), registry);
  const Catalogue& catalogue = run.items().catalogue;
  RecommendRequest request;
  request.history = values.count("user") != 0 ? history_of_user(run, values["user"].as<std::string>())
                                              : history_of_ids(catalogue, values["history"].as<std::string>());
  request.top = values["top"].as<int64_t>();
  request.filter_seen = values.count("keep-seen") == 0;
  if (values.count("set") != 0) {
    const std::string name = run.dictionary_name(values["dictionary"].as<std::string>());
    for (const std::string& text : values["set"].as<std::vector<std::string>>()) {
      const size_t equals = text.rfind('=');
      if (equals == std::string::npos) wrong_use("--set {}: accepted: FEATURE=VALUE", text);
      request.sliders.push_back({name, run.find_feature(name, text.substr(0, equals)),
                                 fit_float(parse_number(text.substr(equals + 1), "--set"), "--set " + text)});
    }
  }
  const auto list = run.recommend(request);
  if (format == "table") {
    const AttributeTable& attributes = run.items().attributes;
    Table table({"", "item", "title", "attributes", "score"}, {true, false, false, false, true});
    int64_t rank = 0;
    for (const RecommendedItem& entry : list) {
      std::string labels;
      for (int32_t label : attributes.labels_of(entry.item)) {
        const Attribute& attribute = attributes.attributes[static_cast<size_t>(label)];
        labels += (labels.empty() ? "" : ", ") + attribute.name.substr(attribute.prefix.size() + 1);
      }
      table.add({fmt::format("{}", ++rank), catalogue.raw_ids[static_cast<size_t>(entry.item)],
                 catalogue.title(entry.item), labels, fmt::format("{:.3f}", entry.score)});
    }
    fmt::print("{}", table.text(80));
    for (const Slider& slider : request.sliders)
      fmt::print(stderr, "feature {} of {} set to {:g} at the last position\n", slider.feature, slider.dictionary,
                 slider.value);
    return 0;
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  if (format == "csv") fmt::print("rank,item,title,score\r\n");
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& id = catalogue.raw_ids[static_cast<size_t>(list[i].item)];
    const std::string& title = catalogue.title(list[i].item);
    if (format == "csv") fmt::print("{},{},{},{}\r\n", i + 1, csv_field(id), csv_field(title), list[i].score);
    else json.push_back({{"rank", i + 1}, {"item", id}, {"title", title}, {"score", list[i].score}});
  }
  if (format == "json") fmt::print("{}\n", json.dump(2));
  return 0;
}

}  // namespace heddle::cli
