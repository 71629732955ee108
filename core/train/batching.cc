#include "core/train/batching.h"

#include <algorithm>

namespace heddle {

BatchOptions training_batches(const Backbone& backbone, int64_t sequences, int64_t tokens) {
  BatchOptions out;
  out.max_length = backbone.max_length();
  out.sequences = sequences;
  out.tokens = tokens;
  out.training = true;
  out.kind = backbone.batches();
  out.positions_from_end = backbone.positions_from_end();
  out.mask_token = static_cast<int32_t>(backbone.items());
  out.mask_probability = backbone.mask_probability();
  out.last_mask_probability = backbone.last_mask_probability();
  return out;
}

BatchOptions inference_batches(const Backbone& backbone, int64_t sequences) {
  BatchOptions out;
  out.max_length = backbone.max_length();
  out.sequences = std::max<int64_t>(sequences, 1);
  out.positions_from_end = backbone.positions_from_end();
  if (backbone.append_mask()) out.append_token = static_cast<int32_t>(backbone.items());
  return out;
}

}  // namespace heddle
