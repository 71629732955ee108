// Fills a FeatureDetails from what an interpretation has in memory. [one thread; works on the device's pool inside]
#pragma once

#include "core/interpret/scores.h"
#include "core/pipeline/feature_details.h"
#include "core/pipeline/judging.h"

namespace heddle {

// best: per attribute, its best feature by `best_by`.
FeatureDetails make_details(Session& session, const Job& job, const std::string& dictionary, const JudgedPoints& points,
                            const FeatureColumns& columns, const std::string& best_by,
                            const std::vector<BestFeature>& best);

}  // namespace heddle
