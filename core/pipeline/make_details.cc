#include "core/pipeline/make_details.h"

#include "core/interpret/directions.h"
#include "core/interpret/occurrences.h"

namespace heddle {
namespace {

std::vector<float> to_host(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  tensor.to_host(values.data());
  return values;
}

// What follows from the directions of the features alone.
void add_directions(Session& session, const Job& job, const std::string& dictionary, const JudgedPoints& points,
                    FeatureDetails& details) {
  const InterpretOptions& options = job.experiment.interpret->options;
  const auto model = session.dictionary(job, dictionary);
  const auto decoder = model->parameters().with_role(HEDDLE_ROLE_DECODER);
  if (!decoder) {
    details.similar_absent = details.effects_absent =
        "dictionary plugin " + model->id() + " declares no parameter with the role decoder";
    return;
  }
  std::vector<float> directions = to_host(model->parameters().tensor(*decoder));
  // A feature that never fires has a direction too, but nobody asks for it.
  std::vector<uint8_t> mask;
  for (const FeatureDetail& feature : details.features) mask.push_back(feature.maximum > 0 ? 1 : 0);
  const int64_t width = model->inputs();
  auto similar = similar_directions(session.context(), directions, width, mask, options.similar);
  for (size_t f = 0; f < similar.size(); ++f)
    for (const Neighbour& other : similar[f]) details.features[f].similar.push_back({other.index, other.value});

  const auto backbone = session.backbone(job);
  const auto table = backbone->parameters().with_role(HEDDLE_ROLE_ITEM_TABLE);
  if (!table) {
    details.effects_absent = "backbone plugin " + backbone->id() + " declares no item table";
    return;
  }
  const Tensor& rows = backbone->parameters().tensor(*table);
  if (rows.shape().size() != 2 || rows.dim(1) != width || rows.dim(0) < backbone->items()) {
    details.effects_absent = "the site is " + std::to_string(width) + " wide, but the item table of the backbone is " +
                             shape_text(rows.shape());
    return;
  }
  std::vector<float> items = to_host(rows);
  items.resize(static_cast<size_t>(backbone->items() * width));  // a mask token's row may follow
  const std::vector<float>& scale = points.normalizer->scale();
  for (size_t i = 0; i < directions.size(); ++i) directions[i] *= scale[i % scale.size()];
  auto effects = direction_effects(session.context(), directions, width, mask, items, options.promoted);
  for (size_t f = 0; f < effects.size(); ++f) {
    for (const Neighbour& item : effects[f].largest)
      details.features[f].promoted.push_back({static_cast<int32_t>(item.index), item.value});
    for (const Neighbour& item : effects[f].smallest)
      details.features[f].demoted.push_back({static_cast<int32_t>(item.index), item.value});
  }
}

}  // namespace

FeatureDetails make_details(Session& session, const Job& job, const std::string& dictionary, const JudgedPoints& points,
                            const FeatureColumns& columns, const std::string& best_by,
                            const std::vector<BestFeature>& best) {
  const InterpretOptions& options = job.experiment.interpret->options;
  const AttributeTable& attributes = points.items->attributes;
  const auto items = points.activations->items(), users = points.activations->users();
  const auto data = session.log(job);
  FeatureDetails details;
  details.bins = options.histogram_bins;
  details.best_by = best_by;
  details.features.resize(static_cast<size_t>(columns.features()));

  const auto histograms = activation_histograms(session.context(), columns, items, options.histogram_bins);
  for (size_t f = 0; f < histograms.size(); ++f) {
    details.features[f].maximum = static_cast<float>(histograms[f].maximum);
    details.features[f].histogram = histograms[f].counts;
  }
  for (size_t a = 0; a < best.size(); ++a) {
    if (best[a].feature < 0 || attributes.attributes[a].type != HEDDLE_ATTRIBUTE_BINARY) continue;
    details.attributes.push_back(
        {attributes.attributes[a].name, best[a].feature,
         histogram_with(columns, best[a].feature, histograms[static_cast<size_t>(best[a].feature)], items, attributes,
                        static_cast<int32_t>(a))});
  }
  const auto windows =
      peak_windows(session.context(), columns, users, items, options.top_sequences, options.sequence_length);
  for (size_t f = 0; f < windows.size(); ++f)
    for (const PeakWindow& window : windows[f]) {
      const auto first = static_cast<size_t>(window.first);
      FeatureSequence sequence;
      sequence.user = users[first];
      sequence.user_id = data->log.user_ids[static_cast<size_t>(users[first])];
      sequence.first = place_of(*points.activations, window.first);
      sequence.peak = static_cast<int32_t>(window.peak - window.first);
      sequence.items.assign(items.begin() + window.first, items.begin() + window.last);
      sequence.activations = window.activations;
      details.features[f].sequences.push_back(std::move(sequence));
    }
  add_directions(session, job, dictionary, points, details);
  return details;
}

}  // namespace heddle
