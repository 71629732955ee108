// Compares gradients with finite differences of the reported loss.
//
// Parameters are f32 and the loss is a sum of f32 work, so a difference over a step h carries an error of about 1e-6 |L| / h,
// and non-smooth places (a code that switches on, a top-k that changes its mind) make it meaningless. Hence, per coordinate:
// central differences at h and h/2 must agree (else the coordinate is skipped), Richardson's extrapolation of both is the
// estimate, and what is smaller than the error of rounding is not judged.
#pragma once

#include <functional>
#include <string>

#include "core/conformance/parameter_set.h"

namespace heddle::conformance {

// `loss` evaluates the total loss at the set's present values; gradients are accumulated into the set (zeroed before).
// Skips parameters of role THRESHOLD and those that declare a surrogate gradient. Returns a note; throws Failure or Skip.
std::string check_gradients(ParameterSet& set, const std::function<double()>& loss);

}  // namespace heddle::conformance
