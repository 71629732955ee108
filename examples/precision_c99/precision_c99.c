/* A metric in plain C99, on the ABI alone: precision, the share of the points where the feature is active that have the
 * attribute. What HEDDLE_PLUGIN and the C++ layer write for a C++ author stands here in full. */
#include <heddle/abi.h>
#include <math.h>

/* No options and no state: every instance is this one. */
struct heddle_metric {
  char nothing;
};
static struct heddle_metric the_instance;

static int32_t create(const heddle_host* host, const heddle_values* values, heddle_metric** out, heddle_error* error) {
  (void)host, (void)values, (void)error;
  *out = &the_instance;
  return HEDDLE_OK;
}

static void destroy(heddle_metric* self) { (void)self; }

static int32_t info(heddle_metric* self, heddle_metric_info* out, heddle_error* error) {
  (void)self, (void)error;
  out->struct_size = sizeof *out;
  out->flags = HEDDLE_METRIC_BINARY_ONLY;
  out->lowest = 0;
  out->highest = 1;
  return HEDDLE_OK;
}

static int32_t score(heddle_metric* self, int64_t count, const heddle_pair* pairs, double* scores,
                     heddle_error* error) {
  const char* at = (const char*)pairs;
  (void)self, (void)error;
  for (int64_t i = 0; i < count; ++i) {
    const heddle_pair* pair = (const heddle_pair*)(const void*)at;
    scores[i] = pair->active == 0 ? (double)NAN : (double)pair->active_positive / (double)pair->active;
    at += pair->struct_size; /* a newer host's pairs may be longer than this header's */
  }
  return HEDDLE_OK;
}

static const heddle_metric_vtable table = {
    .struct_size = sizeof table, .create = create, .destroy = destroy, .info = info, .score = score};

static const heddle_component component = {.struct_size = sizeof component,
                                           .kind = HEDDLE_KIND_METRIC,
                                           .concurrency = HEDDLE_CONCURRENCY_PER_INSTANCE,
                                           .id = "example.precision_c99",
                                           .version = "1.0.0",
                                           .doc = "Share of a feature's active points that have the attribute.",
                                           .vtable = &table};
static const heddle_component* const components[] = {&component};

static const heddle_plugin plugin = {.struct_size = sizeof plugin,
                                     .abi_major = HEDDLE_ABI_MAJOR,
                                     .abi_minor = HEDDLE_TARGET_MINOR,
                                     .id = "example.precision_c99",
                                     .version = "1.0.0",
                                     .doc = "Precision of features, in C99.",
                                     .n_components = 1,
                                     .components = components};

HEDDLE_PLUGIN_NOTE(1u << HEDDLE_KIND_METRIC);

HEDDLE_EXPORT const heddle_plugin* HEDDLE_ENTRY_NAME(void);
const heddle_plugin* HEDDLE_ENTRY_NAME(void) { return &plugin; }
