#include "core/plugin/describe.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle {
namespace {

constexpr size_t columns = 80;

// Text broken at blanks into lines of at most 80 columns, each after `indent` blanks. Line breaks of the text are kept.
std::string wrapped(std::string_view text, size_t indent) {
  std::string out;
  const std::string margin(indent, ' ');
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::istringstream words{std::string(text.substr(begin, end - begin))};
    std::string line, word;
    while (words >> word) {
      if (!line.empty() && indent + display_width(line) + 1 + display_width(word) > columns) {
        out += margin + line + "\n";
        line.clear();
      }
      line += line.empty() ? word : " " + word;
    }
    out += line.empty() ? "\n" : margin + line + "\n";
    begin = end + 1;
  }
  return out;
}

// "number, 0 to 1, in seconds; experimental; changes no number of a result".
std::string details(const heddle_param& p) {
  std::string text = accepted_text(p);
  if (p.unit != nullptr && *p.unit != 0) text += fmt::format(", in {}", p.unit);
  if ((p.flags & HEDDLE_PARAM_EXPERIMENTAL) != 0) text += "; experimental";
  if ((p.flags & HEDDLE_PARAM_NOT_NUMERIC) != 0) text += "; changes no result";
  return text;
}

std::string doc_of(const heddle_param& p) { return p.doc == nullptr ? "" : p.doc; }

std::string parameter_lines(const Schema& schema) {
  if (schema.params.empty()) return "no parameters\n";
  std::string out = "parameters:\n";
  for (const heddle_param& p : schema.params) {
    const bool required = (p.flags & HEDDLE_PARAM_REQUIRED) != 0;
    out +=
        wrapped(required ? fmt::format("{} (required)", p.name) : fmt::format("{} = {}", p.name, default_text(p)), 2);
    out += wrapped(details(p), 6);
    if (!doc_of(p).empty()) out += wrapped(doc_of(p), 6);
  }
  return out;
}

// A cell of a Markdown table: no line breaks, bars escaped.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += "\\|";
    else out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string parameter_table(const Schema& schema) {
  if (schema.params.empty()) return "No parameters.\n";
  std::string out = "| key | default | accepted | meaning |\n|---|---|---|---|\n";
  for (const heddle_param& p : schema.params) {
    const bool required = (p.flags & HEDDLE_PARAM_REQUIRED) != 0;
    out += fmt::format("| `{}` | {} | {} | {} |\n", p.name,
                       required ? "*required*" : fmt::format("`{}`", cell(default_text(p))), cell(details(p)),
                       cell(doc_of(p)));
  }
  return out;
}

constexpr std::string_view generated =
    "<!-- Written by `heddle plugins reference`; do not edit: change the declaration in the source. -->\n";

std::string kind_heading(int32_t kind) {
  switch (kind) {
    case HEDDLE_KIND_INTERACTIONS: return "Interactions: `[interactions]`";
    case HEDDLE_KIND_ATTRIBUTES: return "Attributes: `[attributes.NAME]`";
    case HEDDLE_KIND_BACKBONE: return "Backbones: `[backbone]`";
    case HEDDLE_KIND_DICTIONARY: return "Dictionaries: `[dictionary.NAME]`";
    case HEDDLE_KIND_METRIC: return "Metrics of features: `[interpret] metrics`";
    case HEDDLE_KIND_RANKING_METRIC: return "Ranking metrics: `[evaluate] metrics`";
    default: return "Devices: `[compute] device`";
  }
}

std::string page_name(int32_t kind) {
  std::string name(kind_name(kind));
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name + ".md";
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::string describe(const Component& component) {
  std::string out = fmt::format("{} {}\n", component.id, component.version);
  out += wrapped(
      fmt::format("{} of plugin {} {}", kind_name(component.kind), component.plugin_id, component.plugin_version), 0);
  out += component.file + "\n\n" + wrapped(component.doc, 0) + "\n";
  return out + parameter_lines(component.schema());
}

std::string describe(const OptionTable& table) {
  return fmt::format("{}\n\n{}\n{}", table.heading, wrapped(table.doc, 0), parameter_lines(table.schema));
}

std::string reference_page(const std::vector<const Component*>& components) {
  std::string out(generated);
  out += fmt::format("# {}\n", components.empty() ? "No components" : kind_heading(components.front()->kind));
  for (const Component* component : components) {
    out += fmt::format("\n## `{}` {}\n\n{}\n\n{}", component->id, component->version, component->doc,
                       parameter_table(component->schema()));
  }
  return out;
}

std::string experiment_page(const std::vector<OptionTable>& tables) {
  std::string out(generated);
  out += "# The experiment file\n";
  for (const OptionTable& table : tables) {
    out += fmt::format("\n## `{}`\n\n{}\n\n{}", table.heading, table.doc, parameter_table(table.schema));
  }
  return out;
}

std::map<std::string, std::string> reference_pages(const std::vector<const Component*>& components,
                                                   const std::vector<OptionTable>& tables) {
  std::map<std::string, std::string> pages;
  std::map<int32_t, std::vector<const Component*>> by_kind;
  for (const Component* component : components) by_kind[component->kind].push_back(component);
  std::string index(generated);
  index += "# Reference\n\n- [The experiment file](experiment.md): every table and key of Heddle itself\n";
  pages["experiment.md"] = experiment_page(tables);
  for (const auto& [kind, list] : by_kind) {
    pages[page_name(kind)] = reference_page(list);
    index += fmt::format("- [{}]({})\n", kind_heading(kind), page_name(kind));
    for (const Component* component : list) {
      index += fmt::format("  - `{}`: {}\n", component->id, cell(component->doc.substr(0, component->doc.find(". "))));
    }
  }
  pages["README.md"] = index;
  return pages;
}

std::vector<std::string> write_reference(const std::filesystem::path& folder,
                                         const std::map<std::string, std::string>& pages) {
  std::vector<std::string> changed;
  std::filesystem::create_directories(folder);
  for (const auto& [name, text] : pages) {
    const std::filesystem::path file = folder / name;
    if (std::filesystem::exists(file) && read_text(file) == text) continue;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) fail(HEDDLE_RESOURCE_EXHAUSTED, "{}: cannot be written", file.string());
    changed.push_back(name);
  }
  return changed;
}

}  // namespace heddle
