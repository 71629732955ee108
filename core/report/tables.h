// Tables 1 and 2 and the comparison of runs. [one thread]
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/report/figure.h"
#include "core/report/points.h"

namespace heddle {

// Table 1: fidelity and recommendation quality along one swept setting, means over seeds; or the dictionaries of one run.
struct FidelityRow {
  std::string label;                      // value of the setting, "untouched", or the dictionary's name
  std::map<std::string, Spread> metrics;  // by metric name
  std::string feature_run;                // run whose features the row can open; ""
};
struct FidelityTable {
  std::string id;       // "table1", "table1-width"
  std::string setting;  // "L1 weight λ", or "site is"
  std::string fixed;    // settings of the series, when there are several
  std::vector<std::string> metrics;
  std::vector<FidelityRow> rows;
  int64_t top = 10, users = 0;
  std::string split;
};
std::vector<FidelityTable> fidelity_tables(const Focus& focus, const std::vector<DictionaryPoint>& points,
                                           const std::vector<Axis>& axes);
Figure figure_of(const FidelityTable& table);

// Table 2: the best feature of each attribute with all metrics, beside the best neuron and the probe.
struct AttributeRow {
  std::string attribute;
  int64_t feature = -1;                   // -1: none
  std::map<std::string, double> metrics;  // by metric name, of the feature of the focus
  std::optional<Spread> over_seeds;       // of best_by over repetitions
  std::optional<double> neuron;           // |best_by| of the best neuron
  std::optional<double> probe;            // best_by of the probe
  std::optional<double> popularity;       // share of data points with the attribute
  std::string reason;                     // why there is no feature
};
struct AttributeTableOf {
  std::string prefix, best_by;
  std::vector<std::string> metrics;
  std::vector<AttributeRow> rows;  // best first
  int64_t points = 0;
  size_t seeds = 1;
  std::string users;
};
// One per family of attributes, that of the focus first.
std::vector<AttributeTableOf> attribute_tables(const Focus& focus, const std::vector<DictionaryPoint>& points);
Figure figure_of(const AttributeTableOf& table, bool first);

// One row per run and dictionary with the settings in which they differ.
Figure comparison_of(const RunSet& set, const Focus& focus);

// "ndcg" -> "NDCG"; columns of the field in its order: rank_of_metric sorts known ones first.
std::string metric_title(const std::string& metric);
// The same inside a sentence: "correlation", "NDCG".
std::string metric_words(const std::string& metric);
size_t rank_of_metric(const std::string& metric);
bool is_ranking_value(const ResultValue& value);

}  // namespace heddle
