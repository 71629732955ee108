// Checks of metrics: the pairwise form on statistics of hand-made codes, the streaming form on the codes themselves.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/conformance/bits.h"
#include "core/conformance/checks.h"
#include "core/conformance/guarded.h"
#include "core/conformance/parameter_set.h"

namespace heddle::conformance {
namespace {

using MetricInstance = Instance<heddle_metric_vtable>;

constexpr int64_t points = 211, features = 17, attributes = 5;

// Codes [points, features], about a quarter of them active, and labels [points, attributes]: binary ones, the last
// numeric. Feature 0 is never active, attribute 1 never set: both undefined for most metrics.
struct Data {
  std::vector<float> codes, labels;
};

Data make_data() {
  Data data;
  data.codes.resize(points * features);
  data.labels.resize(points * attributes);
  fill_normal(data.codes.data(), points * features, 21);
  fill_normal(data.labels.data(), points * attributes, 22);
  for (int64_t i = 0; i < points; ++i) {
    for (int64_t f = 0; f < features; ++f) {
      float& code = data.codes[static_cast<size_t>(i * features + f)];
      code = f == 0 ? 0 : std::max(0.0f, code - 0.7f);
    }
    for (int64_t a = 0; a + 1 < attributes; ++a) {
      float& label = data.labels[static_cast<size_t>(i * attributes + a)];
      label = a == 1 ? 0.0f : label > 0.5f ? 1.0f : 0.0f;
    }
  }
  return data;
}

// Average rank of each value among all, 1-based.
std::vector<double> average_ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = (static_cast<double>(begin + end) + 1) / 2;
    begin = end;
  }
  return ranks;
}

std::vector<heddle_pair> make_pairs(const Data& data, int64_t attribute_count) {
  std::vector<heddle_pair> pairs;
  for (int64_t f = 0; f < features; ++f) {
    std::vector<double> column;
    for (int64_t i = 0; i < points; ++i) column.push_back(data.codes[static_cast<size_t>(i * features + f)]);
    const std::vector<double> ranks = average_ranks(column);
    for (int64_t a = 0; a < attribute_count; ++a) {
      heddle_pair pair{};
      pair.struct_size = sizeof pair;
      pair.points = points;
      for (int64_t i = 0; i < points; ++i) {
        const double x = column[static_cast<size_t>(i)], y = data.labels[static_cast<size_t>(i * attributes + a)];
        pair.positives += y != 0, pair.active += x != 0, pair.active_positive += x != 0 && y != 0;
        pair.sum += x, pair.sum_squares += x * x, pair.label_sum += y, pair.label_squares += y * y,
            pair.product_sum += x * y;
        if (y != 0) pair.rank_sum_positive += ranks[static_cast<size_t>(i)];
      }
      pairs.push_back(pair);
    }
  }
  return pairs;
}

struct Metric {
  Metric(const Component& component, const GivenText& given)
      : values(component, base_values(component, given)), instance(component, values) {
    instance.required();
    about_to("info");
    ErrorBuffer error;
    info.struct_size = sizeof info;
    require_ok(instance.table().info(instance.handle(), &info, error), error, "info");
    if (!(info.lowest <= info.highest)) fail_check("info says a range of {} to {}", info.lowest, info.highest);
  }
  void require_in_range(const std::vector<double>& scores) const {
    for (double score : scores) {
      // Rounding may carry a correlation of 1 a little over.
      const double slack = 1e-9 * std::max(1.0, std::abs(score));
      if (std::isinf(score) || (!std::isnan(score) && (score < info.lowest - slack || score > info.highest + slack))) {
        fail_check("the score {} lies outside {} to {}", score, info.lowest, info.highest);
      }
    }
  }
  std::vector<double> score(const std::vector<heddle_pair>& pairs) {
    const auto count = static_cast<int64_t>(pairs.size());
    const Guarded input(pairs.size() * sizeof(heddle_pair));
    std::copy(pairs.begin(), pairs.end(), static_cast<heddle_pair*>(input.data()));
    GuardedTensor out(DType::f64, {count});
    about_to(fmt::format("score of {} pairs", count));
    ErrorBuffer error;
    require_ok(instance.table().score(instance.handle(), count, static_cast<const heddle_pair*>(input.data()),
                                      out.data<double>(), error),
               error, "score");
    out.check("the scores");
    return out.copy<double>();
  }
  int64_t attribute_count() const {
    return (info.flags & HEDDLE_METRIC_BINARY_ONLY) != 0 ? attributes - 1 : attributes;
  }
  Values values;
  MetricInstance instance;
  heddle_metric_info info{};
};

std::string pairwise(const Component& component, const GivenText& given) {
  if (!component.provides("score")) skip_check("it is of the streaming form");
  Metric metric(component, given);
  const auto pairs = make_pairs(make_data(), metric.attribute_count());
  const auto whole = metric.score(pairs);
  metric.require_in_range(whole);
  size_t defined = 0;
  for (double score : whole) defined += std::isnan(score) ? 0 : 1;
  if (defined == 0) fail_check("no pair of {} has a score", pairs.size());
  std::vector<double> joined;
  for (const heddle_pair& pair : pairs) joined.push_back(metric.score({pair})[0]);
  if (!same_bits(whole, joined)) fail_check("a pair's score depends on which others are asked for with it");
  Metric other(component, given);
  if (!same_bits(whole, other.score(pairs))) fail_check("two instances give different scores");
  return fmt::format("{} of {} pairs have a score", defined, pairs.size());
}

