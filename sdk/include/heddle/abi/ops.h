/* Heddle ABI: the op table of a device. About 40 ops at the grain of a fused layer, forward and backward.
 *
 * Conventions for all ops
 *  - dc is the device context of the current call (heddle_call.device_context). [worker]: one op at a time per context.
 *  - Gradients of parameters are accumulated (+=), everything else is overwritten, unless an op says otherwise.
 *  - f32 unless said otherwise. Accumulation in f32 or better. No op depends on the number of threads: same inputs, same bits.
 *  - Rows are independent: a row's result does not depend on which other rows share the call (inference ops).
 *  - Zero-sized dimensions are legal and do nothing. Wrong shapes give HEDDLE_INVALID_ARGUMENT naming op and shapes.
 *  - Optional tensors may be NULL where marked [optional].
 * Shape letters: T tokens, B rows, d width of a vector, m features of a dictionary, V items, H heads. */
#ifndef HEDDLE_ABI_OPS_H
#define HEDDLE_ABI_OPS_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Key of the counter-based generator (Philox 4x32-10). The number drawn for (key, index) depends on nothing else. */
typedef struct heddle_rng_key {
  uint64_t seed;   /* the experiment's */
  uint64_t stream; /* purpose, epoch, step, layer ... mixed by heddle_call or heddle::sdk::rng_stream */
} heddle_rng_key;

enum {
  HEDDLE_ACTIVATION_NONE = 0,
  HEDDLE_ACTIVATION_RELU = 1,
  HEDDLE_ACTIVATION_GELU_TANH = 2 /* gelu_new of GPT-2 */
};
enum { HEDDLE_PRECISION_F32 = 0, HEDDLE_PRECISION_BF16 = 1 /* inputs rounded to bf16, f32 accumulation */ };

/* c[M,N] = activation(alpha * op(a) op(b) + bias) + beta * c.   op(a) is [M,K], op(b) is [K,N].
 * a, b, c may have row strides. pre receives alpha*op(a)op(b)+bias before the activation. */
typedef struct heddle_gemm {
  uint32_t struct_size, flags;
  int32_t transpose_a, transpose_b;
  float alpha, beta;
  int32_t activation, precision;
  const DLTensor* a;
  const DLTensor* b;
  DLTensor* c;
  const DLTensor* bias; /* [N] [optional] */
  DLTensor* pre;        /* [M,N] [optional] */
} heddle_gemm;

/* y = (x - mean)/sqrt(var + epsilon) * gamma + beta per row; population variance. mean, rstd [T] are kept for backward. */
typedef struct heddle_layer_norm {
  uint32_t struct_size, flags;
  double epsilon;
  const DLTensor* x; /* [T,d] */
  const DLTensor* gamma;
  const DLTensor* beta;
  DLTensor* y;
  DLTensor* mean; /* [T] [optional] */
  DLTensor* rstd; /* [T] [optional] */
} heddle_layer_norm;

typedef struct heddle_layer_norm_backward {
  uint32_t struct_size, flags;
  int32_t accumulate_dx; /* 1: dx += */
  int32_t reserved;
  const DLTensor* x;
  const DLTensor* gamma;
  const DLTensor* mean;
  const DLTensor* rstd;
  const DLTensor* dy;
  DLTensor* dx;
  DLTensor* dgamma; /* += */
  DLTensor* dbeta;  /* += */
} heddle_layer_norm_backward;

/* Multi-head attention over packed sequences: tokens of sequence s are rows offsets[s] .. offsets[s+1]-1, and attend only to
 * each other. out = softmax(q k^T / sqrt(d/H) + masks) v; each head owns d/H contiguous columns. q, k, v may have row strides
 * (views of one [T,3d] tensor). A row whose keys are all masked gives zeros. Dropout acts on the probabilities
 * (inverted scaling); its mask is drawn by (key, head, query row, key row), recomputed in backward. */
typedef struct heddle_attention {
  uint32_t struct_size, flags;
  int32_t heads, causal;
  double dropout; /* probability, 0 = none */
  heddle_rng_key rng;
  const DLTensor* offsets;  /* i64 [n+1], host memory */
  const DLTensor* key_mask; /* u8 [T], 0 = padding that nobody attends to [optional] */
  const DLTensor* q;        /* [T,d] */
  const DLTensor* k;
  const DLTensor* v;
  DLTensor* out;         /* [T,d] */
  DLTensor* log_sum_exp; /* [T,H], for backward [optional] */
} heddle_attention;

