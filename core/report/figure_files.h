// heddle report --figures DIR: every figure as SVG, drawn in headless Chromium by the specifications of the page, and the rows of
// every table and figure as CSV. [one thread]
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/report/figure.h"

namespace heddle {

struct FigureFiles {
  std::vector<std::filesystem::path> pictures, tables;
  std::string absent;  // why there are no pictures; "" when there are
};

// Makes `folder`. Without a browser there are tables only. FAILED_PRECONDITION when the browser fails or a figure cannot be drawn.
FigureFiles write_figure_files(const std::filesystem::path& folder, const std::vector<Figure>& figures);

// {figure id -> SVG} from the document that figures_page() becomes.
std::vector<std::pair<std::string, std::string>> drawn_figures(const std::string& document);

}  // namespace heddle
