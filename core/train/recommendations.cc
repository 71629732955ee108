#include "core/train/recommendations.h"

#include <algorithm>
#include <cmath>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/train/batching.h"
#include "core/train/next_k.h"

namespace heddle {
namespace {

// Scores are kept for so many users at once that they take at most 64 MiB, whatever the size of the catalogue. On the CPU
// they ought not to leave the cache between the product and the list: 8 MiB, in whole tiles of the product's rows, of which
// the first pays for reading the item table. Measured with 18,345 items: 96 users 138,000 users/s, 256 users 121,000. A
// list does not depend on who is scored with it.
int64_t rows_at_once(const Device& device, int64_t items, int64_t rows) {
  constexpr int64_t kTileRows = 96, kCacheScores = int64_t{2} << 20, kMostScores = int64_t{16} << 20;
  items = std::max<int64_t>(items, 1);
  int64_t most = kMostScores / items;
  if (device.is_cpu()) most = std::min(most, std::max<int64_t>(kCacheScores / items / kTileRows, 1) * kTileRows);
  return std::clamp<int64_t>(most, 1, std::max<int64_t>(rows, 1));
}

const DLTensor* device_copy(Device& device, const heddle_call& call, TensorView& view, const void* host, DType type,
                            int64_t n) {
  if (device.is_cpu()) {
    view = TensorView(const_cast<void*>(host), type, {n}, device.dl_device());
    return view.dl();
  }
  const size_t bytes = static_cast<size_t>(n) * dtype_size(type);
  void* memory = call.scratch(call.self, std::max<size_t>(bytes, 1));
  if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no device memory for {} bytes", bytes);
  if (bytes > 0) device.copy_from_host(memory, host, bytes);
  view = TensorView(memory, type, {n}, device.dl_device());
  return view.dl();
}

TensorView scratch(Device& device, const heddle_call& call, DType type, int64_t rows, int64_t columns) {
  const size_t bytes = static_cast<size_t>(rows * columns) * dtype_size(type);
  void* memory = call.scratch(call.self, std::max<size_t>(bytes, 1));
  if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "no device memory for {} scores", rows * columns);
  return TensorView(memory, type, {rows, columns}, device.dl_device());
}

}  // namespace

void top_lists(Backbone& backbone, Context& context, int32_t precision, const DLTensor* hidden, int64_t k,
               const int64_t* seen_offsets, const int32_t* seen_items, int32_t* items, float* scores) {
  Device& device = backbone.device();
  const int64_t rows = hidden->shape[0], catalogue = backbone.items(), step = rows_at_once(device, catalogue, rows);
  std::vector<int64_t> offsets;
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t n = std::min(step, rows - begin);
    TensorView chunk(static_cast<float*>(hidden->data) + begin * hidden->strides[0], DType::f32, {n, hidden->shape[1]},
                     device.dl_device(), hidden->strides[0]);
    // In memory of the call, which the context keeps: a sweep makes lists thousands of times.
    context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
      TensorView all = scratch(device, call, DType::f32, n, catalogue), best = scratch(device, call, DType::i32, n, k),
                 best_scores = scratch(device, call, DType::f32, n, k);
      backbone.score(context, precision, chunk, all);
      heddle_top_n args{sizeof args, 0, all.dl(), nullptr, nullptr, best.dl(), best_scores.dl()};
      TensorView offsets_view, items_view;
      if (seen_offsets != nullptr) {
        offsets.assign(seen_offsets + begin, seen_offsets + begin + n + 1);
        const int64_t first = offsets.front();
        for (int64_t& offset : offsets) offset -= first;
        args.seen_offsets = device_copy(device, call, offsets_view, offsets.data(), DType::i64, n + 1);
        args.seen_items = device_copy(device, call, items_view, seen_items + first, DType::i32, offsets.back());
      }
      ErrorBuffer error;
      check(context.ops().top_n(context.handle(), &args, error), error, "top_n");
      context.synchronize();
      device.copy_to_host(items + begin * k, best.dl()->data, static_cast<size_t>(n * k) * sizeof(int32_t));
      device.copy_to_host(scores + begin * k, best_scores.dl()->data, static_cast<size_t>(n * k) * sizeof(float));
    });
  }
}

