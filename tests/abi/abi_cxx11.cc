// The ABI compiles as C++11, for plugins with an old compiler.
#include <heddle/abi.h>

HEDDLE_PLUGIN_NOTE(0);

extern "C" unsigned heddle_test_abi_size_cxx11() { return static_cast<unsigned>(sizeof(heddle_plugin)); }
