// Makes the tables of options that the host owns. Internal to core/config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/plugin/describe.h"

namespace heddle {

// `params` must be static data: the table points into it.
inline OptionTable option_table(std::string heading, std::string doc, const std::vector<heddle_param>& params) {
  return {heading, std::move(doc), Schema{heading, params, nullptr}};
}

}  // namespace heddle
