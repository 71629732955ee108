/* A plugin without components, from the C headers alone. */
#include "heddle/abi.h"

HEDDLE_PLUGIN_NOTE(0);

static const heddle_plugin plugin = {sizeof(heddle_plugin),
                                     0,
                                     HEDDLE_ABI_MAJOR,
                                     HEDDLE_TARGET_MINOR,
                                     "test.empty_c",
                                     "1.0.0",
                                     "Nothing, in C99.",
                                     0,
                                     NULL};

HEDDLE_EXPORT const heddle_plugin* HEDDLE_ENTRY_NAME(void);
const heddle_plugin* HEDDLE_ENTRY_NAME(void) { return &plugin; }
