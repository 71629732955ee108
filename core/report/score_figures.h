// Figures about what features stand for: 2 (heat map), 3 (along swept settings), 4 (against neurons and probe), 5 (histograms).
// Each is a plain struct, collected from results, and a Figure made from it. [one thread]
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/data_files.h"
#include "core/pipeline/feature_details.h"
#include "core/pipeline/feature_file.h"
#include "core/report/figure.h"
#include "core/report/tables.h"

namespace heddle {

// What a run knows of the features of one dictionary, opened.
struct Interpreted {
  std::string dictionary, site;
  FeatureFile file;
  std::optional<FeatureDetails> details;  // absent in folders of earlier versions
  std::shared_ptr<const ItemData> items;
};
// Titles and labels of the run's items; nullptr when its folders are gone.
std::shared_ptr<const ItemData> items_of(const ReportRun& run);
// nullopt when the run has no interpretation of it.
std::optional<Interpreted> open_interpreted(const ReportRun& run, const std::string& dictionary);

// Fig 2: row i is the best feature of attribute i, cell (i, j) its score with attribute j.
struct HeatMap {
  std::string metric, prefix;
  std::vector<std::string> attributes;  // in the order of their names
  std::vector<int64_t> features;        // [attributes]
  std::vector<double> scores;           // [attributes, attributes], NaN: undefined
  size_t left_out = 0;                  // attributes beyond what a figure can show
};
std::optional<HeatMap> heat_map(const Interpreted& found, const Focus& focus);
Figure figure_of(const HeatMap& map);

// Fig 3: mean score of best features for each dictionary along each swept setting.
Figure sweep_figure(const Focus& focus, const std::vector<Axis>& axes);

// Fig 4: best feature, best neuron and probe of each attribute.
Figure comparison_with_neurons(const std::vector<AttributeTableOf>& tables);

// Fig 5. `wanted`: attributes; empty: the two best of the family that have a histogram.
Figure histogram_figure(const Interpreted& found, const Focus& focus, const std::vector<std::string>& wanted);

}  // namespace heddle
