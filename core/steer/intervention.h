// Interventions: what is done to the activations of a site while a backbone runs, as a Hook.
//
//   reconstruct  x <- decode(encode(x)): fidelity, what the dictionary loses
//   set_feature  the same with the codes of chosen features set to a value first (the paper's steering)
//   add_vector   x <- x + value * direction, no reconstruction; direction on the normalised scale, e.g. a decoder row
//
// Positions: `edit` says at which tokens of a sequence features are set or the vector is added, `replace` which tokens get
// the reconstruction; "last" is the last token of each sequence, the one recommendations are read from.
// Error term: drop (paper): the site becomes the reconstruction; keep: x + (edited - unedited reconstruction), so that with
// no edit nothing changes.
// The dictionary lives on the normalised scale: x is normalised before it and brought back behind it.
//
// Ownership: the hook borrows model and normalizer. One thread. Works on any device: everything goes through its ops.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config/activations.h"
#include "core/train/dictionary_model.h"
#include "core/train/hook.h"
#include "core/train/normalizer.h"

namespace heddle {

struct FeatureEdit {
  int64_t feature;
  float value;  // absolute activation on the normalised scale; 0 switches the feature off
};

struct Intervention {
  bool reconstruct = true;            // false: add_vector only
  std::vector<FeatureEdit> features;  // applied in order
  std::vector<float> vector;          // [inputs], normalised scale, already times its value; empty = none
  Positions edit = Positions::last;
  Positions replace = Positions::all;
  bool keep_error = false;
};

// Throws wrong_use for features outside the dictionary, values that are not finite, a vector of another width, and for
// edit = all with replace = last (the edits would not reach the model).
void validate(const Intervention& intervention, const DictionaryModel* model, const Normalizer& normalizer);

// Acts at `site` of the backbone and leaves the others alone. model may be null when nothing is reconstructed.
Hook make_hook(int64_t site, Device& device, DictionaryModel* model, const Normalizer& normalizer,
               Intervention intervention);

}  // namespace heddle