std::string pairwise_edges(const Component& component, const GivenText& given) {
  if (!component.provides("score")) skip_check("it is of the streaming form");
  Metric metric(component, given);
  metric.score({});
  const auto pairs = make_pairs(make_data(), metric.attribute_count());
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (auto change : std::vector<void (*)(heddle_pair&)>{
           [](heddle_pair& p) { p = heddle_pair{p.struct_size, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; },
           [](heddle_pair& p) { p = heddle_pair{p.struct_size, 0, 1, 1, 1, 1, 2, 4, 1, 1, 2, 1}; },
           [](heddle_pair& p) {
             p.positives = p.points, p.label_sum = p.label_squares = static_cast<double>(p.points),
             p.active_positive = p.active;
           },
           [](heddle_pair& p) { p.sum = p.sum_squares = p.product_sum = nan; }}) {
    heddle_pair pair = pairs[7];
    change(pair);
    const auto score = metric.score({pair});
    if (pair.sum == pair.sum) metric.require_in_range(score);
  }
  return {};
}

// One pass over blocks of the data; `cuts` are the ends of the blocks, `merges` whether each block has an instance of
// its own.
std::vector<double> stream(const Component& component, const GivenText& given, const std::vector<int64_t>& cuts,
                           bool merges) {
  const Data data = make_data();
  const auto device = Device::cpu({1, "auto"});
  Context context(*device);
  std::vector<std::unique_ptr<Metric>> metrics;
  const heddle_metric_shape shape{sizeof shape, 0, features, attributes};
  ErrorBuffer error;
  const auto begin_one = [&] {
    auto& metric = *metrics.emplace_back(std::make_unique<Metric>(component, given));
    about_to("begin");
    require_ok(metric.instance.table().begin(metric.instance.handle(), &shape, error), error, "begin");
  };
  begin_one();
  int64_t from = 0;
  for (int64_t to : cuts) {
    if (merges && from > 0) begin_one();
    GuardedTensor dense(DType::f32, {to - from, features}), labels(DType::f32, {to - from, attributes});
    std::copy(data.codes.begin() + from * features, data.codes.begin() + to * features, dense.data<float>());
    std::copy(data.labels.begin() + from * attributes, data.labels.begin() + to * attributes, labels.data<float>());
    if (to - from > 3) labels.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();  // unknown
    heddle_codes* codes = context.create_codes();
    heddle::check(context.ops().codes_from_dense(context.handle(), dense, codes, error), error, "codes_from_dense");
    labels.protect(true);
    const heddle_metric_block block{sizeof block, 0, codes, labels};
    Metric& metric = *metrics.back();
    about_to(fmt::format("update with {} points", to - from));
    require_ok(metric.instance.table().update(metric.instance.handle(), &block, error), error, "update");
    context.ops().codes_destroy(context.handle(), codes);
    from = to;
  }
  Metric& first = *metrics.front();
  for (size_t i = 1; i < metrics.size(); ++i) {
    about_to("merge");
    require_ok(first.instance.table().merge(first.instance.handle(), metrics[i]->instance.handle(), error), error,
               "merge");
  }
  GuardedTensor scores(DType::f64, {features, attributes});
  about_to("finish");
  require_ok(first.instance.table().finish(first.instance.handle(), scores, error), error, "finish");
  scores.check("the scores");
  auto out = scores.copy<double>();
  first.require_in_range(out);
  return out;
}

std::string streaming(const Component& component, const GivenText& given) {
  if (!component.provides("update")) skip_check("it is of the pairwise form");
  const auto whole = stream(component, given, {points}, false);
  if (!same_bits(whole, stream(component, given, {points}, false)))
    fail_check("the same pass gives other scores the second time");
  for (bool merges : {false, true}) {
    // Small blocks get no unknown label of their own, so that the data are the same.
    const auto blocks = stream(component, given, {points - 2, points - 1, points}, merges);
    for (size_t i = 0; i < whole.size(); ++i) {
      if (std::isnan(whole[i]) != std::isnan(blocks[i]) ||
          std::abs(whole[i] - blocks[i]) > 1e-6 * std::max(1.0, std::abs(whole[i]))) {
        fail_check("{} gives {} where one block gives {}", merges ? "merging blocks" : "updating block by block",
                   blocks[i], whole[i]);
      }
    }
  }
  stream(component, given, {}, false);
  stream(component, given, {0, 1}, true);
  return {};
}

}  // namespace

std::vector<Check> metric_checks() {
  return {{"pairwise scores", pairwise}, {"pairwise edge cases", pairwise_edges}, {"streaming scores", streaming}};
}

}  // namespace heddle::conformance
