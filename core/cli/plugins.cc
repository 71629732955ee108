// heddle plugins list | describe | check | new | reference.
#include <fmt/format.h>

#include <algorithm>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/config/experiment.h"
#include "core/conformance/conformance.h"
#include "core/plugin/describe.h"
#include "core/plugin/registry.h"
#include "core/plugin/search_path.h"
#include "core/store/atomic_file.h"

namespace heddle::cli {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int list(const Registry& registry) {
  Table table({"kind", "id", "version", "what it is"});
  for (const Component* component : registry.all()) {
    const std::string doc = component->doc.substr(0, component->doc.find(". "));
    table.add({std::string(kind_name(component->kind)), component->id, component->version, doc});
  }
  fmt::print("{}", table.text(100));
  for (const Refusal& refusal : registry.refusals())
    fmt::print(stderr, "refused: {}: {}\n", refusal.file, refusal.reason);
  return 0;
}

int describe_id(const Registry& registry, const std::string& id) {
  auto found = registry.by_id(id);
  if (found.empty()) {
    for (const OptionTable& table : experiment_options())
      if (table.heading == id || table.heading == "[" + id + "]") {
        fmt::print("{}", describe(table));
        return 0;
      }
    std::vector<std::string> names;
    for (const Component* component : registry.all()) names.push_back(component->id);
    for (const OptionTable& table : experiment_options()) names.push_back(table.heading);
    wrong_use("no component or table '{}'{}\n{}", id, did_you_mean(id, names), registry.search_report());
  }
  for (const Component* component : found)
    fmt::print("{}{}", describe(*component), component == found.back() ? "" : "\n");
  return 0;
}

std::string camel_case(const std::string& name) {
  std::string out;
  bool upper = true;
  for (char c : name) {
    if (c == '_') upper = true;
    else out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c, upper = false;
  }
  return out;
}

std::string substituted(std::string text, const std::string& key, const std::string& value) {
  for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size())
    text.replace(at, key.size(), value);
  return text;
}

int create(const std::string& kind_text, const std::string& id) {
  const int32_t kind = kind_by_name(kind_text);
  if (kind == 0)
    wrong_use(
        "unknown kind '{}'; accepted: interactions, attributes, backbone, dictionary, metric, ranking_metric, device",
        kind_text);
  std::string folder_name(kind_name(kind));
  std::replace(folder_name.begin(), folder_name.end(), ' ', '_');
  const size_t dot = id.find('.');
  auto part_ok = [](const std::string& part) {
    return !part.empty() && part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  };
  if (dot == std::string::npos || !part_ok(id.substr(0, dot)) || !part_ok(id.substr(dot + 1)))
    wrong_use("'{}' is no component id; accepted: VENDOR.NAME in lower case letters, digits and _, e.g. acme.my_sae",
              id);
  const std::string name = id.substr(dot + 1);
  const fs::path templates =
      installed_plugin_folder().parent_path().parent_path().parent_path() / "share/heddle/templates" / folder_name;
  if (!fs::is_directory(templates))
    fail(HEDDLE_NOT_FOUND, "{}: the templates of this installation are missing", templates.string());
  const fs::path target = name;
  if (fs::exists(target)) wrong_use("{}: is there already; nothing was written", target.string());
  fs::create_directory(target);
  for (const auto& entry : fs::directory_iterator(templates)) {
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    std::string body = substituted(text.str(), "@ID@", id);
    body = substituted(body, "@NAME@", name);
    body = substituted(body, "@CLASS@", camel_case(name));
    const std::string file = entry.path().filename() == "plugin.cc" ? name + ".cc" : entry.path().filename().string();
    write_file(target / file, body);
    fmt::print("{}\n", (target / file).string());
  }
  fmt::print(stderr,
             "build:  cmake -S {0} -B {0}/build && cmake --build {0}/build\ncheck:  heddle plugins check "
             "{0}/build/plugins/{0}.so\n",
             name);
  return 0;
}

int reference(const Registry& registry, const fs::path& folder, bool only_check) {
  // Only what ships with Heddle belongs into its reference, whatever HEDDLE_PLUGIN_PATH holds.
  std::vector<const Component*> own;
  for (const Component* component : registry.all())
    if (component->id.starts_with("heddle.")) own.push_back(component);
  const auto pages = reference_pages(own, experiment_options());
  if (!only_check) {
    fs::create_directories(folder);
    for (const std::string& name : write_reference(folder, pages)) fmt::print("wrote {}\n", (folder / name).string());
    return 0;
  }
  std::vector<std::string> stale;
  for (const auto& [name, text] : pages) {
    std::ifstream in(folder / name, std::ios::binary);
    std::stringstream have;
    have << in.rdbuf();
    if (!in || have.str() != text) stale.push_back(name);
  }
  if (!stale.empty())
    fail(HEDDLE_FAILED_PRECONDITION, "{}: stale: {}; run `heddle plugins reference {}`", folder.string(),
         fmt::join(stale, ", "), folder.string());
  return 0;
}

}  // namespace

int plugins(const Arguments& arguments) {
  po::options_description options;
  options.add_options()("path,p", po::value<std::vector<std::string>>()->composing(),
                        "look here first (folder or file; may repeat)")(
      "check", "reference: only say whether the pages are stale")(
      "component", po::value<std::string>()->default_value(""), "check: only this component")(
      "only", po::value<std::string>()->default_value(""), "check: only checks whose name contains this")(
      "time-limit", po::value<double>()->default_value(60), "check: seconds per check")(
      "set,s", po::value<std::vector<std::string>>()->composing(),
      "check: KEY=VALUE, a parameter of the component (may repeat)")("json", "check: report as JSON");
  const auto values = parse(find_command("plugins"), arguments, options, {"ACTION", "ARGUMENT", "ID"}, 1);
  const std::string action = values["ACTION"].as<std::string>();
  auto argument = [&](const char* name, const char* what) {
    if (values.count(name) == 0)
      wrong_use("{} is missing; usage: heddle plugins {}", what, find_command("plugins").usage);
    return values[name].as<std::string>();
  };
  if (action == "check") {
    CheckOptions check;
    check.component = values["component"].as<std::string>();
    check.check = values["only"].as<std::string>();
    check.time_limit = values["time-limit"].as<double>();
    check.json = values.count("json") != 0;
    if (values.count("set") != 0)
      for (const std::string& text : values["set"].as<std::vector<std::string>>()) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) wrong_use("--set {}: accepted: KEY=VALUE", text);
        check.given[text.substr(0, equals)] = text.substr(equals + 1);
      }
    if (!(check.time_limit > 0)) wrong_use("--time-limit {}: accepted: more than 0 seconds", check.time_limit);
    return check_plugin(argument("ARGUMENT", "FILE.so"), check, std::cout);
  }
  if (action == "new") return create(argument("ARGUMENT", "KIND"), argument("ID", "ID"));
  std::vector<fs::path> paths;
  if (values.count("path") != 0)
    for (const std::string& path : values["path"].as<std::vector<std::string>>()) paths.push_back(fs::absolute(path));
  const Registry registry(SearchPath::standard(paths));
  if (action == "list") return list(registry);
  if (action == "describe") return describe_id(registry, argument("ARGUMENT", "ID"));
  if (action == "reference") return reference(registry, argument("ARGUMENT", "the folder"), values.count("check") != 0);
  const std::vector<std::string> actions = {"list", "describe", "check", "new", "reference"};
  wrong_use("unknown action '{}'{}; accepted: {}", action, did_you_mean(action, actions), fmt::join(actions, ", "));
}

}  // namespace heddle::cli
