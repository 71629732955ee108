#include "core/steer/intervention.h"

#include <cmath>

#include "core/base/error.h"
#include "core/compute/tensor.h"
#include "core/steer/site_rows.h"

namespace heddle {

void act(const SiteRows& site, const Intervention& intervention, const HookPoint& point) {
  const heddle_call& call = *point.call;
  DLTensor& x = *point.activations;
  if (x.shape[0] == 0) return;
  const std::vector<int32_t> last = last_rows(*point.batch);
  if (intervention.reconstruct) {
    const bool some = intervention.replace == Positions::last;  // only these rows change: encode just them
    TensorView rows =
        some ? site.gather(call, &x, last) : TensorView(x.data, DType::f32, {x.shape[0], x.shape[1]}, x.device);
    heddle_codes* codes = call.scratch_codes(call.self);
    if (codes == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no memory for the codes of {} rows", rows.dim(0));
    TensorView error;
    if (intervention.keep_error) error = site.scratch(call, DType::f32, rows.dim(0), rows.dim(1));
    DLTensor* kept = intervention.keep_error ? error.dl() : nullptr;
    site.read(call, rows, codes, kept);
    TensorView mask;
    const bool masked = !some && !intervention.features.empty() && intervention.edit == Positions::last;
    if (masked) mask = site.mask(call, rows.dim(0), last);
    site.write(call, codes, intervention.features, masked ? mask.dl() : nullptr, kept, rows);
    if (some) site.scatter(call, rows, last, &x);
  }
  if (!intervention.vector.empty()) {
    if (intervention.edit == Positions::last) {
      TensorView rows = site.gather(call, &x, last);
      site.add_vector(call, intervention.vector, rows);
      site.scatter(call, rows, last, &x);
    } else {
      site.add_vector(call, intervention.vector, &x);
    }
  }
}

void validate(const Intervention& intervention, const DictionaryModel* model, const Normalizer& normalizer) {
  if (model == nullptr && (intervention.reconstruct || !intervention.features.empty()))
    fail(HEDDLE_INTERNAL, "an intervention on features needs a dictionary");
  for (const FeatureEdit& edit : intervention.features) {
    if (edit.feature < 0 || edit.feature >= model->features())
      wrong_use("feature {} is not in the dictionary; accepted: 0 to {}", edit.feature, model->features() - 1);
    if (!std::isfinite(edit.value))
      wrong_use("feature {} cannot be set to {}; accepted: any finite number", edit.feature, edit.value);
  }
  if (!intervention.vector.empty() && static_cast<int64_t>(intervention.vector.size()) != normalizer.width())
    wrong_use("the vector to add has {} entries, but the site is {} wide", intervention.vector.size(),
              normalizer.width());
  for (float entry : intervention.vector)
    if (!std::isfinite(entry)) wrong_use("the vector to add holds {}; accepted: finite numbers", entry);
  if (intervention.reconstruct && !intervention.features.empty() && intervention.edit == Positions::all &&
      intervention.replace == Positions::last)
    wrong_use(
        "positions = \"all\" with replace = \"last\": edits before the last position would not reach the model; "
        "accepted: replace = \"all\"");
}

Hook make_hook(int64_t site, Device& device, DictionaryModel* model, const Normalizer& normalizer,
               Intervention intervention) {
  validate(intervention, model, normalizer);
  return [site, &device, model, &normalizer, intervention = std::move(intervention)](const HookPoint& point) {
    if (point.site == site) act(SiteRows(device, model, normalizer), intervention, point);
    return true;
  };
}

}  // namespace heddle
