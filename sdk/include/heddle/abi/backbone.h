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
 * the memory of the call's device. Items are catalogue indices 0..n_items-1; special tokens follow from n_items on: n_items
 * is the mask of cloze training and of HEDDLE_BACKBONE_APPEND_MASK. */
typedef struct heddle_sequences {
  uint32_t struct_size, flags;
  int64_t count;           /* n sequences */
  int64_t tokens;          /* T */
  const DLTensor* offsets; /* i64 [n+1], host memory */
  const DLTensor* items;   /* i32 [T] */
  const DLTensor* targets; /* i32 [T], the next item, -1 = no loss; training only, else NULL */
  const DLTensor*
      positions;         /* i32 [T], 0 for the first token of each window (see HEDDLE_BACKBONE_POSITIONS_FROM_END) */
  const DLTensor* users; /* i32 [n], user indices */
} heddle_sequences;

/* What the host fixes before an instance exists. */
typedef struct heddle_backbone_plan {
  uint32_t struct_size, flags;
  int64_t items; /* size of the catalogue, V */
} heddle_backbone_plan;

enum {
  /* At inference the host appends the token V (mask) to each sequence, and reads there. */
  HEDDLE_BACKBONE_APPEND_MASK = 1u << 16,
  /* The last token of each window has position max_length - 1, the one before it max_length - 2, and so on. */
  HEDDLE_BACKBONE_POSITIONS_FROM_END = 1u << 17,
  /* A token's state depends on no later token, so what was computed for earlier ones may be used again (forward_from). */
  HEDDLE_BACKBONE_CAUSAL = 1u << 18,
  /* Lists come from rank(), by a decoding of the backbone's own, not from score(). */
  HEDDLE_BACKBONE_RANKS = 1u << 19
};

/* What a training batch holds; windows are at most max_length tokens long. */
enum {
  HEDDLE_BATCHES_NEXT_ITEM = 0, /* inputs: all events but the last; targets: the event behind each */
  HEDDLE_BATCHES_WHOLE = 1,     /* inputs: all events; targets: the event behind each, -1 for the last */
  /* inputs: all events, some replaced by the token V (mask); targets: the event that stood there, -1 elsewhere. The host
   * draws the masks anew for every epoch, by (seed, epoch, window). */
  HEDDLE_BATCHES_CLOZE = 2
};

typedef struct heddle_backbone_info {
  uint32_t struct_size, flags;
  int64_t hidden;     /* width of the state that score() reads */
  int64_t max_length; /* longest window, in items */
  int32_t batches;    /* HEDDLE_BATCHES_* */
  int32_t reserved;
  double mask_probability;      /* CLOZE: each event is masked with this probability, at least one per window */
  double last_mask_probability; /* CLOZE: in this share of the windows only the last event is masked instead */
} heddle_backbone_info;

/* The training events of the backbone's users, oldest first, host memory: what prepare() may factorise or count. */
typedef struct heddle_training_log {
  uint32_t struct_size, flags;
  int64_t users;
  const int64_t* offsets; /* [users + 1] */
  const int32_t* items;   /* [offsets[users]] */
} heddle_training_log;

/* Inference again behind a site, for suffixes of sequences whose earlier tokens are as they were when forward_caching kept
 * them. Suffix s has the rows suffix_offsets[s] .. suffix_offsets[s+1]-1 of activations; it attends to the kept tokens
 * prefix_begin[s] .. prefix_end[s]-1 and to itself. A backbone that is not causal gets whole sequences and no prefix. */
typedef struct heddle_resume {
  uint32_t struct_size, flags;
  int64_t site;
  const DLTensor* suffix_offsets; /* i64 [S+1], host memory */
  const DLTensor* prefix_begin;   /* i64 [S], host memory, rows of cache */
  const DLTensor* prefix_end;     /* i64 [S], host memory */
  const DLTensor* activations;    /* [R,width], the site's values for the rows of the suffixes */
  const DLTensor* cache;          /* [T,cache_width(site)], NULL when every prefix is empty */
} heddle_resume;

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

/* Lists by a decoding of the backbone's own (HEDDLE_BACKBONE_RANKS). Order and ties as in heddle_top_n. */
typedef struct heddle_rank {
  uint32_t struct_size, flags;
  const heddle_sequences* batch; /* histories */
  const heddle_hook* hook;       /* called at the sites while the histories run; NULL = none */
  const DLTensor* seen_offsets;  /* i64 [n+1], host memory [optional: nothing is masked] */
  const DLTensor* seen_items;    /* i32, host memory, ascending per sequence [optional] */
  DLTensor* items;               /* i32 [n,k], host memory; -1 fills short lists */
  DLTensor* scores;              /* f32 [n,k], host memory; -inf for filled places */
} heddle_rank;

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
  /* [worker] Once, behind the initial values and before the first training step: writes what comes from the training log
   * into params, e.g. the codes of items into a buffer. [optional] */
  int32_t (*prepare)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params,
                     const heddle_training_log* log, heddle_error* error);
  /* Inference again behind a site [optional, all three]: forward_caching is forward and also fills cache [T,width] with what
   * the layers behind `site` need of every token (keys and values); width 0: nothing is needed. cache_width may refuse a site
   * with HEDDLE_UNIMPLEMENTED (inside a block the residual stream is not among the site's values): the host then runs whole
   * sequences. */
  int32_t (*cache_width)(heddle_backbone* self, int64_t site, int64_t* width, heddle_error* error);
  int32_t (*forward_caching)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params,
                             const heddle_sequences* batch, const heddle_hook* hook, int64_t site, DLTensor* cache,
                             DLTensor* hidden, heddle_error* error); /* [worker] */
  /* [worker] hidden [R,hidden] for the rows of from->activations, with the same bits as a forward over whole sequences. */
  int32_t (*forward_from)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params,
                          const heddle_resume* from, DLTensor* hidden, heddle_error* error);
  /* [worker] Needed with HEDDLE_BACKBONE_RANKS. [optional] */
  int32_t (*rank)(heddle_backbone* self, const heddle_call* call, const heddle_tensors* params, const heddle_rank* args,
                  heddle_error* error);
} heddle_backbone_vtable;

#ifdef __cplusplus
}
#endif
#endif
