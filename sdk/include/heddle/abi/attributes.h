/* Heddle ABI, kind "attributes": labels of items and their titles, pushed into the host's sink. */
#ifndef HEDDLE_ABI_ATTRIBUTES_H
#define HEDDLE_ABI_ATTRIBUTES_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The catalogue after filters: what an attribute source may derive labels from. Borrowed for the call. */
typedef struct heddle_catalogue {
  uint32_t struct_size, flags;
  int64_t items;
  const int64_t* counts;      /* [items] interactions in the training part */
  const char* const* raw_ids; /* [items] the source's id as text */
} heddle_catalogue;

enum { HEDDLE_ATTRIBUTE_BINARY = 0, HEDDLE_ATTRIBUTE_NUMERIC = 1 };

/* Items are named by their raw id as text. Labels of items that are not in the catalogue are counted and dropped. */
typedef struct heddle_attribute_sink {
  uint32_t struct_size, flags;
  void* self;
  /* Declares an attribute, or finds one declared before by this name; its index goes to *index. */
  int32_t (*attribute)(void* self, const char* name, int32_t type, int64_t* index, heddle_error* error);
  /* Binary: value is 1 (absent labels are 0). Numeric: any finite value; items without one are left out of its metrics. */
  int32_t (*label)(void* self, const char* raw_item, int64_t attribute, double value, heddle_error* error);
  int32_t (*title)(void* self, const char* raw_item, const char* title, heddle_error* error);
} heddle_attribute_sink;

typedef struct heddle_attributes heddle_attributes;

typedef struct heddle_attributes_vtable {
  uint32_t struct_size, flags;
  int32_t (*open)(const heddle_host* host, const heddle_values* values, heddle_attributes** out,
                  heddle_error* error);   /* [main] */
  void (*close)(heddle_attributes* self); /* [main] */
  /* [worker] Pushes everything once. */
  int32_t (*read)(heddle_attributes* self, const heddle_catalogue* catalogue, const heddle_attribute_sink* sink,
                  heddle_error* error);
  /* [worker] As heddle_interactions_vtable.fingerprint. */
  int32_t (*fingerprint)(heddle_attributes* self, char* text, uint64_t capacity, heddle_error* error);
} heddle_attributes_vtable;

#ifdef __cplusplus
}
#endif
#endif
