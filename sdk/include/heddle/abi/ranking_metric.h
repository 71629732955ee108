/* Heddle ABI, kind "ranking metric": the quality of recommendation lists, per user list or over all of them. */
#ifndef HEDDLE_ABI_RANKING_METRIC_H
#define HEDDLE_ABI_RANKING_METRIC_H

#include "call.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the flags of the vtable: a property of the metric, whatever its parameters. */
enum { HEDDLE_RANKING_LOWER_IS_BETTER = 1u << 16 };

/* Lists of users, host memory. lists [users, k] i32, best first, -1 fills short lists. Targets of user u are
 * targets[target_offsets[u] .. target_offsets[u+1]). */
typedef struct heddle_lists {
  uint32_t struct_size, flags;
  int64_t users, k;
  int64_t items; /* size of the catalogue */
  const int32_t* lists;
  const int64_t* target_offsets; /* [users+1] */
  const int32_t* targets;
  const uint8_t* counted; /* [items], 1 = counts for coverage (e.g. items of the training part); NULL = all do */
} heddle_lists;

typedef struct heddle_ranking_metric heddle_ranking_metric;

typedef struct heddle_ranking_metric_vtable {
  uint32_t struct_size, flags;
  int32_t (*create)(const heddle_host* host, const heddle_values* values, heddle_ranking_metric** out,
                    heddle_error* error);       /* [main] */
  void (*destroy)(heddle_ranking_metric* self); /* [main] */
  /* [any] One value per user; the host takes the mean, in user order. Give this or over_all. [optional] */
  int32_t (*per_user)(heddle_ranking_metric* self, const heddle_lists* lists, double* values, heddle_error* error);
  /* [any] One value over all lists. [optional] */
  int32_t (*over_all)(heddle_ranking_metric* self, const heddle_lists* lists, double* value, heddle_error* error);
} heddle_ranking_metric_vtable;

#ifdef __cplusplus
}
#endif
#endif
