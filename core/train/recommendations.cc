#include "core/train/recommendations.h"

#include <algorithm>
#include <cmath>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/data/batcher.h"

namespace heddle {
namespace {

// Scores are kept for so many users at once that they take at most 64 MiB, whatever the size of the catalogue.
int64_t rows_at_once(int64_t items, int64_t rows) {
  return std::clamp<int64_t>((int64_t{16} << 20) / std::max<int64_t>(items, 1), 1, std::max<int64_t>(rows, 1));
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

}  // namespace

void top_lists(Backbone& backbone, Context& context, int32_t precision, const DLTensor* hidden, int64_t k,
               const int64_t* seen_offsets, const int32_t* seen_items, int32_t* items, float* scores) {
  Device& device = backbone.device();
  const int64_t rows = hidden->shape[0], catalogue = backbone.items(), step = rows_at_once(catalogue, rows);
  Tensor all(device, DType::f32, {std::min(step, rows), catalogue});
  Tensor best(device, DType::i32, {std::min(step, rows), k}),
      best_scores(device, DType::f32, {std::min(step, rows), k});
  std::vector<int64_t> offsets;
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t n = std::min(step, rows - begin);
    TensorView chunk(static_cast<float*>(hidden->data) + begin * hidden->strides[0], DType::f32, {n, hidden->shape[1]},
                     device.dl_device(), hidden->strides[0]);
    TensorView chunk_scores = all.rows(0, n), out = best.rows(0, n), out_scores = best_scores.rows(0, n);
    backbone.score(context, precision, chunk, chunk_scores);
    context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
      heddle_top_n args{sizeof args, 0, chunk_scores.dl(), nullptr, nullptr, out.dl(), out_scores.dl()};
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
    });
    device.copy_to_host(items + begin * k, out.dl()->data, static_cast<size_t>(n * k) * sizeof(int32_t));
    device.copy_to_host(scores + begin * k, out_scores.dl()->data, static_cast<size_t>(n * k) * sizeof(float));
  }
}

Recommendations recommend_part(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                               const Hook& hook, const RankingProtocol& protocol) {
  if (protocol.k < 1) wrong_use("a list of {} recommendations; at least 1 is needed", protocol.k);
  BatchOptions options;
  options.max_length = backbone.max_length();
  options.sequences = std::max<int64_t>(protocol.batch_users, 1);
  if (backbone.append_mask()) options.append_token = static_cast<int32_t>(backbone.items());
  const Batcher batcher(log, part, options);
  const Batcher::Plan plan = batcher.plan();
  Device& device = backbone.device();
  Recommendations out;
  out.k = protocol.k;
  Batch batch;
  std::vector<int32_t> last;
  for (int64_t b = 0; b < plan.size(); ++b) {
    throw_if_cancelled();
    batcher.fill(plan, b, batch);
    const int64_t n = batch.count(), before = out.rows();
    Tensor hidden(device, DType::f32, {batch.tokens(), backbone.hidden()}),
        states(device, DType::f32, {n, backbone.hidden()});
    if (!backbone.forward(context, protocol.precision, batch.sequences(), hook, hidden)) {
      fail(HEDDLE_INTERNAL, "a hook that stops the forward pass leaves nothing to recommend from");
    }
    last.resize(static_cast<size_t>(n));
    for (int64_t s = 0; s < n; ++s) {
      const UserRange& range = part.users[static_cast<size_t>(batch.ranges[static_cast<size_t>(s)])];
      last[static_cast<size_t>(s)] = static_cast<int32_t>(batch.offsets[static_cast<size_t>(s) + 1] - 1);
      out.users.push_back(range.user);
      out.targets.push_back(range.target < 0 ? -1 : log.items[static_cast<size_t>(range.target)]);
    }
    context.call(rng_key(0, RngPurpose::component), protocol.precision, [&](const heddle_call& call) {
      TensorView index;
      ErrorBuffer error;
      check(context.ops().gather_rows(context.handle(), hidden,
                                      device_copy(device, call, index, last.data(), DType::i32, n), states, error),
            error, "gather_rows");
    });
    out.lists.resize(static_cast<size_t>((before + n) * protocol.k));
    out.scores.resize(out.lists.size());
    SeenItems seen;
    if (protocol.filter_seen) seen = seen_items(log, part, batch.ranges);
    top_lists(backbone, context, protocol.precision, states, protocol.k,
              protocol.filter_seen ? seen.offsets.data() : nullptr, seen.items.data(),
              out.lists.data() + before * protocol.k, out.scores.data() + before * protocol.k);
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
