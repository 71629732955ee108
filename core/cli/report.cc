// heddle report RUN...: one page of everything that the runs found, and its figures as SVG.
#include "core/report/report.h"

#include <fmt/format.h>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/cli/command.h"
#include "core/report/figure_files.h"

namespace heddle::cli {

namespace po = boost::program_options;

int report(const Arguments& arguments) {
  using Texts = std::vector<std::string>;
  po::options_description options;
  options.add_options()("out,o", po::value<std::string>(), "file to write; default: OUTPUT/report-NAME.html")(
      "figures", po::value<std::string>(), "also write every figure as SVG and every table as CSV into this folder")(
      "main", po::value<std::string>()->default_value(""),
      "run whose features and lists are shown; default: the one with most to show")(
      "browse", po::value<int64_t>()->default_value(4), "features of at most this many dictionaries of that run");
  const auto values = parse_many(find_command("report"), arguments, options, "RUN");
  const int64_t browsers = values["browse"].as<int64_t>();
  if (browsers < 0) wrong_use("--browse {}: accepted: 0 or more", browsers);
  const RunSet set(values["RUN"].as<Texts>(), values["main"].as<std::string>());
  const ReportContent content = collect_report(set, static_cast<size_t>(browsers));
  const std::filesystem::path page =
      values.count("out") != 0 ? std::filesystem::path(values["out"].as<std::string>()) : default_page(set);
  write_page(page, content);
  size_t drawn = 0;
  for (const Figure& figure : content.figures) drawn += figure.absent.empty() ? 1 : 0;
  fmt::print("{}: {} tables and figures of {} run{}, {:.1f} MB\n", page.string(), drawn, set.runs().size(),
             set.runs().size() == 1 ? "" : "s", static_cast<double>(std::filesystem::file_size(page)) / 1e6);
  for (const Figure& figure : content.figures)
    if (!figure.absent.empty()) fmt::print("  not shown: {} ({})\n", figure.title, figure.absent);
  if (values.count("figures") != 0) {
    const FigureFiles files = write_figure_files(values["figures"].as<std::string>(), content.figures);
    fmt::print("{}: {} SVG, {} CSV\n", values["figures"].as<std::string>(), files.pictures.size(), files.tables.size());
    if (!files.absent.empty()) log_line(HEDDLE_LOG_WARNING, "report", files.absent);
  }
  return 0;
}

}  // namespace heddle::cli
