/* Heddle ABI, kind "backbone": a sequence model. It declares trainable tensors and named activation sites, and computes
 * forward, backward and item scores on packed batches. The host owns the loop, the optimiser, randomness and storage. */
#ifndef HEDDLE_ABI_BACKBONE_H
#define HEDDLE_ABI_BACKBONE_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Packed batch: sequences one after the other, no padding. Borrowed for the call. offsets are in host memory, the rest in
 * the memory of the call's device. Items are catalogue indices 0..n_items-1; special tokens follow from n_items on. */
typedef struct heddle_sequences {
  uint32_t struct_size, flags;
  int64_t count;             /* n sequences */
  int64_t tokens;            /* T */
  const DLTensor* offsets;   /* i64 [n+1], host memory */
  const DLTensor* items;     /* i32 [T] */
  const DLTensor* targets;   /* i32 [T], the next item, -1 = no loss; training only, else NULL */
  const DLTensor* positions; /* i32 [T], 0 for the first token of each window */
  const DLTensor* users;     /* i32 [n], user indices */
} heddle_sequences;

/* What the host fixes before an instance exists. */
typedef struct heddle_backbone_plan {
  uint32_t struct_size, flags;
  int64_t items; /* size of the catalogue, V */
} heddle_backbone_plan;

enum {
  HEDDLE_BACKBONE_APPEND_MASK =
      1u << 16 /* at inference the host appends the token V (mask) to each sequence, and reads there */
};

typedef struct heddle_backbone_info {
  uint32_t struct_size, flags;
  int64_t hidden;     /* width of the state that score() reads */
  int64_t max_length; /* longest window, in items */
} heddle_backbone_info;

typedef struct heddle_site {
  uint32_t struct_size, flags;
  const char* name; /* "block.0.out" */
  const char* doc;
  int64_t width;
} heddle_site;

typedef struct heddle_sites {
  uint32_t struct_size, flags;
  uint64_t count;
  const heddle_site* items; /* in the order in which forward reaches them; owned by the instance */
} heddle_sites;

/* Called by forward at every site with the activations [T,width] in place: the host may read or overwrite them.
 * A status other than HEDDLE_OK must be returned by forward at once (HEDDLE_CANCELLED: nothing further is needed). */
typedef struct heddle_hook {
  uint32_t struct_size, flags;
  void* self;
  int32_t (*at)(void* self, int64_t site, DLTensor* activations, heddle_error* error);
} heddle_hook;

typedef struct heddle_backbone heddle_backbone;

typedef struct heddle_backbone_vtable {
  uint32_t struct_size, flags;
  int32_t (*create)(const heddle_host* host, const heddle_values* values, const heddle_backbone_plan* plan,
                    heddle_backbone** out, heddle_error* error); /* [main] */
  void (*destroy)(heddle_backbone* self);                        /* [main] */
  int32_t (*info)(heddle_backbone* self, heddle_backbone_info* out, heddle_error* error);
  int32_t (*parameters)(heddle_backbone* self, heddle_parameters* out, heddle_error* error);
  int32_t (*sites)(heddle_backbone* self, heddle_sites* out, heddle_error* error);
  /* [worker] One batch with dropout on: adds named losses, accumulates gradients (the host zeroed them). */
  int32_t (*train)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params,
                   const heddle_tensors* gradients, const heddle_sequences* batch, const heddle_losses* losses,
                   heddle_error* error);
  /* [worker] Inference, dropout off: final hidden state of every token, [T,hidden]. hook may be NULL. */
  int32_t (*forward)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params,
                     const heddle_sequences* batch, const heddle_hook* hook, DLTensor* hidden, heddle_error* error);
  /* [worker] Scores of all items for given hidden states: hidden [B,hidden] -> scores [B,V]. */
  int32_t (*score)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params, const DLTensor* hidden,
                   DLTensor* scores, heddle_error* error);
} heddle_backbone_vtable;

#ifdef __cplusplus
}
#endif
#endif
