#include "core/plugin/vtables.h"

#include <cstring>
#include <span>

#include "core/base/error.h"
#include "core/plugin/component.h"
#include "core/plugin/normalise.h"
#include "core/plugin/stub.h"

namespace heddle {
namespace {

using detail::AnyFunction;
using detail::Slot;
using detail::Stub;

// The only macro: offsetof needs the field's name as a token.
#define HEDDLE_SLOT(type, field, required)                                           \
  Slot {                                                                             \
#field, offsetof(type, field), required,                                         \
        reinterpret_cast < AnyFunction>(&Stub <#field, decltype(type::field)>::call) \
  }

std::span<const Slot> slots_of(int32_t kind) {
  using I = heddle_interactions_vtable;
  static const Slot interactions[] = {HEDDLE_SLOT(I, open, true), HEDDLE_SLOT(I, close, true),
                                      HEDDLE_SLOT(I, info, true), HEDDLE_SLOT(I, next, true),
                                      HEDDLE_SLOT(I, fingerprint, true)};
  using A = heddle_attributes_vtable;
  static const Slot attributes[] = {HEDDLE_SLOT(A, open, true), HEDDLE_SLOT(A, close, true), HEDDLE_SLOT(A, read, true),
                                    HEDDLE_SLOT(A, fingerprint, true)};
  using B = heddle_backbone_vtable;
  static const Slot backbone[] = {HEDDLE_SLOT(B, create, true),
                                  HEDDLE_SLOT(B, destroy, true),
                                  HEDDLE_SLOT(B, info, true),
                                  HEDDLE_SLOT(B, parameters, true),
                                  HEDDLE_SLOT(B, sites, true),
                                  HEDDLE_SLOT(B, train, true),
                                  HEDDLE_SLOT(B, forward, true),
                                  HEDDLE_SLOT(B, score, true),
                                  HEDDLE_SLOT(B, prepare, false),
                                  HEDDLE_SLOT(B, cache_width, false),
                                  HEDDLE_SLOT(B, forward_caching, false),
                                  HEDDLE_SLOT(B, forward_from, false),
                                  HEDDLE_SLOT(B, rank, false)};
  using D = heddle_dictionary_vtable;
  static const Slot dictionary[] = {HEDDLE_SLOT(D, create, true), HEDDLE_SLOT(D, destroy, true),
                                    HEDDLE_SLOT(D, info, true),   HEDDLE_SLOT(D, parameters, true),
                                    HEDDLE_SLOT(D, encode, true), HEDDLE_SLOT(D, decode, true),
                                    HEDDLE_SLOT(D, train, true)};
  using M = heddle_metric_vtable;
  static const Slot metric[] = {HEDDLE_SLOT(M, create, true), HEDDLE_SLOT(M, destroy, true),
                                HEDDLE_SLOT(M, info, true),   HEDDLE_SLOT(M, score, false),
                                HEDDLE_SLOT(M, begin, false), HEDDLE_SLOT(M, update, false),
                                HEDDLE_SLOT(M, merge, false), HEDDLE_SLOT(M, finish, false)};
  using R = heddle_ranking_metric_vtable;
  static const Slot ranking[] = {HEDDLE_SLOT(R, create, true), HEDDLE_SLOT(R, destroy, true),
                                 HEDDLE_SLOT(R, per_user, false), HEDDLE_SLOT(R, over_all, false)};
  using V = heddle_device_vtable;
  static const Slot device[] = {HEDDLE_SLOT(V, probe, true),
                                HEDDLE_SLOT(V, open, true),
                                HEDDLE_SLOT(V, close, true),
                                HEDDLE_SLOT(V, info, true),
                                HEDDLE_SLOT(V, ops, true),
                                HEDDLE_SLOT(V, context_create, true),
                                HEDDLE_SLOT(V, context_destroy, true),
                                HEDDLE_SLOT(V, allocate, true),
                                HEDDLE_SLOT(V, release, true),
                                HEDDLE_SLOT(V, copy, true),
                                HEDDLE_SLOT(V, synchronize, true)};
  switch (kind) {
    case HEDDLE_KIND_INTERACTIONS: return interactions;
    case HEDDLE_KIND_ATTRIBUTES: return attributes;
    case HEDDLE_KIND_BACKBONE: return backbone;
    case HEDDLE_KIND_DICTIONARY: return dictionary;
    case HEDDLE_KIND_METRIC: return metric;
    case HEDDLE_KIND_RANKING_METRIC: return ranking;
    case HEDDLE_KIND_DEVICE: return device;
    default: fail(HEDDLE_INTERNAL, "no slots are known for kind {}", kind);
  }
}

std::span<const Slot> slots_of_ops() {
  using O = heddle_ops;
#define HEDDLE_OP(field) HEDDLE_SLOT(O, field, false)
  static const Slot ops[] = {HEDDLE_OP(supports),
                             HEDDLE_OP(gemm),
                             HEDDLE_OP(activation_backward),
                             HEDDLE_OP(layer_norm),
                             HEDDLE_OP(layer_norm_backward),
                             HEDDLE_OP(attention),
                             HEDDLE_OP(attention_backward),
                             HEDDLE_OP(cross_entropy),
                             HEDDLE_OP(top_n),
                             HEDDLE_OP(dropout),
                             HEDDLE_OP(gather_rows),
                             HEDDLE_OP(scatter_add_rows),
                             HEDDLE_OP(axpby),
                             HEDDLE_OP(fill),
                             HEDDLE_OP(copy),
                             HEDDLE_OP(affine_columns),
                             HEDDLE_OP(sum_rows),
                             HEDDLE_OP(column_moments),
                             HEDDLE_OP(sum_squares),
                             HEDDLE_OP(normalize_rows),
                             HEDDLE_OP(adam),
                             HEDDLE_OP(random_uniform),
                             HEDDLE_OP(random_normal),
                             HEDDLE_OP(codes_create),
                             HEDDLE_OP(codes_destroy),
                             HEDDLE_OP(encode),
                             HEDDLE_OP(codes_from_dense),
                             HEDDLE_OP(codes_to_dense),
                             HEDDLE_OP(decode),
                             HEDDLE_OP(codes_backward),
                             HEDDLE_OP(codes_weight_gradient),
                             HEDDLE_OP(codes_column_sum),
                             HEDDLE_OP(codes_count),
                             HEDDLE_OP(codes_summary),
                             HEDDLE_OP(codes_set),
                             HEDDLE_OP(threshold_backward),
                             HEDDLE_OP(reconstruction),
                             HEDDLE_OP(parallel_for),
                             HEDDLE_OP(attention_suffix),
                             HEDDLE_OP(sample_candidates),
                             HEDDLE_OP(candidate_loss)};
#undef HEDDLE_OP
  return ops;
}

AnyFunction load(const char* table, size_t offset) {
  AnyFunction function;
  std::memcpy(&function, table + offset, sizeof function);
  return function;
}

// Fills the holes of a table that is `present` bytes long in the plugin; names of the filled slots go to `provided`.
void fill_holes(char* table, std::span<const Slot> slots, const std::string& what,
                std::vector<std::string_view>* provided) {
  for (const Slot& slot : slots) {
    if (load(table, slot.offset) != nullptr) {
      if (provided != nullptr) provided->push_back(slot.name);
    } else if (slot.required) {
      fail(HEDDLE_INVALID_ARGUMENT, "{} lacks the required function '{}'", what, slot.name);
    } else {
      std::memcpy(table + slot.offset, &slot.stub, sizeof slot.stub);
    }
  }
}

template <class V>
FullTable copy_table(const void* vtable, const std::string& what) {
  auto full = std::make_shared<V>(normalise_struct(static_cast<const V*>(vtable), what));
  FullTable out;
  fill_holes(reinterpret_cast<char*>(full.get()), slots_of(kind_of<V>), what, &out.provided);
  out.memory = full;
  return out;
}

bool gives(const FullTable& table, std::string_view slot) {
  for (std::string_view name : table.provided) {
    if (name == slot) return true;
  }
  return false;
}

}  // namespace

FullTable full_vtable(int32_t kind, const void* vtable, const std::string& what) {
  switch (kind) {
    case HEDDLE_KIND_INTERACTIONS: return copy_table<heddle_interactions_vtable>(vtable, what);
    case HEDDLE_KIND_ATTRIBUTES: return copy_table<heddle_attributes_vtable>(vtable, what);
    case HEDDLE_KIND_BACKBONE: return copy_table<heddle_backbone_vtable>(vtable, what);
    case HEDDLE_KIND_DICTIONARY: return copy_table<heddle_dictionary_vtable>(vtable, what);
    case HEDDLE_KIND_METRIC: {
      FullTable table = copy_table<heddle_metric_vtable>(vtable, what);
      const bool streaming =
          gives(table, "begin") && gives(table, "update") && gives(table, "merge") && gives(table, "finish");
      if (!gives(table, "score") && !streaming) {
        fail(HEDDLE_INVALID_ARGUMENT, "{} must fill 'score', or all of 'begin', 'update', 'merge' and 'finish'", what);
      }
      return table;
    }
    case HEDDLE_KIND_RANKING_METRIC: {
      FullTable table = copy_table<heddle_ranking_metric_vtable>(vtable, what);
      if (!gives(table, "per_user") && !gives(table, "over_all")) {
        fail(HEDDLE_INVALID_ARGUMENT, "{} must fill 'per_user' or 'over_all'", what);
      }
      return table;
    }
    case HEDDLE_KIND_DEVICE: return copy_table<heddle_device_vtable>(vtable, what);
    default: fail(HEDDLE_INVALID_ARGUMENT, "{} is of kind {}, which this heddle does not know", what, kind);
  }
}

heddle_ops full_ops(const heddle_ops* ops, const std::string& what) {
  heddle_ops full = normalise_struct(ops, what);
  fill_holes(reinterpret_cast<char*>(&full), slots_of_ops(), what, nullptr);
  return full;
}

}  // namespace heddle
