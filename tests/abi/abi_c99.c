/* The ABI compiles as C99 without a byte of implicit padding: see the flags in CMakeLists.txt. */
#include <heddle/abi.h>

unsigned heddle_test_abi_size(void) { return (unsigned)sizeof(heddle_plugin); }
