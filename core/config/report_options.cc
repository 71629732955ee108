#include "core/config/report_options.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/config/feature_reader.h"
#include "core/config/judgement_readers.h"
#include "core/config/option_table.h"

namespace heddle {

const std::vector<std::string>& report_figures() {
  static const std::vector<std::string> names = {"table1", "table2", "fig2", "fig3", "fig4",
                                                 "fig5",   "fig6",   "fig7", "fig8", "fig9"};
  return names;
}

const OptionTable& report_table() {
  using namespace option;
  constexpr uint32_t not_numeric = HEDDLE_PARAM_NOT_NUMERIC;
  static const std::vector<heddle_param> params = {
      text("title", "", "Heading of the page; default: the experiment's name.", not_numeric),
      texts("figures", nullptr,
            "What is drawn, in this order, of table1, table2, fig2, … fig9; default: all that the results allow.",
            not_numeric),
      texts("histograms", nullptr,
            "Attributes whose best features are shown as histograms; default: the two with the best features.",
            not_numeric),
      texts("sequences", nullptr,
            "Features whose top sequences are shown: attributes (their best feature) or numbers; default: chosen "
            "automatically.",
            not_numeric),
      texts("highlight", nullptr, "Attributes that are marked in the sequences; default: those of the feature.",
            not_numeric),
      text("file", "",
           "Where the page is written, relative to the current folder; default: report-NAME.html among the "
           "results.",
           not_numeric)};
  static const OptionTable table = option_table(
      "[report]", "What `heddle report` shows of this experiment; with this table, `heddle run` ends by writing it.",
      params);
  return table;
}

TableRead<ReportOptions> read_report(const SectionReader& reader, const ConfigNode& section,
                                     const Experiment& experiment) {
  constexpr const char* owner = "[report]";
  reader.table(section, owner);
  std::vector<GivenValue> canonical;
  for (const char* key : {"figures", "histograms", "sequences", "highlight"})
    if (const ConfigNode* node = section.find(key); node != nullptr)
      canonical.push_back(as_text_list(*node, owner, key == std::string_view("sequences")));
  const Values v = reader.host(report_table(), &section, {"figures", "histograms", "sequences", "highlight"}, {},
                               std::move(canonical));
  ReportOptions o{v.text("title"),      v.texts("figures"),   v.texts("histograms"),
                  v.texts("sequences"), v.texts("highlight"), v.text("file")};
  for (const std::string& figure : o.figures)
    if (std::find(report_figures().begin(), report_figures().end(), figure) == report_figures().end())
      wrong_use("{}'figures' of [report] names \"{}\"{} accepted: {}", v.where("figures").prefix(), figure,
                hint(figure, report_figures()), fmt::join(report_figures(), ", "));
  const auto number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  };
  for (const auto& [key, list] :
       {std::pair{"histograms", &o.histograms}, {"sequences", &o.sequences}, {"highlight", &o.highlight}})
    for (const std::string& entry : *list)
      if (key != std::string_view("sequences") || !number(entry))
        check_attribute(entry, v.where(key), fmt::format("'{}' of [report]:", key), experiment);
  if (!o.file.empty()) o.file = std::filesystem::absolute(o.file).lexically_normal().string();
  TableRead<ReportOptions> read{std::move(o), v.resolved(), nullptr};
  read.resolved["file"] = read.options.file;
  return read;
}

}  // namespace heddle