void batch_lists(Backbone& backbone, Context& context, int32_t precision, const Batch& batch, const Hook& hook,
                 const SeenItems& seen, int64_t k, int32_t* items, float* scores) {
  const int64_t* seen_offsets = seen.offsets.empty() ? nullptr : seen.offsets.data();
  const char* stopped = "a hook that stops the forward pass leaves nothing to recommend from";
  if (backbone.ranks()) {
    if (!backbone.rank(context, precision, batch.sequences(), hook, seen_offsets, seen.items.data(), k, items, scores))
      fail(HEDDLE_INTERNAL, "{}", stopped);
    return;
  }
  Device& device = backbone.device();
  const int64_t n = batch.count();
  Tensor hidden(device, DType::f32, {batch.tokens(), backbone.hidden()}),
      states(device, DType::f32, {n, backbone.hidden()});
  if (!backbone.forward(context, precision, batch.sequences(), hook, hidden)) fail(HEDDLE_INTERNAL, "{}", stopped);
  std::vector<int32_t> last;
  for (int64_t s = 0; s < n; ++s) last.push_back(static_cast<int32_t>(batch.offsets[static_cast<size_t>(s) + 1] - 1));
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    TensorView index;
    ErrorBuffer error;
    check(context.ops().gather_rows(context.handle(), hidden,
                                    device_copy(device, call, index, last.data(), DType::i32, n), states, error),
          error, "gather_rows");
  });
  top_lists(backbone, context, precision, states, k, seen_offsets, seen.items.data(), items, scores);
}

Recommendations recommend_part(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                               const Hook& hook, const RankingProtocol& protocol) {
  if (protocol.k < 1) wrong_use("a list of {} recommendations; at least 1 is needed", protocol.k);
  const Batcher batcher(log, part, inference_batches(backbone, protocol.batch_users));
  const Batcher::Plan plan = batcher.plan();
  Recommendations out;
  out.k = protocol.k;
  Batch batch;
  for (int64_t b = 0; b < plan.size(); ++b) {
    throw_if_cancelled();
    batcher.fill(plan, b, batch);
    const int64_t n = batch.count(), before = out.rows();
    for (const int64_t index : batch.ranges) {
      const UserRange& range = part.users[static_cast<size_t>(index)];
      out.users.push_back(range.user);
      out.targets.push_back(range.target < 0 ? -1 : log.items[static_cast<size_t>(range.target)]);
    }
    out.lists.resize(static_cast<size_t>((before + n) * protocol.k));
    out.scores.resize(out.lists.size());
    int32_t* items = out.lists.data() + before * protocol.k;
    float* scores = out.scores.data() + before * protocol.k;
    SeenItems seen;
    if (protocol.filter_seen) seen = seen_items(log, part, batch.ranges);
    if (protocol.generation == Generation::next_k) {
      next_k_lists(backbone, context, protocol.precision, batch, hook, seen, protocol.k, items, scores);
    } else {
      batch_lists(backbone, context, protocol.precision, batch, hook, seen, protocol.k, items, scores);
    }
  }
  return out;
}

double ndcg_one_target(const Recommendations& recommendations) {
  double sum = 0;
  for (int64_t row = 0; row < recommendations.rows(); ++row) {
    const int32_t target = recommendations.targets[static_cast<size_t>(row)];
    if (target < 0) continue;
    for (int64_t j = 0; j < recommendations.k; ++j) {
      if (recommendations.lists[static_cast<size_t>(row * recommendations.k + j)] != target) continue;
      sum += 1 / std::log2(static_cast<double>(j + 2));
      break;
    }
  }
  return recommendations.rows() == 0 ? 0 : sum / static_cast<double>(recommendations.rows());
}

}  // namespace heddle
