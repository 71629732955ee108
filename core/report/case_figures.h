// Figures of single cases: 6 (where features fire in the sequences of users), 7 (lists before and after a feature is set).
// [one thread]
#pragma once

#include <string>
#include <vector>

#include "core/pipeline/example_file.h"
#include "core/report/figure.h"
#include "core/report/score_figures.h"

namespace heddle {

// A feature that is worth a look, and the attributes that say why.
struct FeatureCase {
  int64_t feature = -1;
  std::vector<int64_t> highlights;  // attributes, at most two
};

// `wanted`: attributes or numbers of features, `highlight`: attributes ([report] sequences, highlight). Without `wanted`, the
// clearest feature of each family of attributes, then further ones of the focus's family: at most five different ones.
std::vector<FeatureCase> feature_cases(const Interpreted& found, const Focus& focus,
                                       const std::vector<std::string>& wanted,
                                       const std::vector<std::string>& highlight);
Figure sequence_figure(const Interpreted& found, const Focus& focus, const std::vector<FeatureCase>& cases);

// The examples stages of the runs that share the focus's backbone, each once.
std::vector<ExampleFile> example_files(const RunSet& set, const Focus& focus);
// Fig 7. `items`: titles and labels of the focus's run.
Figure example_figure(const std::vector<ExampleFile>& files, const ItemData& items, const Focus& focus);

}  // namespace heddle
