// Figures about control: 8 (shares of all attributes and quality against the value of a feature), 9 (features against probes).
// Each is a plain struct, collected from results, and Figures made from it. [one thread]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/report/figure.h"
#include "core/report/points.h"

namespace heddle {

// One target swept over its values.
struct SteeringCurve {
  std::string target;                                       // "genre:Action", "17", "vector"
  std::string direction;                                    // "decoder", "probe", "vector"; "" for set_feature
  std::string feature;                                      // number; "" without
  std::map<std::string, std::map<double, double>> shares;   // attribute -> value -> share of the lists
  std::map<std::string, std::map<double, double>> metrics;  // metric -> value -> number
};

// One [[steer]] table.
struct SteeringTable {
  std::string kind, dictionary, positions, scale;
  int64_t top = 10, users = 0;
  std::map<std::string, double> shares, metrics;  // untouched
  std::vector<SteeringCurve> curves;
};
SteeringTable read_steering(const StageResults& results);

// Steering tables of the runs that share the focus's backbone, those of the focus first; each table once.
std::vector<SteeringTable> steering_tables(const RunSet& set, const Focus& focus);

// Fig 8a and 8b-d of the first table that sets features.
std::vector<Figure> control_figures(const std::vector<SteeringTable>& tables, const Focus& focus);
// Fig 9 of all tables that add vectors.
Figure probe_figure(const std::vector<SteeringTable>& tables);

// What the summary says of a table that sets features.
struct ControlSummary {
  size_t targets = 0;
  double lowest_spearman = 1;       // of the target's share with the value, the worst target
  std::optional<double> ndcg_loss;  // largest relative loss over targets and values within ±2
  std::string worst_target;
};
std::optional<ControlSummary> summary_of(const std::vector<SteeringTable>& tables);

}  // namespace heddle
