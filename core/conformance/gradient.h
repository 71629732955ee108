// Compares gradients with finite differences of the reported loss.
//
// Parameters are f32 and the loss is a sum of f32 work, so single coordinates may drown in rounding. Therefore tensors
// are moved along directions: the gradient itself, random parts and single rows of it (large signal; a wrong factor or
// term shows), and random ones (what the gradient leaves out shows). Sparse codes make the loss kink or jump wherever
// an entry comes or goes, so only steps that leave the pattern of the codes as it is count. Central differences at h, h/2,
// h/4 ... are taken until three in a row hardly move; Richardson's extrapolation of the last two is the estimate, and what
// they still move, with rounding, its error. A direction whose derivative does not stand out of that is not judged.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/conformance/parameter_set.h"

namespace heddle::conformance {

struct Evaluation {
  double loss = 0;
  uint64_t pattern = 0;  // a hash of which codes are active; 0 where there are none
};

// `evaluate` gives the total loss at the set's present values; gradients are accumulated into the set (zeroed before).
// Skips parameters of role THRESHOLD and those that declare a surrogate gradient. Returns a note; throws Failure or
// Skip.
std::string check_gradients(ParameterSet& set, const std::function<Evaluation()>& evaluate);

}  // namespace heddle::conformance
