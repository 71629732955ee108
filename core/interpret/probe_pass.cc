#include "core/interpret/probe_pass.h"

#include <algorithm>
#include <cmath>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/interpret/parallel.h"

namespace heddle {
namespace {

constexpr int64_t block_rows = 2048;
constexpr int64_t chunk_rows = 256;        // of the element-wise work; fixed, so that sums have one order
constexpr int64_t hessian_columns = 4096;  // of one product; bounds its memory

// log(1 + exp(z)) without overflow.
double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

double sigmoid(double z) {
  if (z >= 0) return 1 / (1 + std::exp(-z));
  const double e = std::exp(z);
  return e / (1 + e);
}

}  // namespace

ProbePass::ProbePass(Context& context, const ProbeRows& rows, const AttributeTable& table)
    : context_(context),
      rows_(rows),
      table_(table),
      columns_(rows.width + 1),
      x_(static_cast<size_t>(block_rows * columns_)),
      raw_(static_cast<size_t>(block_rows * rows.width)),
      device_x_(context.device(), DType::f32, {block_rows, columns_}) {}

// Rows with a known item of [begin, begin + block_rows) into x_; returns their number.
int64_t ProbePass::read_block(int64_t begin) {
  const int64_t count = std::min(block_rows, rows_.rows() - begin);
  rows_.read(begin, count, raw_.data());
  block_items_.clear();
  for (int64_t i = 0; i < count; ++i) {
    const int32_t item = rows_.items[static_cast<size_t>(begin + i)];
    if (item < 0) continue;
    float* to = x_.data() + static_cast<int64_t>(block_items_.size()) * columns_;
    const float* from = raw_.data() + i * rows_.width;
    for (int64_t j = 0; j < rows_.width; ++j) {
      if (!std::isfinite(from[j]))
        fail(HEDDLE_INVALID_ARGUMENT, "probe: activation {} of row {} is {}", j, begin + i, from[j]);
      to[j] = from[j];
    }
    to[rows_.width] = 1;
    block_items_.push_back(item);
  }
  return static_cast<int64_t>(block_items_.size());
}

void ProbePass::multiply(bool transpose_a, bool transpose_b, const DLTensor* a, const DLTensor* b, DLTensor* c) {
  heddle_gemm gemm{};
  gemm.struct_size = sizeof gemm;
  gemm.transpose_a = transpose_a, gemm.transpose_b = transpose_b;
  gemm.alpha = 1;
  gemm.precision = HEDDLE_PRECISION_F32;  // whatever [compute] says: bf16 would end far from the optimum
  gemm.a = a, gemm.b = b, gemm.c = c;
  ErrorBuffer error;
  check(context_.ops().gemm(context_.handle(), &gemm, error), error, "gemm");
  context_.synchronize();
}

// From logits_: residuals s (p - y), curvatures s p (1 - p), and the losses.
void ProbePass::fill_curvatures(std::span<ProbeTask* const> tasks, int64_t count) {
  const auto size = static_cast<int64_t>(tasks.size());
  const int64_t chunks = (count + chunk_rows - 1) / chunk_rows;
  std::vector<double> losses(static_cast<size_t>(chunks * size), 0.0);
  run_parallel(
      context_, chunks, [] { return 0; },
      [&](int, int64_t chunk) {
        for (int64_t i = chunk * chunk_rows; i < std::min(count, (chunk + 1) * chunk_rows); ++i)
          for (int64_t t = 0; t < size; ++t) {
            const ProbeTask& task = *tasks[static_cast<size_t>(t)];
            const auto at = static_cast<size_t>(i * size + t);
            const auto z = static_cast<double>(logits_[at]);
            const bool with = table_.has(block_items_[static_cast<size_t>(i)], task.attribute);
            const double p = sigmoid(z), weight = with ? task.positive_weight : task.negative_weight;
            losses[static_cast<size_t>(chunk * size + t)] += weight * softplus(with ? -z : z);
            residuals_[at] = static_cast<float>(weight * (with ? -sigmoid(-z) : p));
            curvatures_[at] = static_cast<float>(weight * p * sigmoid(-z));
          }
      });
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    for (int64_t t = 0; t < size; ++t)
      tasks[static_cast<size_t>(t)]->loss += losses[static_cast<size_t>(chunk * size + t)];
}

// hessian += x^T diag(curvature) x, several tasks side by side in one product so that all threads have work.
void ProbePass::add_hessians(std::span<ProbeTask* const> tasks, int64_t count) {
  const auto size = static_cast<int64_t>(tasks.size());
  const int64_t each = std::clamp<int64_t>(hessian_columns / columns_, 1, size);
  Device& device = context_.device();
  if (!device_scaled_ || device_scaled_.size() < block_rows * each * columns_) {  // the first pass has the most tasks
    device_scaled_ = Tensor(device, DType::f32, {block_rows * each * columns_});
    device_product_ = Tensor(device, DType::f32, {columns_ * each * columns_});
    if (!device.is_cpu()) scaled_.resize(static_cast<size_t>(device_scaled_.size()));
    product_.resize(static_cast<size_t>(device_product_.size()));
  }
  float* const memory = static_cast<float*>(device_scaled_.dl()->data);
  float* const scaled = device.is_cpu() ? memory : scaled_.data();
  for (int64_t first = 0; first < size; first += each) {
    const int64_t group = std::min(each, size - first), wide = group * columns_;
    run_parallel(
        context_, (count + chunk_rows - 1) / chunk_rows, [] { return 0; },
        [&](int, int64_t chunk) {
          for (int64_t i = chunk * chunk_rows; i < std::min(count, (chunk + 1) * chunk_rows); ++i)
            for (int64_t t = 0; t < group; ++t) {
              const float factor = curvatures_[static_cast<size_t>(i * size + first + t)];
              const float* from = x_.data() + i * columns_;
              float* to = scaled + i * wide + t * columns_;
              for (int64_t j = 0; j < columns_; ++j) to[j] = factor * from[j];
            }
        });
    const size_t entries = static_cast<size_t>(columns_ * wide);
    if (!device.is_cpu()) device.copy_from_host(memory, scaled, static_cast<size_t>(count * wide) * sizeof(float));
    TensorView right(memory, DType::f32, {count, wide}, device.dl_device()),
        product(device_product_.dl()->data, DType::f32, {columns_, wide}, device.dl_device());
    multiply(true, false, device_x_.rows(0, count), right, product);
    device.copy_to_host(product_.data(), product.dl()->data, entries * sizeof(float));
    for (int64_t t = 0; t < group; ++t)
      for (int64_t i = 0; i < columns_; ++i)
        for (int64_t j = 0; j < columns_; ++j)
          tasks[static_cast<size_t>(first + t)]->hessian[static_cast<size_t>(i * columns_ + j)] +=
              static_cast<double>(product_[static_cast<size_t>(i * wide + t * columns_ + j)]);
  }
}

void ProbePass::run(std::span<ProbeTask* const> tasks) {
  const auto size = static_cast<int64_t>(tasks.size());
  const auto square = static_cast<size_t>(columns_ * columns_);
  Device& device = context_.device();
  std::vector<float> weights;
  for (ProbeTask* task : tasks) {
    task->loss = 0;
    task->gradient.assign(static_cast<size_t>(columns_), 0.0);
    task->hessian.assign(square, 0.0);
    for (double& entry : task->point) {
      weights.push_back(static_cast<float>(entry));
      entry = static_cast<double>(weights.back());
    }
  }
  Tensor device_weights(device, DType::f32, {size, columns_}), device_logits(device, DType::f32, {block_rows, size}),
      device_gradient(device, DType::f32, {size, columns_});
  device_weights.from_host(weights.data());
  std::vector<float> gradient(static_cast<size_t>(size * columns_));
  for (auto* buffer : {&logits_, &residuals_, &curvatures_}) buffer->resize(static_cast<size_t>(block_rows * size));
  for (int64_t begin = 0; begin < rows_.rows(); begin += block_rows) {
    throw_if_cancelled();
    const int64_t count = read_block(begin);
    if (count == 0) continue;
    device.copy_from_host(device_x_.dl()->data, x_.data(), static_cast<size_t>(count * columns_) * sizeof(float));
    const TensorView x = device_x_.rows(0, count);
    TensorView logits = device_logits.rows(0, count);
    multiply(false, true, x, device_weights, logits);
    const size_t bytes = static_cast<size_t>(count * size) * sizeof(float);
    device.copy_to_host(logits_.data(), logits.dl()->data, bytes);
    fill_curvatures(tasks, count);
    device.copy_from_host(logits.dl()->data, residuals_.data(), bytes);
    multiply(true, false, logits, x, device_gradient);
    device_gradient.to_host(gradient.data());
    for (int64_t t = 0; t < size; ++t)
      for (int64_t j = 0; j < columns_; ++j)
        tasks[static_cast<size_t>(t)]->gradient[static_cast<size_t>(j)] +=
            static_cast<double>(gradient[static_cast<size_t>(t * columns_ + j)]);
    add_hessians(tasks, count);
  }
}

}  // namespace heddle
