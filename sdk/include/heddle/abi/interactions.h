/* Heddle ABI, kind "interactions": a stream of (user, item, time, value) events. The host filters, splits and encodes ids. */
#ifndef HEDDLE_ABI_INTERACTIONS_H
#define HEDDLE_ABI_INTERACTIONS_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HEDDLE_ID_INT = 0, HEDDLE_ID_STRING = 1 };

/* What the stream carries; constant for an opened source. */
typedef struct heddle_interactions_info {
  uint32_t struct_size, flags;
  int32_t user_ids, item_ids;  /* HEDDLE_ID_* */
  int32_t has_time, has_value; /* 0: the column is filled with the event's position / with 1.0 */
  int64_t expected_events;     /* a hint, 0 = unknown */
} heddle_interactions_info;

/* A block of events, owned by the source, valid until its next call. String ids: bytes of event i are
 * text[offsets[i] .. offsets[i+1]), UTF-8. The order of events is the order of the file: it breaks ties in time. */
typedef struct heddle_event_block {
  uint32_t struct_size, flags;
  int64_t count;       /* 0: the end */
  const int64_t* user; /* NULL when string */
  const int64_t* item;
  const uint64_t* user_offsets; /* [count+1], NULL when integer */
  const uint64_t* item_offsets;
  const char* user_text;
  const char* item_text;
  const int64_t* time; /* seconds since 1970 or any other ordered unit */
  const double* value; /* rating or weight */
  int64_t bad_rows;    /* rows skipped in this block (on_bad_row = "skip"); the host adds them up and reports them */
} heddle_event_block;

typedef struct heddle_interactions heddle_interactions;

typedef struct heddle_interactions_vtable {
  uint32_t struct_size, flags;
  /* [main] Opens the source; values in declaration order. */
  int32_t (*open)(const heddle_host* host, const heddle_values* values, heddle_interactions** out, heddle_error* error);
  /* [main] */
  void (*close)(heddle_interactions* self);
  int32_t (*info)(heddle_interactions* self, heddle_interactions_info* out, heddle_error* error);
  /* [worker] The next block; count 0 at the end. After an error the source is only closed. */
  int32_t (*next)(heddle_interactions* self, heddle_event_block* out, heddle_error* error);
  /* [worker] A text that changes whenever the events could: writes at most capacity-1 bytes and a 0. Called before next. */
  int32_t (*fingerprint)(heddle_interactions* self, char* text, uint64_t capacity, heddle_error* error);
} heddle_interactions_vtable;

#ifdef __cplusplus
}
#endif
#endif
