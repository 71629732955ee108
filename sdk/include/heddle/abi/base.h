/* Heddle ABI: versions, status codes, errors. Plain C99; frozen per major version.
 *
 * Rules that every struct of this ABI keeps (checked by tests/abi):
 *  - it starts with `uint32_t struct_size, flags`; the writer sets struct_size = sizeof of *its* version;
 *  - fixed-width fields only, no implicit padding (compiled with -Wpadded -Werror), append-only;
 *  - a field is present when it lies wholly inside struct_size; read optional fields through HEDDLE_HAS;
 *  - unknown bits in the low half of `flags` must be refused, in the high half ignored.
 *
 * Thread tags on functions: [main] one thread at a time, host's choice; [worker] any one thread at a time per instance,
 * several instances at once; [any] any thread, any time. */
#ifndef HEDDLE_ABI_BASE_H
#define HEDDLE_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEDDLE_ABI_MAJOR 1
#define HEDDLE_ABI_MINOR 0
/* The lowest minor that a plugin asks for. It defaults to the lowest one so that nobody demands a newer host by accident. */
#ifndef HEDDLE_TARGET_MINOR
#define HEDDLE_TARGET_MINOR 0
#endif

/* True when `field` of *ptr was known to whoever filled *ptr. */
#define HEDDLE_HAS(ptr, type, field) \
  ((ptr)->struct_size >= (uint32_t)(offsetof(type, field) + sizeof(((type*)0)->field)))

/* Status codes. 0 is success; a function that returns another code has filled its heddle_error. */
enum {
  HEDDLE_OK = 0,
  HEDDLE_CANCELLED = 1,           /* the host asked to stop; not a fault */
  HEDDLE_UNKNOWN = 2,             /* an exception that says nothing of itself */
  HEDDLE_INVALID_ARGUMENT = 3,    /* wrong whatever the state: shape, type, range, malformed input file */
  HEDDLE_NOT_FOUND = 5,           /* a named thing (file, site, attribute) does not exist */
  HEDDLE_RESOURCE_EXHAUSTED = 8,  /* memory, disk */
  HEDDLE_FAILED_PRECONDITION = 9, /* right call, wrong state */
  HEDDLE_OUT_OF_RANGE = 11,       /* index or value past its end */
  HEDDLE_UNIMPLEMENTED = 12,      /* this op or slot is not provided */
  HEDDLE_INTERNAL = 13,           /* a broken invariant: a bug */
  HEDDLE_DATA_LOSS = 15           /* truncated or corrupt data */
};

/* A message in a buffer that the caller owns: nothing to free, nothing to dangle. The callee writes at most capacity-1
 * bytes of UTF-8 plus a terminating 0 to text, cut at a character boundary, and sets length. text may be NULL. */
typedef struct heddle_error {
  uint32_t struct_size, flags;
  int32_t code;
  uint32_t capacity;
  uint64_t length;
  char* text;
} heddle_error;

/* Severity of a log line. */
enum { HEDDLE_LOG_DEBUG = 0, HEDDLE_LOG_INFO = 1, HEDDLE_LOG_WARNING = 2, HEDDLE_LOG_ERROR = 3 };

/* Kinds of component. */
enum {
  HEDDLE_KIND_INTERACTIONS = 1,
  HEDDLE_KIND_ATTRIBUTES = 2,
  HEDDLE_KIND_BACKBONE = 3,
  HEDDLE_KIND_DICTIONARY = 4,
  HEDDLE_KIND_METRIC = 5,
  HEDDLE_KIND_RANKING_METRIC = 6,
  HEDDLE_KIND_DEVICE = 7
};

#ifdef __cplusplus
}
#endif
#endif
