// Reads a [[steer]] table, whose `feature` and `values` have forms beyond plain values. Internal to core/config.
#pragma once

#include "core/config/section_reader.h"
#include "core/config/steering.h"

namespace heddle {

struct SteerRead {
  SteerOptions options;
  Values values;  // in canonical form: features as text, values as a list
};

// `experiment` has its dictionaries, attributes and [interpret] read already: names are checked against them.
SteerRead read_steer(const SectionReader& reader, const ConfigNode& section, const Experiment& experiment);

}  // namespace heddle
