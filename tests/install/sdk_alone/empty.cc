// The same from C++: every header of the C ABI must also be C++.
#include "heddle/abi.h"

namespace {

HEDDLE_PLUGIN_NOTE(0);

constexpr heddle_plugin plugin = {
    sizeof(heddle_plugin), 0, HEDDLE_ABI_MAJOR, HEDDLE_TARGET_MINOR, "test.empty_cpp", "1.0.0",
    "Nothing, in C++.",    0, nullptr};

}  // namespace

extern "C" HEDDLE_EXPORT const heddle_plugin* HEDDLE_ENTRY_NAME(void) { return &plugin; }
