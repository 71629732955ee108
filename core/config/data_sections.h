// [experiment], [plugins], [filters] and [split]: their tables and how they are read. Internal to core/config; the
// plain data of filters and split is core/data/options.h.
#pragma once

#include "core/data/options.h"
#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

const OptionTable& experiment_table();
const OptionTable& plugins_table();
const OptionTable& filter_table();
const OptionTable& split_table();
FilterOptions read_filters(const Values& values);
SplitOptions read_split(const Values& values);

}  // namespace heddle
