#include "core/conformance/gradient.h"

#include <algorithm>
#include <cmath>

#include "core/compute/rng.h"
#include "core/conformance/child.h"

namespace heddle::conformance {
namespace {

constexpr size_t directions_in_all = 96;
constexpr double tolerance = 0.05;      // relative; a wrong formula is off by far more
constexpr double rounding = 3e-8;       // of the loss, relative; terms that a step does not touch do not change at all
constexpr double largest_move = 0.02;   // of any coordinate in one step
constexpr double wanted_change = 2e-3;  // of the loss, relative, in one step

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Scaled to norm 1; false when it is zero.
bool normalise(Vector& v) {
  const double norm = std::sqrt(dot(v, v));
  if (!(norm > 0)) return false;
  for (double& x : v) x /= norm;
  return true;
}

struct Direction {
  const char* what;
  Vector v;
};

// Rows by falling norm of their gradient.
std::vector<int64_t> rows_by_norm(const Vector& gradient, int64_t row_length) {
  const int64_t rows = static_cast<int64_t>(gradient.size()) / row_length;
  Vector norms(static_cast<size_t>(rows));
  for (size_t i = 0; i < gradient.size(); ++i) norms[i / static_cast<size_t>(row_length)] += gradient[i] * gradient[i];
  std::vector<int64_t> order(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) order[static_cast<size_t>(r)] = r;
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return norms[static_cast<size_t>(a)] > norms[static_cast<size_t>(b)]; });
  return order;
}

// At most `count` directions for a tensor with this gradient: two random ones, the gradient, then by turns rows
// (entries, of a vector) and random halves of it.
std::vector<Direction> directions_for(const Vector& gradient, int64_t row_length, size_t count, uint64_t seed) {
  std::vector<Direction> out;
  const heddle_rng_key key = rng_key(seed, RngPurpose::test);
  const auto n = static_cast<int64_t>(gradient.size());
  const auto add = [&](const char* what, Vector v) {
    if (normalise(v)) out.push_back({what, std::move(v)});
  };
  std::vector<float> noise(gradient.size());
  for (uint64_t k = 0; k < 2; ++k) {
    fill_normal(noise.data(), n, seed * 10 + k);
    add("a random direction", {noise.begin(), noise.end()});
  }
  add("the gradient's direction", gradient);
  const std::vector<int64_t> order = rows_by_norm(gradient, row_length);
  for (uint64_t k = 0; out.size() < count && k < 2 * count; ++k) {
    const bool row = k % 3 != 2;
    // The largest rows, and some from the middle.
    const int64_t chosen =
        order[k % 3 == 0 ? k / 3 % order.size() : philox_block(key, k)[0] % ((order.size() + 1) / 2)];
    Vector v = gradient;
    for (int64_t i = 0; i < n; ++i) {
      const bool half = (philox_block(key, 1000 + static_cast<uint64_t>(i))[k % 4] >> (k % 32) & 1) != 0;
      if (row ? i / row_length != chosen : !half) v[static_cast<size_t>(i)] = 0;
    }
    add(row ? "a row of the gradient" : "a part of the gradient", std::move(v));
  }
  return out;
}

class Differences {
 public:
  Differences(ParameterSet& set, const std::function<Evaluation()>& evaluate, Evaluation base)
      : set_(set), evaluate_(evaluate), base_(base) {}

  struct Estimate {
    double value = 0, error = 0;  // error: of rounding, and of what the step still changes
    bool smooth = false;
  };

  // Derivative of the loss along v, where `expected` is what the gradient says.
  Estimate along(size_t parameter, const Vector& v, double expected) const {
    double largest = 0;
    for (double x : v) largest = std::max(largest, std::abs(x));
    const double scale = std::max(std::abs(base_.loss), 1e-6);
    double h = largest_move / largest;
    if (std::abs(expected) > 0) h = std::min(h, wanted_change * scale / std::abs(expected));
    h = std::max(h, largest_move / 50 / largest);
    // Kinks (ReLU) leave an error that shrinks with the step, rounding one that grows. Three steps, each half the one
    // before, say how far the estimate still moves; the steps at which both together are least are taken.
    Estimate best;
    std::vector<double> values;
    for (int attempt = 0; attempt < 9; ++attempt, h /= 2) {
      const Central now = central(parameter, v, h);
      if (!now.same_pattern) values.clear();
      else values.push_back(now.value);
      if (values.size() < 3) continue;
      const double last = values.back(), before = values[values.size() - 2], first = values[values.size() - 3];
      const double error = 3 * rounding * scale / h + std::max(std::abs(last - before), std::abs(before - first) / 2);
      if (!best.smooth || error < best.error) best = {(4 * last - before) / 3, error, true};
      if (best.error <= 0.003 * std::abs(best.value)) break;
    }
    return best;
  }

