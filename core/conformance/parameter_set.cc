#include "core/conformance/parameter_set.h"

#include <cmath>
#include <set>
#include <string_view>

#include "core/compute/rng.h"
#include "core/conformance/child.h"
#include "core/plugin/normalise.h"
#include "core/store/safetensors.h"

namespace heddle::conformance {
namespace {

void check_one(const heddle_parameter& p, size_t index, const std::vector<heddle_parameter>& before) {
  const std::string name = p.name;
  if (p.ndim < 1 || p.ndim > 4) fail_check("parameter '{}' has {} dimensions; 1 to 4 are possible", name, p.ndim);
  int64_t size = 1;
  for (int32_t i = 0; i < p.ndim; ++i) {
    if (p.shape[i] < 1 || p.shape[i] > (int64_t{1} << 40) / size)
      fail_check("parameter '{}' has an extent of {}", name, p.shape[i]);
    size *= p.shape[i];
  }
  if (p.init < HEDDLE_INIT_ZEROS || p.init > HEDDLE_INIT_DATA_MEAN)
    fail_check("parameter '{}' has init {}", name, p.init);
  if (!std::isfinite(p.init_scale)) fail_check("parameter '{}' has init_scale {}", name, p.init_scale);
  if (p.constraint != HEDDLE_CONSTRAINT_NONE && p.constraint != HEDDLE_CONSTRAINT_UNIT_ROWS) {
    fail_check("parameter '{}' has constraint {}", name, p.constraint);
  }
  if (p.constraint == HEDDLE_CONSTRAINT_UNIT_ROWS && p.ndim != 2)
    fail_check("parameter '{}' has unit rows but is no matrix", name);
  if (p.role < HEDDLE_ROLE_OTHER || p.role > HEDDLE_ROLE_ITEM_TABLE)
    fail_check("parameter '{}' has role {}", name, p.role);
  if (p.init != HEDDLE_INIT_COPY) return;
  if (p.init_source < 0 || static_cast<size_t>(p.init_source) >= index) {
    fail_check("parameter '{}' copies parameter {}, which is not declared before it", name, p.init_source);
  }
  const heddle_parameter& source = before[static_cast<size_t>(p.init_source)];
  if (source.ndim != p.ndim || !std::equal(p.shape, p.shape + p.ndim, source.shape)) {
    fail_check("parameter '{}' copies '{}', which has another shape", name, source.name);
  }
}

void normalise_rows(float* data, int64_t rows, int64_t columns, double scale) {
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t c = 0; c < columns; ++c) sum += double{data[r * columns + c]} * data[r * columns + c];
    const double factor = sum > 0 ? scale / std::sqrt(sum) : 0;
    for (int64_t c = 0; c < columns; ++c) data[r * columns + c] = static_cast<float>(data[r * columns + c] * factor);
  }
}

}  // namespace

std::vector<heddle_parameter> checked_parameters(const heddle_parameters& declared) {
  auto all = normalise_array(declared.items, declared.count, "parameters()", 8, HEDDLE_PARAMETER_BUFFER);
  std::set<std::string_view> names;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == nullptr || *all[i].name == 0) fail_check("parameter {} has no name", i);
    if (!names.insert(all[i].name).second) fail_check("parameter '{}' is declared twice", all[i].name);
    check_one(all[i], i, all);
  }
  return all;
}

void fill_normal(float* out, int64_t n, uint64_t seed) {
  // Irwin-Hall: twelve uniforms less six have mean 0 and variance 1. No libm, so the same everywhere.
  const heddle_rng_key key = rng_key(seed, RngPurpose::test);
  for (int64_t i = 0; i < n; ++i) {
    int64_t sum = 0;
    for (uint64_t block = 0; block < 3; ++block) {
      for (uint32_t word : philox_block(key, static_cast<uint64_t>(i) * 3 + block)) sum += word >> 8;
    }
    out[i] = static_cast<float>(static_cast<double>(sum) / (1 << 24) - 6.0);
  }
}

