// attention_suffix: attention of new rows over kept ones. Suffixes that follow each other over the same prefix (the
// values of a steering sweep, the beams of a search) share one task per head, which packs the prefix once; groups
// depend on the offsets alone. The kernels are in attention_suffix_kernels.cc.
#include <algorithm>
#include <cmath>

#include "core/compute/attention_kernels.h"
#include "core/compute/ops_internal.h"

namespace heddle::cpu {
namespace {

constexpr const char* kOp = "attention_suffix";
constexpr int64_t kSuffixesPerTask = 64;

struct Group {
  int64_t first, count, longest;  // suffixes
};

struct Arguments {
  int64_t suffixes, rows, width, kept;
  const int64_t *offsets, *begin, *end;
};

Arguments check(const heddle_attention_suffix* args) {
  want_struct(kOp, args, args ? args->struct_size : 0, sizeof(heddle_attention_suffix));
  want(kOp, "q", args->q, DType::f32, {kAny, kAny}, true);
  const int64_t rows = dim(args->q, 0), width = dim(args->q, 1);
  want(kOp, "k", args->k, DType::f32, {rows, width}, true);
  want(kOp, "v", args->v, DType::f32, {rows, width}, true);
  want(kOp, "out", args->out, DType::f32, {rows, width}, true);
  if (args->heads < 1 || width % args->heads != 0) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} heads for q {}; accepted: a divisor of the width", kOp, args->heads,
         shape_text(args->q));
  }
  if ((args->kept_k == nullptr) != (args->kept_v == nullptr))
    fail(HEDDLE_INVALID_ARGUMENT, "{}: only one of kept_k and kept_v is given; accepted: both or none", kOp);
  want_optional(kOp, "kept_k", args->kept_k, DType::f32, {kAny, width}, true);
  const int64_t kept = args->kept_k ? dim(args->kept_k, 0) : 0;
  want_optional(kOp, "kept_v", args->kept_v, DType::f32, {kept, width}, true);
  want(kOp, "suffix_offsets", args->suffix_offsets, DType::i64, {kAny});
  const int64_t suffixes = dim(args->suffix_offsets, 0) - 1;
  const auto* offsets = data<int64_t>(args->suffix_offsets);
  if (suffixes < 0 || offsets[0] != 0 || offsets[suffixes] != rows) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: suffix_offsets {} run to {}; accepted: from 0 to {} (rows of q)", kOp,
         shape_text(args->suffix_offsets), suffixes < 0 ? -1 : offsets[suffixes], rows);
  }
  want(kOp, "prefix_begin", args->prefix_begin, DType::i64, {suffixes});
  want(kOp, "prefix_end", args->prefix_end, DType::i64, {suffixes});
  const auto *begin = data<int64_t>(args->prefix_begin), *end = data<int64_t>(args->prefix_end);
  for (int64_t s = 0; s < suffixes; ++s) {
    if (offsets[s + 1] < offsets[s])
      fail(HEDDLE_INVALID_ARGUMENT, "{}: suffix_offsets fall from {} to {} at suffix {}", kOp, offsets[s],
           offsets[s + 1], s);
    if (begin[s] > end[s] || (begin[s] != end[s] && (begin[s] < 0 || end[s] > kept)))
      fail(HEDDLE_INVALID_ARGUMENT, "{}: prefix of suffix {} is [{},{}); accepted: within the {} kept rows", kOp, s,
           begin[s], end[s], kept);
  }
  return {suffixes, rows, width, kept, offsets, begin, end};
}

// Fills groups [at most suffixes]; returns how many.
int64_t group(const Arguments& a, Group* groups) {
  int64_t count = 0;
  for (int64_t s = 0; s < a.suffixes; ++s) {
    const int64_t length = a.offsets[s + 1] - a.offsets[s];
    Group* last = count > 0 ? &groups[count - 1] : nullptr;
    // Empty prefixes have nothing to share, and tasks of their own balance better.
    if (last && a.begin[s] != a.end[s] && last->count < kSuffixesPerTask && a.begin[s] == a.begin[s - 1] &&
        a.end[s] == a.end[s - 1]) {
      ++last->count;
      last->longest = std::max(last->longest, length);
    } else {
      groups[count++] = {s, 1, length};
    }
  }
  return count;
}

}  // namespace

int32_t attention_suffix(void* dc, const heddle_attention_suffix* args, heddle_error* error) {
  return guarded(error, [&] {
    const Arguments a = check(args);
    if (a.rows == 0 || a.width == 0) return;
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    Group* groups = ctx.arena.need<Group>(a.suffixes, kOp);
    const int64_t count = group(a, groups), width = a.width / args->heads;
    ctx.pool.run(count * args->heads, [&](int64_t index, int worker) {
      const Group& g = groups[index / args->heads];
      if (g.longest == 0) return;
      const int64_t column = index % args->heads * width, prefix = a.end[g.first] - a.begin[g.first];
      SuffixTask t{};
      t.prefix = prefix;
      t.width = width;
      t.suffixes = g.count;
      t.offsets = a.offsets + g.first;
      t.longest = g.longest;
      t.causal = args->causal != 0;
      t.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width)));
      if (prefix > 0) {
        t.ldkk = row_stride(args->kept_k);
        t.ldkv = row_stride(args->kept_v);
        t.kept_k = data<float>(args->kept_k) + a.begin[g.first] * t.ldkk + column;
        t.kept_v = data<float>(args->kept_v) + a.begin[g.first] * t.ldkv + column;
      }
      t.ldq = row_stride(args->q);
      t.ldk = row_stride(args->k);
      t.ldv = row_stride(args->v);
      t.ldo = row_stride(args->out);
      t.q = data<float>(args->q) + column;
      t.k = data<float>(args->k) + column;
      t.v = data<float>(args->v) + column;
      t.out = data<float>(args->out) + column;
      Arena& scratch = ctx.worker_arena(worker);
      ArenaScope inner(scratch);
      attention_suffixes(t, scratch.need<float>(suffix_scratch(prefix, g.longest, width), kOp));
    });
  });
}

}  // namespace heddle::cpu
