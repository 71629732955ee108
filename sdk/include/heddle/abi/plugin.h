/* Heddle ABI: a plugin, its components, its entry point and its ELF note.
 *
 * A shared library exports exactly one symbol, heddle_plugin_entry_v1, which returns constant-initialised data. Before it is
 * loaded at all, the host reads the ELF note below from the file: wrong major, too new a minor, not a plugin, truncated or
 * foreign files are refused without running any foreign code. Loaded once, never unloaded. */
#ifndef HEDDLE_ABI_PLUGIN_H
#define HEDDLE_ABI_PLUGIN_H

#include "attributes.h"
#include "backbone.h"
#include "device.h"
#include "dictionary.h"
#include "interactions.h"
#include "metric.h"
#include "ranking_metric.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HEDDLE_CONCURRENCY_EXCLUSIVE = 0,   /* one call at a time over all instances of the component */
  HEDDLE_CONCURRENCY_PER_INSTANCE = 1 /* instances may run at once; one call at a time on each */
};

typedef struct heddle_component {
  uint32_t struct_size, flags;
  int32_t kind;        /* HEDDLE_KIND_* */
  int32_t concurrency; /* HEDDLE_CONCURRENCY_* */
  const char* id;      /* "vendor.name": [a-z0-9_]+ dot [a-z0-9_]+; unique per kind */
  const char* version; /* semantic version of the component; part of cache keys */
  const char* doc;     /* first sentence: what it is; then source of the method */
  uint64_t n_params;
  const heddle_param* params;
  const void* vtable; /* heddle_KIND_vtable */
  /* [any] Pure cross-field check of parameters. [optional] */
  int32_t (*check)(const heddle_values* values, heddle_error* error);
} heddle_component;

typedef struct heddle_plugin {
  uint32_t struct_size, flags;
  uint32_t abi_major, abi_minor; /* the lowest host minor that it needs */
  const char* id;                /* "vendor.name" */
  const char* version;
  const char* doc;
  uint64_t n_components;
  const heddle_component* const* components;
} heddle_plugin;

/* The entry point. */
typedef const heddle_plugin* (*heddle_plugin_entry)(void);
#define HEDDLE_ENTRY_SYMBOL "heddle_plugin_entry_v1"

/* ELF note: section ".note.heddle.abi", owner "Heddle", type 1, this payload. */
#define HEDDLE_NOTE_SECTION ".note.heddle.abi"
#define HEDDLE_NOTE_OWNER "Heddle"
#define HEDDLE_NOTE_TYPE 1
typedef struct heddle_note {
  uint32_t name_size, desc_size, type; /* Elf64_Nhdr: 8 ("Heddle" and two zeros), 16, HEDDLE_NOTE_TYPE */
  char name[8];
  uint32_t abi_major, abi_minor;
  uint32_t kinds; /* bit 1<<kind for each kind offered; 0 = unstated */
  uint32_t reserved;
} heddle_note;

#if defined(__GNUC__)
#define HEDDLE_EXPORT __attribute__((visibility("default")))
/* Emits the note. Once per plugin. `used`+`retain`-like semantics: an allocated note survives strip and --gc-sections. */
#define HEDDLE_PLUGIN_NOTE(kinds)                                                                                     \
  __attribute__((section(HEDDLE_NOTE_SECTION), used, aligned(4))) static const heddle_note heddle_abi_note =          \
      {                                                                                                               \
          8,       16, HEDDLE_NOTE_TYPE, {'H', 'e', 'd', 'd', 'l', 'e', 0, 0}, HEDDLE_ABI_MAJOR, HEDDLE_TARGET_MINOR, \
          (kinds), 0}
#else
#define HEDDLE_EXPORT
#endif

/* heddle_add_plugin(... STATIC) defines HEDDLE_STATIC_ENTRY to a unique name, so that several plugins link into one program. */
#ifdef HEDDLE_STATIC_ENTRY
#define HEDDLE_ENTRY_NAME HEDDLE_STATIC_ENTRY
#else
#define HEDDLE_ENTRY_NAME heddle_plugin_entry_v1
#endif

#ifdef __cplusplus
}
#endif
#endif
