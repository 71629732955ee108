// `heddle report`: the page of some runs, and its figures as SVG. [one thread]
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/report/page.h"
#include "core/report/run_set.h"

namespace heddle {

// [report] of a run; what is not there is as its default.
struct ReportWishes {
  std::string title;
  std::vector<std::string> figures, histograms, sequences, highlight;
  std::string file;
};
ReportWishes wishes_of(const ReportRun& run);
// Those of a page about several runs: of the main run, but all figures that any of them asks for.
ReportWishes wishes_of(const RunSet& set);

// All that the page shows. `browsers`: features of at most so many dictionaries of the main run.
ReportContent collect_report(const RunSet& set, size_t browsers = 4);

// OUTPUT/report-NAME.html unless the run's [report] names a file.
std::filesystem::path default_page(const RunSet& set);

// Writes whole or not at all.
void write_page(const std::filesystem::path& file, const ReportContent& content);

}  // namespace heddle
