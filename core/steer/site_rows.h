// Rows of a site under an intervention: the mathematics that the hook of a whole run (intervention.h) and inference again
// behind the site (steered_lists.h) share, so that both give the same bits.
//
//   z = normalise(x), codes = encode(z); per edit codes[feature] = value; y = denormalise(decode(codes))
//   error dropped: x <- y;  error kept: x <- (x - y without edits) + y;  then x <- x + scale * vector
//
// Encoding is done once by read(); write() may be called for one intervention after another as long as they edit the same
// features: each sets all of them anew. Rows are independent of each other.
// Ownership: borrows model, normaliser and codes; memory of a call is the call's. Threads: one. Errors: RESOURCE_EXHAUSTED,
// those of the ops and of the dictionary.
#pragma once

#include "core/steer/intervention.h"

namespace heddle {

class SiteRows {
 public:
  // model may be null when nothing is reconstructed.
  SiteRows(Device& device, DictionaryModel* model, const Normalizer& normalizer);

  // Encodes x [n,d] into codes. With keep_error, error [n,d] receives what the reconstruction lacks; else it may be null.
  void read(const heddle_call& call, const DLTensor* x, heddle_codes* codes, DLTensor* error) const;
  // out [n,d] <- the edited reconstruction of the rows that were read; rows: u8 [n], where features are set, null =
  // everywhere. error: as read() filled it, null = dropped.
  void write(const heddle_call& call, heddle_codes* codes, const std::vector<FeatureEdit>& edits, const DLTensor* rows,
             const DLTensor* error, DLTensor* out) const;
  // x [n,d] += the vector, on the model's scale.
  void add_vector(const heddle_call& call, const std::vector<float>& vector, DLTensor* x) const;

  // Rows of a matrix by index, in memory of the call, and back.
  TensorView gather(const heddle_call& call, const DLTensor* from, const std::vector<int32_t>& rows) const;
  void scatter(const heddle_call& call, const DLTensor* rows, const std::vector<int32_t>& to, DLTensor* into) const;
  TensorView mask(const heddle_call& call, int64_t rows, const std::vector<int32_t>& marked) const;  // u8 [rows]
  TensorView scratch(const heddle_call& call, DType type, int64_t rows, int64_t columns) const;  // columns 0: a vector

 private:
  Device& device_;
  DictionaryModel* model_;
  const Normalizer& normalizer_;
};

// What an intervention does to the activations of one batch, in place.
void act(const SiteRows& site, const Intervention& intervention, const HookPoint& point);

// Row of the last token of each sequence that has one.
std::vector<int32_t> last_rows(const heddle_sequences& batch);

}  // namespace heddle
