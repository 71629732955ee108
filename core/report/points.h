// What a report is centred on, and the trained dictionaries of all its runs as points of one space of settings: which
// settings were swept, which points differ only in their seed. Views into a RunSet, which must outlive them. [one thread]
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/report/run_set.h"

namespace heddle {

// The dictionary and the family of attributes that tables and figures are about.
struct Focus {
  const ReportRun* run = nullptr;
  std::string dictionary, site;  // "" when the run has no dictionary
  std::string best_by;           // metric that names features
  std::string prefix;            // the family of attributes that the paper's figures show: "genre"
  std::string mean_metric() const { return "mean_best." + prefix + "." + best_by; }
};
Focus focus_of(const RunSet& set);

struct DictionaryPoint {
  const ReportRun* run = nullptr;
  std::string dictionary, site;
  // All that the dictionary depends on but seeds; its own options without "dictionary.NAME.", its plugin as "plugin".
  std::map<std::string, nlohmann::json> settings;
  std::string identity;  // settings as text: equal for points that differ only in their seeds
  std::string seeds;     // as text
  // Where else the same dictionary stands: one run may have judged it, another interpreted it.
  std::vector<std::pair<const ReportRun*, std::string>> elsewhere;

  // Of the first run that has the stage; nullptr when none has.
  const StageResults* results(const std::string& stage) const;
};
// One per trained dictionary, runs that share one count once; in the order of the runs.
std::vector<DictionaryPoint> dictionary_points(const RunSet& set);

// Points that differ in one number (and in seeds) only.
struct AxisSeries {
  std::map<std::string, nlohmann::json> others;  // the settings that tell this series from the other ones
  std::map<double, std::vector<const DictionaryPoint*>> at;
};
struct Axis {
  std::string key;                 // "l1", "width", "training.steps"
  std::vector<AxisSeries> series;  // those with at least three values, the longest first; at most five
};
// Swept numbers, the one with most values first.
std::vector<Axis> axes_of(const std::vector<DictionaryPoint>& points);

// Points of the same settings as the focus: its repetitions with other seeds, itself among them.
std::vector<const DictionaryPoint*> repetitions_of(const Focus& focus, const std::vector<DictionaryPoint>& points);

// "l1" -> "L1 weight λ"; keys without a better name stay as they are.
std::string setting_title(const std::string& key);
std::string setting_text(const nlohmann::json& value);

}  // namespace heddle
