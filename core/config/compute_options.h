// Options of the device, as plain data: [compute].
#pragma once

#include <cstdint>
#include <string>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

struct ComputeOptions {
  std::string device = "cpu";                // "cpu", or the id of a device component
  int64_t threads = 0;                       // 0: all that the process may use. Changes no number.
  std::string isa = "auto";                  // auto or a name of core/compute/isa.h, an upper bound. Changes last bits.
  int32_t precision = HEDDLE_PRECISION_F32;  // of matrix products' inputs
};

const OptionTable& compute_table();
ComputeOptions read_compute(const Values& values);

}  // namespace heddle
