// Options of the report, as plain data: [report]. They change no number and are in no key; they are kept with the run
// (Experiment::resolved), where `heddle report` finds them.
#pragma once

#include <string>
#include <vector>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

struct ReportOptions {
  std::string title;                    // "": the experiment's name
  std::vector<std::string> figures;     // of report_figures(), in the order to be drawn; empty: all that results allow
  std::vector<std::string> histograms;  // attributes; empty: the two with the best features
  std::vector<std::string> sequences;  // attributes (their best feature) or feature numbers; empty: found automatically
  std::vector<std::string> highlight;  // attributes marked in the sequences; empty: those of the feature
  std::string file;                    // where `heddle run` writes the page; "": OUTPUT/report-NAME.html
};

// "table1", "table2", "fig2", …, "fig9": the names that `figures` accepts.
const std::vector<std::string>& report_figures();

const OptionTable& report_table();

}  // namespace heddle
