/* Heddle ABI: parameters of a component, declared once as data.
 *
 * From this one declaration the host derives validation (file:line:column, nearest name), `heddle plugins describe`, the
 * reference pages, the resolved configuration saved with every result, and the cache key of a stage. A plugin never sees
 * TOML: it receives a heddle_values whose entries stand in the order of its declaration, defaults filled in. */
#ifndef HEDDLE_ABI_PARAM_H
#define HEDDLE_ABI_PARAM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HEDDLE_PARAM_BOOL = 1,       /* value.i is 0 or 1 */
  HEDDLE_PARAM_INT = 2,        /* value.i */
  HEDDLE_PARAM_FLOAT = 3,      /* value.f, finite */
  HEDDLE_PARAM_STRING = 4,     /* value.s, UTF-8 */
  HEDDLE_PARAM_CHOICE = 5,     /* value.i is the index into choices, value.s its name */
  HEDDLE_PARAM_PATH = 6,       /* value.s, made absolute by the host (relative to HEDDLE_DATA, else to the file) */
  HEDDLE_PARAM_INT_LIST = 7,   /* value.list is const int64_t*, value.n entries */
  HEDDLE_PARAM_FLOAT_LIST = 8, /* value.list is const double* */
  HEDDLE_PARAM_STRING_LIST = 9 /* value.list is const char* const* */
};

enum {
  HEDDLE_PARAM_REQUIRED = 1u << 0,     /* no default: the user must give it */
  HEDDLE_PARAM_NOT_NUMERIC = 1u << 1,  /* changes no number of a result, so it is left out of cache keys */
  HEDDLE_PARAM_EXPERIMENTAL = 1u << 16 /* may change or vanish in a minor version */
};

typedef struct heddle_param {
  uint32_t struct_size, flags;
  int32_t type;
  uint32_t n_choices;
  const char* name; /* lower_snake_case, unique in the component */
  const char* unit; /* "" when it has none */
  const char* doc;  /* one sentence */
  const char* const* choices;
  int64_t default_int;        /* BOOL, INT, CHOICE (index) */
  double default_float;       /* FLOAT */
  const char* default_string; /* STRING, PATH; lists: comma-separated text, NULL = empty */
  double minimum, maximum;    /* inclusive bounds of INT, FLOAT and of list entries; -inf/+inf when open */
} heddle_param;

enum { HEDDLE_VALUE_GIVEN = 1u << 16 /* set by the user, not by a default */ };

typedef struct heddle_value {
  uint32_t struct_size, flags;
  int32_t type;
  uint32_t reserved;
  int64_t i;
  double f;
  const char* s;
  uint64_t n;
  const void* list;
} heddle_value;

/* Borrowed for the call. */
typedef struct heddle_values {
  uint32_t struct_size, flags;
  uint64_t count;
  const heddle_value* values;
} heddle_values;

#ifdef __cplusplus
}
#endif
#endif
