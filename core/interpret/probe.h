// Linear probes: one L2-regularised logistic regression per binary attribute on rows of activations, all trained together.
//
//   L(w, b) = sum over rows of s_i log(1 + exp(-y_i (w . x_i + b))) + l2/2 |w|^2      y = +1 / -1, s = class weight
//   balanced: s_i = n / (2 n of the row's class)    (scikit-learn's LogisticRegression with C = 1 / l2, class_weight)
//
// Newton's method on all attributes at once: one pass over the rows gives loss, gradient and Hessian of each at its trial
// point, steps are halved until the loss falls (Armijo). A probe is converged when |gradient of L| / rows <= tolerance.
// Products of matrices run in f32 on the device, sums over blocks of 2,048 rows, losses and solving in f64 on the host, in
// row order: the same bits for any number of threads. Memory: one block and its products, whatever the number of rows.
// Rows without a known item are left out. [one thread; works on the device's pool inside]
// Errors: INVALID_ARGUMENT for sizes that do not agree and activations that are not finite; CANCELLED between blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/config/probe.h"
#include "core/data/attributes.h"

namespace heddle {

// Rows of activations as the probe sees them (normalised), with the input item of each.
struct ProbeRows {
  int64_t width = 0;
  std::span<const int32_t> items;  // [rows], -1 = unknown
  std::function<void(int64_t begin, int64_t count, float* out)> read;
  int64_t rows() const { return static_cast<int64_t>(items.size()); }
};

struct Probe {
  int32_t attribute = 0;  // index in the table
  std::string absent;     // why there is none, e.g. no row has the attribute; "" when it was trained
  std::vector<float> weights;
  float bias = 0;
  bool converged = false;
  int64_t iterations = 0;    // passes over the rows
  double gradient_norm = 0;  // |gradient of L| / rows, with weights as stored
};

// attributes: indices of binary ones.
std::vector<Probe> train_probes(Context& context, const ProbeRows& rows, const AttributeTable& table,
                                std::span<const int32_t> attributes, const ProbeOptions& options);

}  // namespace heddle
