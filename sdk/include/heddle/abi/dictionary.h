/* Heddle ABI, kind "dictionary": a sparse dictionary over activations (an SAE and its relatives). It declares trainable
 * tensors and computes codes, reconstructions, loss and gradients. Unit-norm rows, the optimiser, dead-feature tracking,
 * resampling and the normaliser of the input are the host's. */
#ifndef HEDDLE_ABI_DICTIONARY_H
#define HEDDLE_ABI_DICTIONARY_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heddle_dictionary_plan {
  uint32_t struct_size, flags;
  int64_t inputs; /* d, width of the site */
} heddle_dictionary_plan;

typedef struct heddle_dictionary_info {
  uint32_t struct_size, flags;
  int64_t features; /* m */
} heddle_dictionary_info;

/* One training step. dead is set when the experiment asks for revival = "auxk" and some features are dead: u8 [m], 1 = has
 * not fired within the window. The plugin then adds the loss "auxk" (the C++ layer does it for every dictionary built on it). */
typedef struct heddle_dictionary_step {
  uint32_t struct_size, flags;
  int64_t step;         /* 1 for the first */
  int64_t steps;        /* planned in all */
  const DLTensor* x;    /* [B,d], normalised */
  const DLTensor* dead; /* u8 [m] [optional] */
  int64_t dead_count;
  int64_t aux_k;          /* entries per row taken from dead features */
  double aux_coefficient; /* weight of the auxiliary loss */
} heddle_dictionary_step;

typedef struct heddle_dictionary heddle_dictionary;

typedef struct heddle_dictionary_vtable {
  uint32_t struct_size, flags;
  int32_t (*create)(const heddle_host* host, const heddle_values* values, const heddle_dictionary_plan* plan,
                    heddle_dictionary** out, heddle_error* error); /* [main] */
  void (*destroy)(heddle_dictionary* self);                        /* [main] */
  int32_t (*info)(heddle_dictionary* self, heddle_dictionary_info* out, heddle_error* error);
  int32_t (*parameters)(heddle_dictionary* self, heddle_parameters* out, heddle_error* error);
  /* [worker] Inference: x [B,d] -> codes. Row b depends on x[b] alone. */
  int32_t (*encode)(heddle_dictionary* self, const heddle_call* call, const heddle_tensors* params, const DLTensor* x,
                    heddle_codes* codes, heddle_error* error);
  /* [worker] codes -> reconstruction y [B,d]. */
  int32_t (*decode)(heddle_dictionary* self, const heddle_call* call, const heddle_tensors* params,
                    const heddle_codes* codes, DLTensor* y, heddle_error* error);
  /* [worker] Training: fills codes with the codes of the batch, adds named losses, accumulates gradients. Buffers among
   * params may be written. */
  int32_t (*train)(heddle_dictionary* self, const heddle_call* call, const heddle_tensors* params,
                   const heddle_tensors* gradients, const heddle_dictionary_step* step, heddle_codes* codes,
                   const heddle_losses* losses, heddle_error* error);
} heddle_dictionary_vtable;

#ifdef __cplusplus
}
#endif
#endif