typedef struct heddle_attention_backward {
  uint32_t struct_size, flags;
  const heddle_attention* forward; /* the same arguments as in forward, out and log_sum_exp filled */
  const DLTensor* dout;            /* [T,d] */
  DLTensor* dq;                    /* may be strided views of one [T,3d] */
  DLTensor* dk;
  DLTensor* dv;
} heddle_attention_backward;

/* Cross-entropy over the whole catalogue, chunked: logits = hidden table^T + bias are never stored as [T,V].
 * loss_sum = sum over rows with target >= 0 of -log softmax(logits)[target]; count = number of such rows.
 * Gradients (when dhidden is not NULL) are those of loss_sum/count (mean) and are scaled by `scale`. */
typedef struct heddle_cross_entropy {
  uint32_t struct_size, flags;
  double scale;
  int32_t precision, reserved;
  const DLTensor* hidden;  /* [T,d] */
  const DLTensor* table;   /* [V,d] */
  const DLTensor* bias;    /* [V] [optional] */
  const DLTensor* targets; /* i32 [T], -1 = no loss here */
  double* loss_sum;        /* host memory */
  int64_t* count;          /* host memory */
  DLTensor* dhidden;       /* [T,d], overwritten [optional] */
  DLTensor* dtable;        /* [V,d], += [optional] */
  DLTensor* dbias;         /* [V], += [optional] */
} heddle_cross_entropy;

/* The n best items per row by (score descending, item index descending: RePlay's tie-break), seen items left out.
 * Rows with fewer than n candidates are filled with item -1, score -inf. NaN scores rank last. */
typedef struct heddle_top_n {
  uint32_t struct_size, flags;
  const DLTensor* scores;       /* [B,V] */
  const DLTensor* seen_offsets; /* i64 [B+1] [optional: nothing is masked] */
  const DLTensor* seen_items;   /* i32 [seen_offsets[B]], any order, duplicates allowed [optional] */
  DLTensor* items;              /* i32 [B,n] */
  DLTensor* top_scores;         /* f32 [B,n] */
} heddle_top_n;

/* One Adam step (Kingma & Ba, bias-corrected, epsilon outside the root): moments m, v are updated, param is written.
 * weight_decay is decoupled (AdamW). With unit_rows the gradient's component along each row of param is removed before the
 * moments see it, and each row is rescaled to norm 1 after the update (ConstrainedAdam). grad is scaled by grad_scale first. */
typedef struct heddle_adam {
  uint32_t struct_size, flags;
  double learning_rate, beta1, beta2, epsilon, weight_decay, grad_scale;
  int64_t step; /* 1 for the first update */
  int32_t unit_rows, reserved;
  DLTensor* param;
  const DLTensor* grad;
  DLTensor* m;
  DLTensor* v;
} heddle_adam;

/* How an encoder's pre-activations become codes. */
enum {
  HEDDLE_SELECT_RELU = 0,       /* p > 0 */
  HEDDLE_SELECT_THRESHOLD = 1,  /* p > threshold[j] (JumpReLU); value is p */
  HEDDLE_SELECT_TOP_K = 2,      /* the k largest of relu(p) per row; ties: lower index first; zeros never stored */
  HEDDLE_SELECT_BATCH_TOP_K = 3 /* the k*B largest of relu(p) over the batch; ties: lower (row, index) first */
};

typedef struct heddle_select {
  uint32_t struct_size, flags;
  int32_t rule;
  float margin; /* THRESHOLD: also store candidates with p > threshold[j] - margin, as value 0, and fill codes.pre */
  int64_t k;
  const DLTensor* threshold; /* [m], THRESHOLD only */
  const DLTensor* features;  /* u8 [m], only features with a 1 take part [optional] */
} heddle_select;

/* Fused encoder: p = (x - center) weight^T + bias, then select. p is never stored as [B,m]. */
typedef struct heddle_encode {
  uint32_t struct_size, flags;
  int32_t precision, reserved;
  const DLTensor* x;      /* [B,d] */
  const DLTensor* center; /* [d] [optional] */
  const DLTensor* weight; /* [m,d] */
  const DLTensor* bias;   /* [m] [optional] */
  const heddle_select* select;
  heddle_codes* codes; /* overwritten, grown as needed */
} heddle_encode;

