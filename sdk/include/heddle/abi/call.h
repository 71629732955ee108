/* Heddle ABI: what the host hands to a plugin. heddle_host lives as long as the process; heddle_call for one call. */
#ifndef HEDDLE_ABI_CALL_H
#define HEDDLE_ABI_CALL_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Given to open() and create(). Outlives the plugin. */
typedef struct heddle_host {
  uint32_t struct_size, flags;
  uint32_t abi_major, abi_minor;
  const char* name;    /* "heddle" */
  const char* version; /* of the host program */
  void* self;          /* first argument of the functions below */
  /* One line for the user; never print yourself. message is copied. [any] */
  void (*log)(void* self, int32_t severity, const char* component, const char* message);
  /* 1 when the user asked to stop: return HEDDLE_CANCELLED soon. [any] */
  int32_t (*cancelled)(void* self);
  /* Progress of a long stage of the plugin's own; total 0 = unknown. [any] */
  void (*progress)(void* self, const char* what, uint64_t done, uint64_t total);
  /* Services by id ("vendor.name/revision"); NULL when the host lacks it: an older one, then do without. [any] */
  const void* (*service)(void* self, const char* id); /* "heddle.threads/1": const int32_t*, threads a source may use */
} heddle_host;

/* State of one compute call: the device and its ops, scratch memory, randomness. Valid until the call returns. */
typedef struct heddle_call {
  uint32_t struct_size, flags;
  const heddle_ops* ops;
  void* device_context; /* first argument of every op */
  DLDevice device;      /* where tensors of this call live */
  int32_t precision;    /* HEDDLE_PRECISION_*: what the experiment asks matmuls to use */
  int32_t reserved;
  heddle_rng_key rng; /* unique to (seed, purpose, epoch, step); derive sub-streams with heddle::sdk::rng_stream */
  void* self;         /* first argument of the functions below */
  /* Scratch in device memory, 64-byte aligned, uninitialised, freed when the call returns. NULL: out of memory. [worker] */
  void* (*scratch)(void* self, uint64_t bytes);
  /* Codes that are freed when the call returns. NULL: out of memory. [worker] */
  heddle_codes* (*scratch_codes)(void* self);
  /* 1 when the user asked to stop. [any] */
  int32_t (*cancelled)(void* self);
} heddle_call;

/* Named loss terms; the host logs each by name. total = sum of coefficient * value. */
typedef struct heddle_losses {
  uint32_t struct_size, flags;
  void* self;
  int32_t (*add)(void* self, const char* name, double value, double coefficient);
} heddle_losses;

/* -- trainable tensors, shared by backbones and dictionaries -- */
enum {
  HEDDLE_INIT_ZEROS = 0,
  HEDDLE_INIT_CONSTANT = 1,         /* init_scale */
  HEDDLE_INIT_NORMAL = 2,           /* N(0, init_scale) */
  HEDDLE_INIT_UNIFORM = 3,          /* U(-init_scale, init_scale) */
  HEDDLE_INIT_UNIT_ROWS = 4,        /* Gaussian rows, normalised, times init_scale */
  HEDDLE_INIT_COPY = 5,             /* init_scale * parameter[init_source], same shape, declared earlier */
  HEDDLE_INIT_GEOMETRIC_MEDIAN = 6, /* of the first batch of inputs (dictionaries, shape [d]) */
  HEDDLE_INIT_DATA_MEAN = 7         /* mean of the first batch of inputs (dictionaries, shape [d]) */
};
enum {
  HEDDLE_CONSTRAINT_NONE = 0,
  HEDDLE_CONSTRAINT_UNIT_ROWS = 1 /* rows of norm 1: the host projects the gradient and renormalises after the update */
};
/* What a tensor means, so that revival, export and the decoder's item effects work for a plugin that nobody here has seen. */
enum {
  HEDDLE_ROLE_OTHER = 0,
  HEDDLE_ROLE_ENCODER = 1,      /* [m,d] */
  HEDDLE_ROLE_ENCODER_BIAS = 2, /* [m] */
  HEDDLE_ROLE_DECODER = 3,      /* [m,d], row j is the direction of feature j */
  HEDDLE_ROLE_DECODER_BIAS = 4, /* [d] */
  HEDDLE_ROLE_THRESHOLD = 5,    /* [m] or [1] */
  HEDDLE_ROLE_ITEM_TABLE = 6    /* [V,d] of a backbone */
};
enum {
  HEDDLE_PARAMETER_BUFFER =
      1u << 0, /* saved and loaded, no gradient, no optimiser: the plugin writes it while training */
  /* Its gradient is not that of the losses on purpose (straight-through, detached): finite differences do not apply. */
  HEDDLE_PARAMETER_SURROGATE_GRADIENT = 1u << 16
};

typedef struct heddle_parameter {
  uint32_t struct_size, flags;
  const char* name; /* the name in the saved file, e.g. "h.0.ln_1.weight" */
  int32_t ndim;     /* 1 to 4 */
  int32_t init, constraint, role;
  double init_scale;
  int64_t init_source;
  int64_t shape[4];
} heddle_parameter;

typedef struct heddle_parameters {
  uint32_t struct_size, flags;
  uint64_t count;
  const heddle_parameter* items; /* owned by the instance, constant while it lives */
} heddle_parameters;

/* Values or gradients, in the order of the declaration; borrowed. Buffers have no gradient: their entry has data NULL. */
typedef struct heddle_tensors {
  uint32_t struct_size, flags;
  uint64_t count;
  DLTensor* items;
} heddle_tensors;

#ifdef __cplusplus
}
#endif
#endif
