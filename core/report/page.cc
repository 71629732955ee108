#include "core/report/page.h"

#include <fmt/format.h>

#include <set>

#include "core/base/error.h"
#include "core/report/assets.h"

namespace heddle {

using nlohmann::ordered_json;

namespace {

// In an order in which each module follows those that it asks for.
constexpr const char* vega_modules[] = {"vega-util",       "vega-time",           "vega-format",
                                        "vega-loader",     "vega-statistics",     "vega-scale",
                                        "vega-canvas",     "vega-scenegraph",     "vega-dataflow",
                                        "vega-expression", "vega-selection",      "vega-functions",
                                        "vega-runtime",    "vega-event-selector", "vega-parser",
                                        "vega-encode",     "vega-transforms",     "vega-view-transforms",
                                        "vega-view"};

std::string_view asset(const std::string& name) {
  const std::string_view text = report_asset(name);
  if (text.empty()) fail(HEDDLE_INTERNAL, "the report has no file '{}'", name);
  return text;
}

// Debian has Vega as one module per package; each becomes a function that gets its own exports.
std::string vega_script() {
  std::string out(asset("modules.js"));
  for (const char* name : vega_modules) {
    std::string_view source = asset(std::string("vega/") + name);
    // The map of the minified file is not beside the page.
    if (const size_t map = source.rfind("//# sourceMappingURL"); map != std::string_view::npos)
      source = source.substr(0, map);
    out += fmt::format("heddleModules.define(\"{}\", function (exports, module, require) {{\n{}\n}});\n", name, source);
  }
  return out;
}

ordered_json specs_of(const std::vector<Figure>& figures) {
  ordered_json specs = ordered_json::object();
  for (const Figure& figure : figures)
    if (figure.absent.empty() && !figure.spec.empty() && !specs.contains(figure.spec))
      specs[figure.spec] = ordered_json::parse(asset("specs/" + figure.spec + ".json"));
  specs["histogram"] = ordered_json::parse(asset("specs/histogram.json"));
  return specs;
}

std::string data_script(const char* id, const ordered_json& value) {
  return fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id, script_json(value));
}

std::string script(std::string_view source) { return fmt::format("<script>\n{}</script>\n", source); }

}  // namespace

std::string script_json(const ordered_json& value) {
  const std::string text = value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    // In JSON '<' stands in texts only, where the escape means the same.
    if (c == '<') out += "\\u003c";
    else out += c;
  }
  return out;
}

std::string html_text(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string report_page(const ReportContent& content) {
  ordered_json figures = ordered_json::array(), absent = ordered_json::array();
  for (const Figure& figure : content.figures) {
    if (figure.absent.empty()) figures.push_back(figure_json(figure));
    else absent.push_back({{"title", figure.title}, {"why", figure.absent}});
  }
  ordered_json report = {{"title", content.title},
                         {"headlines", content.headlines},
                         {"protocol", content.protocol},
                         {"figures", std::move(figures)},
                         {"absent", std::move(absent)},
                         {"runs", figure_json(content.runs)},
                         {"specs", specs_of(content.figures)},
                         {"settings", content.settings},
                         {"version", HEDDLE_VERSION}};
  std::string out;
  out += "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n";
  out += fmt::format("<meta name=\"generator\" content=\"heddle {}\">\n<title>{}</title>\n", HEDDLE_VERSION,
                     html_text(content.title));
  out += "<link rel=\"icon\" href=\"data:,\">\n";
  out += fmt::format("<style>\n{}</style>\n</head>\n", asset("page.css"));
  out += asset("body.html");
  out += data_script("report-data", report);
  out += data_script("browser-data", content.browser);
  out += script(vega_script());
  for (const char* name : {"theme.js", "figures.js", "tables.js", "browser.js", "page.js"}) out += script(asset(name));
  out += "</body>\n</html>\n";
  return out;
}

std::string figures_page(const std::vector<Figure>& figures) {
  ordered_json list = ordered_json::array();
  for (const Figure& figure : figures)
    if (figure.absent.empty() && !figure.spec.empty()) list.push_back(figure_json(figure));
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>figures</title></head>\n<body>\n";
  out += data_script("report-data", {{"figures", std::move(list)}, {"specs", specs_of(figures)}});
  out += script(vega_script());
  for (const char* name : {"theme.js", "figures.js", "export.js"}) out += script(asset(name));
  out += "</body>\n</html>\n";
  return out;
}

}  // namespace heddle
