#include "core/conformance/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/conformance/checks.h"
#include "core/conformance/child.h"
#include "core/conformance/exports.h"
#include "core/plugin/elf_check.h"
#include "core/plugin/loader.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;
using conformance::Outcome;
using conformance::Verdict;

struct Row {
  std::string component, check;
  Outcome outcome;
};

// What the loading child tells its parent: one line per component.
struct Listed {
  int32_t kind;
  std::string id;
};

std::string list_components(const fs::path& file) {
  conformance::about_to("dlopen and the entry point");
  std::string lines;
  for (const Component& component : load_plugin(file).components)
    lines += fmt::format("{} {}\n", component.kind, component.id);
  return lines;
}

std::vector<Listed> parse_components(const std::string& lines) {
  std::vector<Listed> out;
  std::istringstream in(lines);
  for (Listed one; in >> one.kind >> one.id;) out.push_back(one);
  return out;
}

const Component& find_component(const LoadedPlugin& plugin, const Listed& listed) {
  for (const Component& component : plugin.components) {
    if (component.kind == listed.kind && component.id == listed.id) return component;
  }
  fail(HEDDLE_INTERNAL, "{} offers no '{}' any more", plugin.file, listed.id);
}

class Runner {
 public:
  Runner(fs::path file, const CheckOptions& options) : file_(std::move(file)), options_(options) {}

  void run() {
    if (!add("", "file", [&] { return describe_note(check_plugin_file(file_)); })) return;
    Row loading{"", "load", conformance::run_in_child([&] { return list_components(file_); }, options_.time_limit)};
    std::vector<Listed> components;
    if (loading.outcome.verdict == Verdict::passed) {
      components = parse_components(loading.outcome.text);
      loading.outcome.text = fmt::format("{} component{}", components.size(), components.size() == 1 ? "" : "s");
    }
    const bool loaded = loading.outcome.verdict == Verdict::passed;
    rows_.push_back(std::move(loading));
    if (!loaded) return;
    if (wanted("exports")) add("", "exports", [&] { return conformance::check_exports(file_); });
    bool any = false;
    for (const Listed& listed : components) {
      if (!options_.component.empty() && listed.id != options_.component) continue;
      any = true;
      run_component(listed);
    }
    if (!any) wrong_use("{} offers no component '{}'", file_.string(), options_.component);
  }

  const std::vector<Row>& rows() const { return rows_; }

 private:
  static std::string describe_note(const PluginNote& note) {
    return fmt::format("ABI {}.{}", note.abi_major, note.abi_minor);
  }
  bool wanted(const std::string& check) const {
    return options_.check.empty() || check.find(options_.check) != std::string::npos;
  }

  // A check that runs no foreign code, in this process.
  template <class F>
  bool add(const std::string& component, const std::string& check, F&& body) {
    Outcome outcome;
    try {
      outcome = {Verdict::passed, body(), 0};
    } catch (const conformance::Failure& failure) {
      outcome = {Verdict::failed, failure.reason, 0};
    } catch (const conformance::Skip& skip) {
      outcome = {Verdict::skipped, skip.reason, 0};
    } catch (const Error& error) {
      outcome = {Verdict::failed, error.what(), 0};
    }
    rows_.push_back({component, check, outcome});
    return outcome.verdict != Verdict::failed;
  }

  void run_component(const Listed& listed) {
    for (const conformance::Check& check : conformance::checks_for(listed.kind)) {
      if (!wanted(check.name)) continue;
      Outcome outcome = conformance::run_in_child(
          [&] {
            conformance::about_to("load");
            return check.body(find_component(load_plugin(file_), listed), options_.given);
          },
          options_.time_limit);
      rows_.push_back({listed.id, check.name, std::move(outcome)});
    }
  }

  fs::path file_;
  const CheckOptions& options_;
  std::vector<Row> rows_;
};

const char* verdict_text(Verdict verdict) {
  return verdict == Verdict::passed ? "pass" : verdict == Verdict::failed ? "FAIL" : "skipped";
}

struct Counts {
  size_t passed = 0, failed = 0, skipped = 0;
};

Counts count(const std::vector<Row>& rows) {
  Counts counts;
  for (const Row& row : rows) {
    (row.outcome.verdict == Verdict::passed   ? counts.passed
     : row.outcome.verdict == Verdict::failed ? counts.failed
                                              : counts.skipped) += 1;
  }
  return counts;
}

void write_table(const std::vector<Row>& rows, std::ostream& out) {
  Table table({"component", "check", "result", "seconds", "what was seen"}, {false, false, false, true, false});
  for (const Row& row : rows) {
    table.add({row.component, row.check, verdict_text(row.outcome.verdict), fmt::format("{:.2f}", row.outcome.seconds),
               row.outcome.text});
  }
  const Counts counts = count(rows);
  out << table.text()
      << fmt::format("{} passed, {} failed, {} skipped\n", counts.passed, counts.failed, counts.skipped);
}

void write_json(const fs::path& file, const std::vector<Row>& rows, std::ostream& out) {
  const Counts counts = count(rows);
  nlohmann::ordered_json json = {
      {"file", file.string()}, {"passed", counts.passed}, {"failed", counts.failed}, {"skipped", counts.skipped}};
  json["checks"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    json["checks"].push_back({{"component", row.component},
                              {"check", row.check},
                              {"result", verdict_text(row.outcome.verdict)},
                              {"seconds", row.outcome.seconds},
                              {"text", row.outcome.text}});
  }
  out << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

}  // namespace

int check_plugin(const fs::path& file, const CheckOptions& options, std::ostream& out) {
  out.flush();  // or every child would carry a copy of what is still in the buffer
  std::error_code ignored;
  const fs::path absolute = fs::absolute(file, ignored);
  Runner runner(absolute, options);
  runner.run();
  if (options.json) write_json(absolute, runner.rows(), out);
  else write_table(runner.rows(), out);
  return count(runner.rows()).failed == 0 ? 0 : 1;
}

}  // namespace heddle
