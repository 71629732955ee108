#include "core/conformance/gradient.h"

#include <algorithm>
#include <cmath>

#include "core/conformance/child.h"

namespace heddle::conformance {
namespace {

constexpr size_t coordinates_per_parameter = 12;
constexpr size_t most_coordinates = 240;
constexpr double tolerance = 0.03;  // relative; a wrong formula is off by far more

// Half of them where the gradient is largest, half spread evenly.
std::vector<int64_t> chosen_coordinates(const float* gradient, int64_t size, size_t count) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  const size_t largest = std::min(count / 2, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(largest), order.end(),
                    [&](int64_t a, int64_t b) { return std::abs(gradient[a]) > std::abs(gradient[b]); });
  order.resize(largest);
  for (size_t i = 0; i < count - largest; ++i) order.push_back(static_cast<int64_t>(i * 7919 + 13) % size);
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  return order;
}

struct Estimate {
  double value, error;  // error: of rounding
  bool smooth;
};

class Differences {
 public:
  Differences(ParameterSet& set, const std::function<double()>& loss, double base) : set_(set), loss_(loss), base_(base) {}

  Estimate at(size_t parameter, int64_t index) const {
    float* place = set_.value(parameter) + index;
    const float h = 0.02f * std::max(0.25f, std::abs(*place));
    const double wide = central(place, h), narrow = central(place, h / 2);
    const double error = 2e-6 * std::max(std::abs(base_), 1e-3) / h;
    const double size = std::max(std::abs(wide), std::abs(narrow));
    return {(4 * narrow - wide) / 3, error, std::abs(wide - narrow) <= 0.05 * size + 2 * error};
  }

 private:
  double evaluate(float* place, float value) const {
    const float before = *place;
    set_.open(true);
    *place = value;
    set_.open(false);
    set_.zero_gradients();
    const double result = loss_();
    set_.open(true);
    *place = before;
    set_.open(false);
    return result;
  }
  double central(float* place, float h) const {
    const float up = *place + h, down = *place - h;
    return (evaluate(place, up) - evaluate(place, down)) / (double{up} - double{down});
  }
  ParameterSet& set_;
  const std::function<double()>& loss_;
  double base_;
};

}  // namespace

std::string check_gradients(ParameterSet& set, const std::function<double()>& loss) {
  set.zero_gradients();
  const double base = loss();
  set.check();
  std::vector<std::vector<float>> gradients;
  size_t differentiable = 0;
  for (size_t i = 0; i < set.count(); ++i) {
    gradients.emplace_back(set.gradient(i), set.gradient(i) + (set.is_buffer(i) ? 0 : set.size(i)));
    differentiable += set.is_buffer(i) ? 0 : 1;
  }
  if (differentiable == 0) skip_check("nothing to train");
  const size_t each = std::clamp<size_t>(most_coordinates / differentiable, 2, coordinates_per_parameter);
  const Differences differences(set, loss, base);
  size_t judged = 0, skipped = 0;
  double worst = 0;
  for (size_t i = 0; i < set.count(); ++i) {
    const heddle_parameter& p = set.declared(i);
    if (set.is_buffer(i) || p.role == HEDDLE_ROLE_THRESHOLD || (p.flags & surrogate_gradient) != 0) continue;
    about_to(fmt::format("train, difference of '{}'", p.name));
    size_t here = 0, wrong = 0;
    std::string example;
    for (int64_t index : chosen_coordinates(gradients[i].data(), set.size(i), each)) {
      const double given = gradients[i][static_cast<size_t>(index)];
      const Estimate estimate = differences.at(i, index);
      const double size = std::max(std::abs(given), std::abs(estimate.value));
      if (!estimate.smooth || size < 30 * estimate.error) {
        ++skipped;
        continue;
      }
      ++here;
      const double off = std::abs(given - estimate.value) / size;
      if (off <= tolerance + 3 * estimate.error / size) {
        worst = std::max(worst, off);
      } else {
        ++wrong;
        example = fmt::format("[{}] is {:.5g}, differences give {:.5g}", index, given, estimate.value);
      }
    }
    // One kink that both steps straddle alike is forgiven.
    if (wrong > std::max<size_t>(1, here / 6) || (wrong == here && wrong > 0)) {
      fail_check("the gradient of '{}' disagrees with the loss at {} of {} places, e.g. {}", p.name, wrong, here, example);
    }
    judged += here;
  }
  if (judged == 0) skip_check("no smooth place with a gradient above rounding error");
  return fmt::format("{} places, within {:.1f} % ({} not smooth or too small)", judged, worst * 100, skipped);
}

}  // namespace heddle::conformance