enum {
  HEDDLE_RECONSTRUCTION_L2_NORM = 0,    /* mean_b ||x_b - y_b||_2; gradient 0 where the norm is 0 (paper preset) */
  HEDDLE_RECONSTRUCTION_L2_SQUARED = 1, /* mean_b sum_d (x - y)^2 */
  HEDDLE_RECONSTRUCTION_MSE_MEAN = 2    /* mean_b mean_d (x - y)^2 */
};

typedef struct heddle_reconstruction {
  uint32_t struct_size, flags;
  int32_t kind, reserved;
  double scale;      /* multiplies the gradient, not the loss */
  const DLTensor* x; /* [B,d] target */
  const DLTensor* y; /* [B,d] */
  double* loss;      /* host memory */
  DLTensor* dy;      /* [B,d] [optional] */
} heddle_reconstruction;

/* Straight-through gradient of a threshold (JumpReLU, rectangle kernel): over stored entries with |pre - threshold_j| < bandwidth/2
 *   dthreshold_j += -(threshold_j/bandwidth) * dvalue  -  l0_weight/bandwidth. */
typedef struct heddle_threshold_backward {
  uint32_t struct_size, flags;
  double bandwidth, l0_weight;
  const heddle_codes* codes; /* encoded with margin >= bandwidth/2 */
  const DLTensor* dvalues;   /* [nnz] */
  const DLTensor* threshold; /* [m] */
  DLTensor* dthreshold;      /* [m] += */
} heddle_threshold_backward;

/* Attention of new rows over kept ones, for inference again behind a point: the query rows suffix_offsets[s] ..
 * suffix_offsets[s+1]-1 see the kept rows prefix_begin[s] .. prefix_end[s]-1 and, of their own suffix, the rows up to
 * themselves (causal) or all of them. A row gives the same bits as heddle_attention over the whole sequence. */
typedef struct heddle_attention_suffix {
  uint32_t struct_size, flags;
  int32_t heads, causal;
  const DLTensor* suffix_offsets; /* i64 [S+1], host memory */
  const DLTensor* prefix_begin;   /* i64 [S], host memory */
  const DLTensor* prefix_end;     /* i64 [S], host memory */
  const DLTensor* kept_k;         /* [T,d], rows may be strided [optional: every prefix is empty] */
  const DLTensor* kept_v;
  const DLTensor* q; /* [R,d], rows may be strided */
  const DLTensor* k;
  const DLTensor* v;
  DLTensor* out; /* [R,d] */
} heddle_attention_suffix;

/* Candidates of sampled objectives, as codes over the catalogue. Row t holds targets[t] (value 0) and the items of `count`
 * independent draws other than it, each once, with the number of times it was drawn as value; indices ascending. Rows with
 * a target < 0 are empty. A draw is uniform, or in proportion to weights; a draw of the target is repeated. So negative j
 * stands for value * 1/(count q_j) of the catalogue, q_j = weights[j] / (sum of weights - weights[target]). */
typedef struct heddle_sample_candidates {
  uint32_t struct_size, flags;
  int64_t items, count;
  heddle_rng_key rng;
  const DLTensor* targets; /* i32 [T], -1 = none */
  const DLTensor* weights; /* f32 [items], >= 0, at least two of them > 0 [optional: uniform] */
  heddle_codes* codes;     /* overwritten, grown as needed; width = items */
} heddle_sample_candidates;

enum {
  /* positive_power * softplus(-s_target) + sum_j value_j softplus(s_j): binary cross-entropy; with a power below 1 gBCE
   * (Petrov & Macdonald, gSASRec 2023) */
  HEDDLE_CANDIDATES_BINARY = 0,
  /* -s_target + log(exp(s_target) + sum_j value_j exp(s_j - correction_j)): sampled softmax; correction_j = log(count q_j)
   * makes it an estimate of the full one (Bengio & Senecal 2008) */
  HEDDLE_CANDIDATES_SOFTMAX = 1
};
/* Loss over sampled candidates: mean over the rows with a target. */
typedef struct heddle_candidate_loss {
  uint32_t struct_size, flags;
  int32_t kind, reserved;
  double scale; /* multiplies the gradient, not the loss */
  double positive_power;
  const heddle_codes* codes;   /* of sample_candidates */
  const DLTensor* targets;     /* i32 [T] */
  const DLTensor* logits;      /* f32 [nnz], in the order of the codes */
  const DLTensor* corrections; /* f32 [items], SOFTMAX [optional: 0] */
  double* loss_sum;            /* host memory */
  int64_t* count;              /* host memory: rows with a target */
  DLTensor* dlogits;           /* f32 [nnz], gradient of loss_sum/count [optional] */
} heddle_candidate_loss;

