// Checks of ranking metrics, on recommendation lists with gaps, repeated targets and users without any target.
#include <cmath>

#include "core/compute/rng.h"
#include "core/conformance/bits.h"
#include "core/conformance/checks.h"
#include "core/conformance/guarded.h"

namespace heddle::conformance {
namespace {

constexpr int64_t users = 29, k = 10;

// Lists in guarded, read-only memory.
struct Lists {
  Lists(int64_t from, int64_t to)
      : lists(DType::i32, {to - from, k}),
        offsets(DType::i64, {to - from + 1}),
        targets(DType::i32, {3 * (to - from)}) {
    const heddle_rng_key key = rng_key(31, RngPurpose::test);
    int64_t count = 0;
    offsets.data<int64_t>()[0] = 0;
    for (int64_t u = from; u < to; ++u) {
      const auto draw = philox_block(key, static_cast<uint64_t>(u));
      const int64_t length = u % 7 == 3 ? u % 4 : k;  // some lists are short, some empty
      for (int64_t i = 0; i < k; ++i) {
        lists.data<int32_t>()[(u - from) * k + i] =
            i < length ? static_cast<int32_t>((draw[0] % test_items + i) % test_items) : -1;
      }
      for (int64_t t = 0; t < u % 4; ++t) {
        const uint64_t item = t == 0 ? draw[0] + draw[1] % (2 * k) : draw[2] + static_cast<uint64_t>(t);
        targets.data<int32_t>()[count++] = static_cast<int32_t>(item % test_items);
      }
      offsets.data<int64_t>()[u - from + 1] = count;
    }
    for (GuardedTensor* tensor : {&lists, &offsets, &targets}) tensor->protect(true);
    raw = {sizeof raw,
           0,
           to - from,
           k,
           test_items,
           lists.data<int32_t>(),
           offsets.data<int64_t>(),
           targets.data<int32_t>()};
  }
  GuardedTensor lists, offsets, targets;
  heddle_lists raw;
};

struct Metric {
  Metric(const Component& component, const GivenText& given)
      : values(component, base_values(component, given)), instance(component, values) {
    instance.required();
  }
  std::vector<double> per_user(int64_t from, int64_t to) {
    const Lists lists(from, to);
    GuardedTensor out(DType::f64, {to - from});
    ErrorBuffer error;
    about_to(fmt::format("per_user of {} users", to - from));
    require_ok(instance.table().per_user(instance.handle(), &lists.raw, out.data<double>(), error), error, "per_user");
    out.check("the values");
    return out.copy<double>();
  }
  double over_all(int64_t from, int64_t to) {
    const Lists lists(from, to);
    GuardedTensor out(DType::f64, {1});
    ErrorBuffer error;
    about_to(fmt::format("over_all of {} users", to - from));
    require_ok(instance.table().over_all(instance.handle(), &lists.raw, out.data<double>(), error), error, "over_all");
    out.check("the value");
    return out.data<double>()[0];
  }
  Values values;
  Instance<heddle_ranking_metric_vtable> instance;
};

std::string per_user(const Component& component, const GivenText& given) {
  if (!component.provides("per_user")) skip_check("it gives one value over all lists");
  Metric metric(component, given);
  const auto whole = metric.per_user(0, users);
  for (size_t u = 0; u < whole.size(); ++u) {
    if (std::isinf(whole[u])) fail_check("user {} gets {}", u, whole[u]);
    if (std::isnan(whole[u]) && u % 4 != 0) fail_check("user {}, who has a target, gets NaN", u);
  }
  std::vector<double> joined;
  for (int64_t u = 0; u < users; ++u) joined.push_back(metric.per_user(u, u + 1)[0]);
  if (!same_bits(whole, joined)) fail_check("a user's value depends on the other users");
  metric.per_user(0, 0);
  return {};
}

std::string over_all(const Component& component, const GivenText& given) {
  if (!component.provides("over_all")) skip_check("it gives a value per user");
  Metric metric(component, given);
  const double value = metric.over_all(0, users);
  if (!std::isfinite(value)) fail_check("the value over {} users is {}", users, value);
  Metric other(component, given);
  if (!same_bits(std::vector<double>{value}, std::vector<double>{other.over_all(0, users)}))
    fail_check("two instances give different values");
  metric.over_all(5, 6);
  if (std::isinf(metric.over_all(0, 0))) fail_check("the value over no users is infinite");
  return fmt::format("{:.4g} on the test lists", value);
}

}  // namespace

std::vector<Check> ranking_checks() { return {{"value per user", per_user}, {"value over all", over_all}}; }

}  // namespace heddle::conformance