 private:
  struct Central {
    double value;
    bool same_pattern;
  };
  Evaluation at(size_t parameter, const std::vector<float>& from, const Vector& v, double h) const {
    float* values = set_.value(parameter);
    set_.open(true);
    for (size_t i = 0; i < from.size(); ++i) values[i] = static_cast<float>(from[i] + h * v[i]);
    set_.open(false);
    set_.zero_gradients();
    const Evaluation result = evaluate_();
    set_.open(true);
    std::copy(from.begin(), from.end(), values);
    set_.open(false);
    return result;
  }
  Central central(size_t parameter, const Vector& v, double h) const {
    const std::vector<float> from(set_.value(parameter), set_.value(parameter) + set_.size(parameter));
    const Evaluation up = at(parameter, from, v, h), down = at(parameter, from, v, -h);
    return {(up.loss - down.loss) / (2 * h), up.pattern == base_.pattern && down.pattern == base_.pattern};
  }
  ParameterSet& set_;
  const std::function<Evaluation()>& evaluate_;
  Evaluation base_;
};

struct Tally {
  size_t judged = 0, skipped = 0;
  double worst = 0;
};

void check_one(ParameterSet& set, const Differences& differences, size_t index, const Vector& gradient, size_t count,
               Tally* tally) {
  const heddle_parameter& p = set.declared(index);
  about_to(fmt::format("train, differences of '{}'", p.name));
  const double norm = std::sqrt(dot(gradient, gradient));
  size_t here = 0, wrong = 0;
  std::string example;
  for (const Direction& direction : directions_for(gradient, p.ndim == 1 ? 1 : p.shape[p.ndim - 1], count, index + 1)) {
    const double given = dot(gradient, direction.v);
    const auto estimate = differences.along(index, direction.v, given);
    // Along a random direction the gradient's own share is small by chance; what is missing is small against the whole.
    const double size = std::max(
        {std::abs(given), std::abs(estimate.value), 0.5 * norm / std::sqrt(static_cast<double>(gradient.size()))});
    if (!estimate.smooth || size < 20 * estimate.error) {
      ++tally->skipped;
      continue;
    }
    ++here;
    const double off = std::abs(given - estimate.value) / size;
    if (off <= tolerance + 3 * estimate.error / size) {
      tally->worst = std::max(tally->worst, off);
    } else {
      ++wrong;
      example = fmt::format("along {} it gives {:.5g}, differences {:.5g}", direction.what, given, estimate.value);
    }
  }
  // One direction in which both steps meet the same kink is forgiven.
  if (wrong > 1 || (wrong == 1 && here < 3)) {
    fail_check("the gradient of '{}' disagrees with the loss in {} of {} directions: {}", p.name, wrong, here, example);
  }
  tally->judged += here;
}

}  // namespace

std::string check_gradients(ParameterSet& set, const std::function<Evaluation()>& evaluate) {
  set.zero_gradients();
  const Evaluation base = evaluate();
  set.check();
  std::vector<Vector> gradients;
  size_t differentiable = 0;
  for (size_t i = 0; i < set.count(); ++i) {
    gradients.emplace_back(set.gradient(i), set.gradient(i) + (set.is_buffer(i) ? 0 : set.size(i)));
    differentiable += set.is_buffer(i) ? 0 : 1;
  }
  if (differentiable == 0) skip_check("nothing to train");
  const size_t each = std::clamp<size_t>(directions_in_all / differentiable, 3, 12);
  const Differences differences(set, evaluate, base);
  Tally tally;
  for (size_t i = 0; i < set.count(); ++i) {
    const heddle_parameter& p = set.declared(i);
    if (set.is_buffer(i) || p.role == HEDDLE_ROLE_THRESHOLD || (p.flags & HEDDLE_PARAMETER_SURROGATE_GRADIENT) != 0)
      continue;
    check_one(set, differences, i, gradients[i], each, &tally);
  }
  if (tally.judged == 0) skip_check("no smooth direction with a gradient above rounding error");
  return fmt::format("{} directions, within {:.1f} % ({} not smooth or too small)", tally.judged, tally.worst * 100,
                     tally.skipped);
}

}  // namespace heddle::conformance
