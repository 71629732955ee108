// One self-contained HTML page: text, style, program, Vega and data in one file that opens without a network. Pure functions
// of their input: the same report gives the same bytes. [any thread]
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/report/figure.h"

namespace heddle {

struct ReportContent {
  std::string title;
  nlohmann::ordered_json headlines = nlohmann::ordered_json::array();  // [{"value", "label", "note"}]
  nlohmann::ordered_json protocol = nlohmann::ordered_json::array();   // [[what, text]]
  std::vector<Figure> figures;                                         // tables and figures in order; absent ones too
  Figure runs;                                                         // the comparison
  nlohmann::ordered_json browser = nlohmann::ordered_json::object();   // browser_json()
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();  // the main run's experiment, resolved
};

std::string report_page(const ReportContent& content);
// A page that draws `figures` as SVG text into elements with data-figure=ID, base64, for --figures.
std::string figures_page(const std::vector<Figure>& figures);

// Text for <script type="application/json">: no "</" in it.
std::string script_json(const nlohmann::ordered_json& value);
std::string html_text(const std::string& text);

}  // namespace heddle
