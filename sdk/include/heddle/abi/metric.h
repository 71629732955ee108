/* Heddle ABI, kind "metric": how well a feature's activations agree with an attribute of the items.
 * A data point is (user, step); its label is the attribute of the input item at that step.
 *
 * Two forms; a metric gives one of them.
 *  - pairwise: score() maps sufficient statistics of a (feature, attribute) pair to a number. The host collects them for all
 *    pairs in one pass over the sparse codes. Enough for correlation, AUC, sensitivity, precision, F1, mutual information ...
 *  - streaming: begin/update/merge/finish see the codes and labels themselves, block by block. */
#ifndef HEDDLE_ABI_METRIC_H
#define HEDDLE_ABI_METRIC_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Statistics of feature f against attribute a over the data points where a is known. For a binary attribute label_* are
 * those of the 0/1 label. */
typedef struct heddle_pair {
  uint32_t struct_size, flags;
  int64_t points;          /* n */
  int64_t positives;       /* points with label 1 (binary), else points with label != 0 */
  int64_t active;          /* points with f != 0 */
  int64_t active_positive; /* points with f != 0 and label 1 (!= 0) */
  double sum;              /* sum f */
  double sum_squares;      /* sum f^2 */
  double label_sum;        /* sum a */
  double label_squares;    /* sum a^2 */
  double product_sum;      /* sum f a */
  double
      rank_sum_positive; /* sum over positives of the average rank of f among all n points, 1-based; only with NEEDS_RANKS, binary */
} heddle_pair;

enum {
  HEDDLE_METRIC_NEEDS_RANKS = 1u << 16, /* fill rank_sum_positive */
  HEDDLE_METRIC_BINARY_ONLY = 1u << 17, /* numeric attributes get no value */
  HEDDLE_METRIC_LOWER_IS_BETTER = 1u << 18
};

typedef struct heddle_metric_info {
  uint32_t struct_size, flags; /* HEDDLE_METRIC_* */
  double lowest, highest;      /* range of the score; used by tables and checks */
} heddle_metric_info;

typedef struct heddle_metric_shape {
  uint32_t struct_size, flags;
  int64_t features, attributes;
} heddle_metric_shape;

/* A block of data points. labels [B,A] f32, NaN = unknown. Host memory. */
typedef struct heddle_metric_block {
  uint32_t struct_size, flags;
  const heddle_codes* codes;
  const DLTensor* labels;
} heddle_metric_block;

typedef struct heddle_metric heddle_metric;

typedef struct heddle_metric_vtable {
  uint32_t struct_size, flags;
  int32_t (*create)(const heddle_host* host, const heddle_values* values, heddle_metric** out,
                    heddle_error* error); /* [main] */
  void (*destroy)(heddle_metric* self);   /* [main] */
  int32_t (*info)(heddle_metric* self, heddle_metric_info* out, heddle_error* error);
  /* [any] scores[i] of pairs[i]; NaN = undefined for this pair (constant feature, absent attribute). [optional] */
  int32_t (*score)(heddle_metric* self, int64_t count, const heddle_pair* pairs, double* scores, heddle_error* error);
  /* [worker] Streaming form [optional]: state is the instance's own until finish. merge adds other's state, in block order. */
  int32_t (*begin)(heddle_metric* self, const heddle_metric_shape* shape, heddle_error* error);
  int32_t (*update)(heddle_metric* self, const heddle_metric_block* block, heddle_error* error);
  int32_t (*merge)(heddle_metric* self, const heddle_metric* other, heddle_error* error);
  /* scores [features, attributes] f64, host memory. */
  int32_t (*finish)(heddle_metric* self, DLTensor* scores, heddle_error* error);
} heddle_metric_vtable;

#ifdef __cplusplus
}
#endif
#endif
