// The host's own keys in tables that name a plugin, for the reference page; the other keys of those tables are the
// plugin's. Internal to core/config.
#pragma once

#include "core/plugin/describe.h"

namespace heddle {

const OptionTable& interactions_table();
const OptionTable& attributes_table();
const OptionTable& backbone_table();
const OptionTable& dictionary_table();
const OptionTable& sweep_table();

}  // namespace heddle
