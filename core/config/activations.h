// Options of taking activations out of the backbone, as plain data: [activations]. The site belongs to each dictionary.
#pragma once

#include <cstdint>
#include <string>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

enum class ActivationStoring { f32, bf16, stream };  // as a file of that type, or computed anew for every pass
enum class Normalization { none, scalar, per_dimension };
enum class Positions { all, last };

struct ActivationOptions {
  ActivationStoring store = ActivationStoring::f32;
  Normalization normalize = Normalization::per_dimension;
  Positions positions = Positions::all;
};

const OptionTable& activation_table();
ActivationOptions read_activations(const Values& values);

}  // namespace heddle
