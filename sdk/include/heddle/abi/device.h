/* Heddle ABI, kind "device": memory, a stream and an op table. The CPU device is built into the host behind this table. */
#ifndef HEDDLE_ABI_DEVICE_H
#define HEDDLE_ABI_DEVICE_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heddle_device heddle_device;

typedef struct heddle_device_info {
  uint32_t struct_size, flags;
  DLDevice device;
  int64_t memory;   /* bytes, 0 = unknown */
  const char* name; /* "CPU, AVX-512, 2 threads" */
  const char* isa;  /* the class within which bits repeat */
} heddle_device_info;

typedef struct heddle_device_vtable {
  uint32_t struct_size, flags;
  /* [main] 0 = not usable on this machine, else a score; the highest wins under device = "auto". */
  int32_t (*probe)(const heddle_host* host, const heddle_values* values);
  int32_t (*open)(const heddle_host* host, const heddle_values* values, heddle_device** out,
                  heddle_error* error); /* [main] */
  void (*close)(heddle_device* self);   /* [main] */
  int32_t (*info)(heddle_device* self, heddle_device_info* out, heddle_error* error);
  const heddle_ops* (*ops)(heddle_device* self);
  /* A context is a stream of work in order; at most one thread uses it at a time. */
  int32_t (*context_create)(heddle_device* self, void** device_context, heddle_error* error);
  void (*context_destroy)(heddle_device* self, void* device_context);
  /* Memory, 64-byte aligned. NULL: exhausted. [any] */
  void* (*allocate)(heddle_device* self, uint64_t bytes);
  void (*release)(heddle_device* self, void* memory);
  /* Ordered with the context's ops. Either side may be host memory. */
  int32_t (*copy)(void* device_context, void* to, DLDevice to_device, const void* from, DLDevice from_device,
                  uint64_t bytes, heddle_error* error);
  int32_t (*synchronize)(void* device_context, heddle_error* error);
} heddle_device_vtable;

#ifdef __cplusplus
}
#endif
#endif