typedef int32_t (*heddle_task)(void* arg, int64_t index, heddle_error* error);

typedef struct heddle_ops {
  uint32_t struct_size, flags;
  /* Is this op available for this type of inputs? name is the slot's name, dtype a DLDataType; 1 yes, 0 no. [any] */
  int32_t (*supports)(void* dc, const char* name, DLDataType dtype);

  /* -- dense layers -- */
  int32_t (*gemm)(void* dc, const heddle_gemm* args, heddle_error* error);
  int32_t (*activation_backward)(void* dc, int32_t activation, const DLTensor* pre, const DLTensor* dy, DLTensor* dpre,
                                 heddle_error* error);
  int32_t (*layer_norm)(void* dc, const heddle_layer_norm* args, heddle_error* error);
  int32_t (*layer_norm_backward)(void* dc, const heddle_layer_norm_backward* args, heddle_error* error);
  int32_t (*attention)(void* dc, const heddle_attention* args, heddle_error* error);
  int32_t (*attention_backward)(void* dc, const heddle_attention_backward* args, heddle_error* error);
  int32_t (*cross_entropy)(void* dc, const heddle_cross_entropy* args, heddle_error* error);
  int32_t (*top_n)(void* dc, const heddle_top_n* args, heddle_error* error);
  /* x[i] *= (uniform(rng, i) >= p) / (1 - p). Forward and, with the same key, backward. In place when y == x. */
  int32_t (*dropout)(void* dc, double p, heddle_rng_key rng, const DLTensor* x, DLTensor* y, heddle_error* error);

  /* -- rows -- */
  /* out[t] = table[index[t]]; index i32 [T], table [V,d]. An index outside [0,V) is HEDDLE_OUT_OF_RANGE. */
  int32_t (*gather_rows)(void* dc, const DLTensor* table, const DLTensor* index, DLTensor* out, heddle_error* error);
  /* table[index[t]] += rows[t], added in ascending t for every table row: deterministic. */
  int32_t (*scatter_add_rows)(void* dc, const DLTensor* rows, const DLTensor* index, DLTensor* table,
                              heddle_error* error);
  /* y = alpha x + beta y, same shapes. */
  int32_t (*axpby)(void* dc, float alpha, const DLTensor* x, float beta, DLTensor* y, heddle_error* error);
  /* y = value everywhere: floating types, or i32 with a whole number. */
  int32_t (*fill)(void* dc, double value, DLTensor* y, heddle_error* error);
  /* Copies with conversion between f32, bf16 (round to nearest even) and f64, and from f32 to i32 (values that are whole
   * numbers) or i32 to i32; same shape. */
  int32_t (*copy)(void* dc, const DLTensor* x, DLTensor* y, heddle_error* error);
  /* y[b] = (x[b] - center) * scale per column (forward: scale = 1/std); inverse: y = x * scale + center with scale = std. */
  int32_t (*affine_columns)(void* dc, int32_t inverse, const DLTensor* x, const DLTensor* center, const DLTensor* scale,
                            DLTensor* y, heddle_error* error);
  /* out[n] += sum over rows of x[:,n]; x [B,N]. */
  int32_t (*sum_rows)(void* dc, const DLTensor* x, DLTensor* out, heddle_error* error);
  /* Column means and population variances of x [B,N], f64 accumulation; either output may be NULL. */
  int32_t (*column_moments)(void* dc, const DLTensor* x, DLTensor* mean, DLTensor* variance, heddle_error* error);
  /* *out = sum of squares of all entries (f64), host memory. */
  int32_t (*sum_squares)(void* dc, const DLTensor* x, double* out, heddle_error* error);
  /* Each row of x divided by its L2 norm; rows of norm 0 stay 0. */
  int32_t (*normalize_rows)(void* dc, DLTensor* x, heddle_error* error);

  /* -- optimiser, randomness -- */
  int32_t (*adam)(void* dc, const heddle_adam* args, heddle_error* error);
  /* y[i] = low + (high-low) * u(rng, i), u in [0,1). */
  int32_t (*random_uniform)(void* dc, heddle_rng_key rng, double low, double high, DLTensor* y, heddle_error* error);
  /* y[i] normal with mean 0 and this deviation (Box-Muller on (rng, i)). */
  int32_t (*random_normal)(void* dc, heddle_rng_key rng, double deviation, DLTensor* y, heddle_error* error);

  /* -- sparse codes -- */
  int32_t (*codes_create)(void* dc, heddle_codes** out, heddle_error* error);
  void (*codes_destroy)(void* dc, heddle_codes* codes);
  int32_t (*encode)(void* dc, const heddle_encode* args, heddle_error* error);
  /* Codes from dense activations [B,m]: entries != 0. For selection rules of a plugin's own. */
  int32_t (*codes_from_dense)(void* dc, const DLTensor* dense, heddle_codes* codes, heddle_error* error);
  int32_t (*codes_to_dense)(void* dc, const heddle_codes* codes, DLTensor* dense, heddle_error* error);
  /* y[b] = sum_j value_bj * weight[j] (+ bias) ; weight [m,d], y [B,d], bias [d] [optional]. values [nnz] replaces codes.values [optional]. */
  int32_t (*decode)(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* weight,
                    const DLTensor* bias, DLTensor* y, heddle_error* error);
  /* dvalues[i] = <dy[row(i)], weight[index(i)]> + l1 for stored entries (l1: coefficient of sum|f| already divided by B). */
  int32_t (*codes_backward)(void* dc, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight, double l1,
                            DLTensor* dvalues, heddle_error* error);
  /* dweight[j] += sum_b value_bj * rows[b] ; rows [B,d]; center [d] is subtracted from rows first [optional]. Entries in ascending b. */
  int32_t (*codes_weight_gradient)(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* rows,
                                   const DLTensor* center, DLTensor* dweight, heddle_error* error);
  /* out[j] += sum_b value_bj. */
  int32_t (*codes_column_sum)(void* dc, const heddle_codes* codes, const DLTensor* values, DLTensor* out,
                              heddle_error* error);
  /* fired[j] (i64) += number of rows in which feature j is active (value != 0). */
  int32_t (*codes_count)(void* dc, const heddle_codes* codes, DLTensor* fired, heddle_error* error);
  /* *sum_abs = sum |value| ; *active = number of values != 0 ; *smallest = smallest value > 0 (+inf when none). Host memory, each may be NULL. */
  int32_t (*codes_summary)(void* dc, const heddle_codes* codes, double* sum_abs, int64_t* active, double* smallest,
                           heddle_error* error);
  /* Sets feature `feature` to `value` in rows with rows[b] != 0 (u8 [B], NULL = all). Inserts, overwrites or removes (value 0) the entry. */
  int32_t (*codes_set)(void* dc, heddle_codes* codes, int64_t feature, float value, const DLTensor* rows,
                       heddle_error* error);
  int32_t (*threshold_backward)(void* dc, const heddle_threshold_backward* args, heddle_error* error);
  int32_t (*reconstruction)(void* dc, const heddle_reconstruction* args, heddle_error* error);

  /* -- escape hatch, CPU memory only (UNIMPLEMENTED elsewhere) -- */
  /* Runs task(arg, i) for i in [0,n) on the pool. Tasks must be independent; nested calls run inline; the error of the lowest
   * failing index is returned. */
  int32_t (*parallel_for)(void* dc, int64_t n, heddle_task task, void* arg, heddle_error* error);

  /* -- inference again behind a point; sampled objectives -- */
  int32_t (*attention_suffix)(void* dc, const heddle_attention_suffix* args, heddle_error* error);
  int32_t (*sample_candidates)(void* dc, const heddle_sample_candidates* args, heddle_error* error);
  int32_t (*candidate_loss)(void* dc, const heddle_candidate_loss* args, heddle_error* error);
} heddle_ops;

#ifdef __cplusplus
}
#endif
#endif