ParameterSet::ParameterSet(std::vector<heddle_parameter> declared, uint64_t seed, float jitter)
    : declared_(std::move(declared)) {
  std::vector<float> noise;
  for (size_t i = 0; i < declared_.size(); ++i) {
    const heddle_parameter& p = declared_[i];
    const std::vector<int64_t> shape(p.shape, p.shape + p.ndim);
    GuardedTensor value(DType::f32, shape);
    float* data = value.data<float>();
    const int64_t n = value.size(), columns = shape.back();
    const auto scale = static_cast<float>(p.init_scale);
    noise.resize(static_cast<size_t>(n));
    fill_normal(noise.data(), n, seed * 1000 + i);
    for (int64_t k = 0; k < n; ++k) {
      switch (p.init) {
        case HEDDLE_INIT_ZEROS: data[k] = 0; break;
        case HEDDLE_INIT_CONSTANT: data[k] = scale; break;
        case HEDDLE_INIT_COPY: data[k] = scale * values_[static_cast<size_t>(p.init_source)].data<float>()[k]; break;
        case HEDDLE_INIT_UNIFORM: data[k] = scale * std::clamp(noise[static_cast<size_t>(k)] / 3, -1.0f, 1.0f); break;
        case HEDDLE_INIT_NORMAL: data[k] = scale * noise[static_cast<size_t>(k)]; break;
        case HEDDLE_INIT_UNIT_ROWS: data[k] = noise[static_cast<size_t>(k)]; break;
        default: data[k] = 0.1f * noise[static_cast<size_t>(k)]; break;  // a mean of the data
      }
    }
    if (p.init == HEDDLE_INIT_UNIT_ROWS) normalise_rows(data, columns == 0 ? 0 : n / columns, columns, p.init_scale);
    if (!is_buffer(i) && jitter > 0) {
      fill_normal(noise.data(), n, seed * 1000 + i + 500);
      for (int64_t k = 0; k < n; ++k) data[k] += jitter * noise[static_cast<size_t>(k)];
    }
    values_.push_back(std::move(value));
    gradients_.emplace_back(DType::f32, is_buffer(i) ? std::vector<int64_t>{0} : shape);
  }
  // DLTensors point at shapes inside the GuardedTensors, so those must have come to rest.
  for (size_t i = 0; i < declared_.size(); ++i) {
    values_dl_.push_back(*values_[i].dl());
    gradients_dl_.push_back(is_buffer(i) ? *values_[i].dl() : *gradients_[i].dl());
    if (is_buffer(i)) gradients_dl_.back().data = nullptr;
  }
  values_raw_ = {sizeof(heddle_tensors), 0, values_dl_.size(), values_dl_.data()};
  gradients_raw_ = {sizeof(heddle_tensors), 0, gradients_dl_.size(), gradients_dl_.data()};
  zero_gradients();
  open(false);
}

void ParameterSet::zero_gradients() {
  for (auto& gradient : gradients_) gradient.zero();
}

void ParameterSet::descend(float rate) {
  open(true);
  for (size_t i = 0; i < count(); ++i) {
    if (is_buffer(i)) continue;
    for (int64_t k = 0; k < size(i); ++k) value(i)[k] -= rate * gradient(i)[k];
    if (declared_[i].constraint == HEDDLE_CONSTRAINT_UNIT_ROWS) {
      normalise_rows(value(i), declared_[i].shape[0], declared_[i].shape[1], 1);
    }
  }
  open(false);
}

void ParameterSet::open(bool writable) {
  for (size_t i = 0; i < count(); ++i) {
    if (!is_buffer(i)) values_[i].protect(!writable);
  }
}

void ParameterSet::check() const {
  for (size_t i = 0; i < count(); ++i) {
    values_[i].check(declared_[i].name);
    if (is_buffer(i)) continue;
    gradients_[i].check(fmt::format("the gradient of '{}'", declared_[i].name).c_str());
    for (int64_t k = 0; k < size(i); ++k) {
      if (!std::isfinite(gradient(i)[k]))
        fail_check("the gradient of '{}' holds {} at {}", declared_[i].name, gradient(i)[k], k);
    }
  }
}

void ParameterSet::save(const std::filesystem::path& file) const {
  SafeTensorsWriter writer;
  for (size_t i = 0; i < count(); ++i) writer.add(declared_[i].name, values_dl_[i]);
  writer.write(file);
}

void ParameterSet::load(const std::filesystem::path& file) {
  const SafeTensors stored(file);
  open(true);
  for (size_t i = 0; i < count(); ++i) stored.read(declared_[i].name, values_dl_[i]);
  open(false);
}

std::vector<std::vector<float>> ParameterSet::copy() const {
  std::vector<std::vector<float>> out;
  for (const auto& value : values_) out.push_back(value.copy<float>());
  return out;
}

}  // namespace heddle::conformance
