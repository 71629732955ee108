#include "core/interpret/probe.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/interpret/probe_pass.h"

namespace heddle {
namespace {

// Sufficient decrease of the loss, and the relative error of a loss whose logits are f32.
constexpr double armijo = 1e-4, loss_noise = 1e-7;
// A probe whose steps promise less than the noise of the loss and whose gradient has not fallen by a tenth in so many of
// them has met the end of f32.
constexpr int64_t patience = 6;
constexpr double smallest_step = 1e-6, largest_jitter = 1e3;

// Solves a x = b for a symmetric positive definite a [n, n] in place by Cholesky; false when it is not.
bool solve(std::vector<double>& a, std::vector<double>& b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i != j) {
        a[i * n + j] = sum / a[j * n + j];
      } else {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        a[i * n + i] = std::sqrt(sum);
      }
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
  return true;
}

double norm(const std::vector<double>& v) {
  double squares = 0;
  for (double entry : v) squares += entry * entry;
  return std::sqrt(squares);
}

// Newton's method of one probe; passes are made by the caller for all probes at once.
class Climber {
 public:
  Climber(int32_t attribute, int64_t width, int64_t with, int64_t without, const ProbeOptions& options)
      : options_(options), rows_(static_cast<double>(with + without)) {
    task.attribute = attribute;
    const auto p = static_cast<double>(with), n = static_cast<double>(without);
    if (options.class_weight == ClassWeight::balanced) {
      task.positive_weight = rows_ / (2 * p);
      task.negative_weight = rows_ / (2 * n);
    }
    task.point.assign(static_cast<size_t>(width) + 1, 0.0);
    task.point.back() = std::log(task.positive_weight * p / (task.negative_weight * n));
    found_.attribute = attribute;
  }

  bool running() const { return running_; }

  // After a pass at task.point: takes the point or halves the step; task.point is then the next trial.
  void advance() {
    ++found_.iterations;
    double loss = task.loss;
    const size_t weights = task.point.size() - 1;
    for (size_t j = 0; j < weights; ++j) {
      loss += options_.l2 / 2 * task.point[j] * task.point[j];
      task.gradient[j] += options_.l2 * task.point[j];
    }
    const double slope = norm(task.gradient) / rows_;
    const bool taken = !accepted_ || loss <= loss_ + armijo * step_ * descent_ + loss_noise * std::abs(loss_);
    if (taken && std::isfinite(slope)) {
      take(loss, slope);
    } else if (!accepted_) {
      fail(HEDDLE_INVALID_ARGUMENT, "probe: activations so large that the loss at weights 0 is not a number");
    } else {
      step_ /= 2;
      if (step_ < smallest_step) running_ = false;
    }
    if (found_.iterations >= options_.max_iterations) running_ = false;
    if (running_)
      for (size_t j = 0; j < task.point.size(); ++j) task.point[j] = (*accepted_)[j] + step_ * direction_[j];
  }

  // The best point that was seen.
  Probe finish() {
    Probe probe = found_;
    probe.converged = best_slope_ <= options_.tolerance;
    probe.gradient_norm = best_slope_;
    for (size_t j = 0; j + 1 < best_.size(); ++j) probe.weights.push_back(static_cast<float>(best_[j]));
    probe.bias = static_cast<float>(best_.back());
    return probe;
  }

  ProbeTask task;

 private:
  void take(double loss, double slope) {
    const bool promising = !accepted_ || -descent_ > 2 * loss_noise * std::abs(loss);
    if (best_.empty() || slope < best_slope_) {
      waited_ = promising || slope < 0.9 * best_slope_ ? 0 : waited_ + 1;
      best_ = task.point;
      best_slope_ = slope;
    } else {
      waited_ = promising ? 0 : waited_ + 1;
    }
    accepted_ = task.point;
    loss_ = loss;
    step_ = 1;
    if (slope <= options_.tolerance || waited_ >= patience || !find_direction()) running_ = false;
  }

  // Newton's direction; false when none can be computed (a Hessian that is zero to f64, without a penalty).
  bool find_direction() {
    const size_t n = task.point.size();
    double trace = 0;
    for (size_t j = 0; j < n; ++j) trace += task.hessian[j * n + j];
    // f32 products leave a relative error of about 1e-7 in the Hessian; where it is nearly singular that must not decide.
    for (double jitter = 1e-9; jitter < largest_jitter; jitter *= 10) {
      std::vector<double> matrix = task.hessian;
      direction_ = task.gradient;
      for (size_t j = 0; j < n; ++j)
        matrix[j * n + j] += (j + 1 < n ? options_.l2 : 0) + jitter * trace / static_cast<double>(n);
      if (!solve(matrix, direction_)) continue;
      descent_ = 0;
      for (size_t j = 0; j < n; ++j) {
        direction_[j] = -direction_[j];
        descent_ += direction_[j] * task.gradient[j];
      }
      return std::isfinite(descent_);
    }
    return false;
  }

  const ProbeOptions& options_;
  double rows_;
  Probe found_;
  bool running_ = true;
  std::optional<std::vector<double>> accepted_;
  std::vector<double> direction_, best_;
  double loss_ = 0, step_ = 1, descent_ = 0, best_slope_ = 0;
  int64_t waited_ = 0;
};

}  // namespace

std::vector<Probe> train_probes(Context& context, const ProbeRows& rows, const AttributeTable& table,
                                std::span<const int32_t> attributes, const ProbeOptions& options) {
  if (rows.width < 1) fail(HEDDLE_INVALID_ARGUMENT, "probe: rows of width {}", rows.width);
  std::vector<int64_t> with(static_cast<size_t>(table.size()), 0);
  int64_t known = 0;
  for (int32_t item : rows.items) {
    if (item < 0) continue;
    if (item >= table.items)
      fail(HEDDLE_INVALID_ARGUMENT, "probe: item {}; the attribute table has {} items", item, table.items);
    ++known;
    for (int32_t attribute : table.labels_of(item)) ++with[static_cast<size_t>(attribute)];
  }
  std::vector<Probe> probes;
  std::vector<Climber> climbers;
  std::vector<size_t> place;  // of each climber among the probes
  for (int32_t attribute : attributes) {
    Probe probe;
    probe.attribute = attribute;
    const int64_t positives = with[static_cast<size_t>(attribute)];
    if (known == 0) probe.absent = "there are no training rows with a known item";
    else if (positives == 0) probe.absent = "no training row has the attribute";
    else if (positives == known) probe.absent = "every training row has the attribute";
    if (probe.absent.empty()) {
      climbers.emplace_back(attribute, rows.width, positives, known - positives, options);
      place.push_back(probes.size());
    }
    probes.push_back(std::move(probe));
  }
  ProbePass pass(context, rows, table);
  std::vector<ProbeTask*> tasks;
  std::vector<Climber*> running;
  for (Climber& climber : climbers) running.push_back(&climber);
  Progress progress("probes", climbers.size(), "attributes");
  while (!running.empty()) {
    tasks.clear();
    for (Climber* climber : running) tasks.push_back(&climber->task);
    pass.run(tasks);
    for (Climber* climber : running) climber->advance();
    std::erase_if(running, [](const Climber* climber) { return !climber->running(); });
    progress.update(climbers.size() - running.size());
  }
  for (size_t i = 0; i < climbers.size(); ++i) probes[place[i]] = climbers[i].finish();
  return probes;
}

}  // namespace heddle
