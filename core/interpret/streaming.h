// Feeds streaming metrics: columns turned back into blocks of points, with a dense label matrix each.
#pragma once

#include <span>

#include "core/interpret/point_labels.h"
#include "core/interpret/scores.h"

namespace heddle {

// scores[i] is [features, attributes] of metrics[i], all in the streaming form.
void score_streaming(const FeatureColumns& columns, const PointLabels& labels,
                     std::span<const FeatureMetric* const> metrics, std::span<double* const> scores);

}  // namespace heddle
