#include "core/train/parameters.h"

#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/plugin/normalise.h"
#include "core/train/data_init.h"

namespace heddle {
namespace {

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t dim : shape) n *= dim;
  return n;
}

ParameterInfo checked(const heddle_parameter& declared, size_t index, const std::vector<ParameterInfo>& before,
                      const std::string& who) {
  ParameterInfo info;
  if (declared.name == nullptr || declared.name[0] == 0)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter {} has no name", who, index);
  info.name = declared.name;
  if (declared.ndim < 1 || declared.ndim > 4) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' has {} dimensions; 1 to 4 are possible", who, info.name,
         declared.ndim);
  }
  info.shape.assign(declared.shape, declared.shape + declared.ndim);
  for (const int64_t dim : info.shape) {
    if (dim < 1 || dim > (int64_t{1} << 40) || count_of(info.shape) > (int64_t{1} << 40)) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' has the impossible shape {}", who, info.name,
           shape_text(info.shape));
    }
  }
  info.init = declared.init;
  info.constraint = declared.constraint;
  info.role = declared.role;
  info.init_scale = declared.init_scale;
  info.init_source = declared.init_source;
  info.buffer = (declared.flags & HEDDLE_PARAMETER_BUFFER) != 0;
  if (info.init < HEDDLE_INIT_ZEROS || info.init > HEDDLE_INIT_DATA_MEAN) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' asks for initialisation {}, which this heddle does not know", who,
         info.name, info.init);
  }
  if (!std::isfinite(info.init_scale))
    fail(HEDDLE_INVALID_ARGUMENT, "{}: init_scale of parameter '{}' is not finite", who, info.name);
  if (info.init == HEDDLE_INIT_COPY) {
    const bool earlier = info.init_source >= 0 && info.init_source < static_cast<int64_t>(index);
    if (!earlier || before[static_cast<size_t>(info.init_source)].shape != info.shape) {
      fail(HEDDLE_INVALID_ARGUMENT,
           "{}: parameter '{}' is to copy parameter {}, which is not an earlier one of the same shape", who, info.name,
           info.init_source);
    }
  }
  const bool rows = info.shape.size() == 2;
  if ((info.init == HEDDLE_INIT_UNIT_ROWS || info.constraint == HEDDLE_CONSTRAINT_UNIT_ROWS) && !rows) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' is to have unit rows, but its shape is {}", who, info.name,
         shape_text(info.shape));
  }
  if (info.constraint != HEDDLE_CONSTRAINT_NONE && info.constraint != HEDDLE_CONSTRAINT_UNIT_ROWS) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' asks for constraint {}, which this heddle does not know", who,
         info.name, info.constraint);
  }
  return info;
}

}  // namespace

int64_t ParameterInfo::size() const { return count_of(shape); }

TensorList::TensorList(Device& device, const std::vector<ParameterInfo>& infos, bool without_buffers) {
  tensors_.reserve(infos.size());
  for (const ParameterInfo& info : infos) {
    const bool present = !(without_buffers && info.buffer);
    present_.push_back(present);
    tensors_.push_back(present ? Tensor(device, DType::f32, info.shape) : Tensor());
    if (present) tensors_.back().zero();
    absent_.push_back(TensorView(nullptr, DType::f32, info.shape, device.dl_device()));
  }
}

const heddle_tensors* TensorList::raw() {
  views_.clear();
  for (size_t i = 0; i < tensors_.size(); ++i) views_.push_back(present_[i] ? *tensors_[i].dl() : *absent_[i].dl());
  raw_ = {sizeof(heddle_tensors), 0, views_.size(), views_.data()};
  return &raw_;
}

void TensorList::zero(Context& context) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!present_[i]) continue;
    ErrorBuffer error;
    check(context.ops().fill(context.handle(), 0, tensors_[i].dl(), error), error, "fill");
  }
}

ParameterSet::ParameterSet(Device& device, const heddle_parameters& declared, std::string who) : who_(std::move(who)) {
  const auto items =
      normalise_array(declared.items, declared.count, who_ + ": parameters",
                      offsetof(heddle_parameter, shape) + sizeof(heddle_parameter::shape), HEDDLE_PARAMETER_BUFFER);
  std::set<std::string> names;
  for (size_t i = 0; i < items.size(); ++i) {
    infos_.push_back(checked(items[i], i, infos_, who_));
    if (!names.insert(infos_.back().name).second) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: two parameters have the name '{}'", who_, infos_.back().name);
    }
  }
  values_ = TensorList(device, infos_, false);
}

std::optional<size_t> ParameterSet::with_role(int32_t role) const {
  for (size_t i = 0; i < infos_.size(); ++i) {
    if (infos_[i].role == role) return i;
  }
  return std::nullopt;
}

int64_t ParameterSet::total_size() const {
  int64_t total = 0;
  for (const ParameterInfo& info : infos_) total += info.buffer ? 0 : info.size();
  return total;
}

void ParameterSet::initialise_from_data(size_t index, const float* sample, int64_t rows, int64_t width) {
  const ParameterInfo& info = infos_[index];
  if (sample == nullptr || rows < 1) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: '{}' is to be initialised from inputs; only a dictionary has inputs", who_,
         info.name);
  }
  if (info.shape != std::vector<int64_t>{width}) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: '{}' is to be initialised from inputs of width {}, but its shape is {}", who_,
         info.name, width, shape_text(info.shape));
  }
  values_[index].from_host(
      (info.init == HEDDLE_INIT_DATA_MEAN ? data_mean(sample, rows, width) : geometric_median(sample, rows, width))
          .data());
}

void ParameterSet::initialise(Context& context, uint64_t seed, const float* sample, int64_t rows, int64_t width) {
  const heddle_ops& ops = context.ops();
  void* dc = context.handle();
  for (size_t i = 0; i < infos_.size(); ++i) {
    const ParameterInfo& info = infos_[i];
    DLTensor* tensor = values_[i].dl();
    const heddle_rng_key key = rng_key(seed, RngPurpose::init, i);
    ErrorBuffer error;
    int32_t status = HEDDLE_OK;
    switch (info.init) {
      case HEDDLE_INIT_CONSTANT: status = ops.fill(dc, info.init_scale, tensor, error); break;
      case HEDDLE_INIT_NORMAL: status = ops.random_normal(dc, key, info.init_scale, tensor, error); break;
      case HEDDLE_INIT_UNIFORM:
        status = ops.random_uniform(dc, key, -info.init_scale, info.init_scale, tensor, error);
        break;
      case HEDDLE_INIT_UNIT_ROWS:
        status = ops.random_normal(dc, key, 1.0, tensor, error);
        if (status == HEDDLE_OK) status = ops.normalize_rows(dc, tensor, error);
        // axpby with x = y scales in place; a scale of 1 must leave the bits of normalize_rows alone.
        if (status == HEDDLE_OK && info.init_scale != 1.0)
          status = ops.axpby(dc, 0.0f, tensor, static_cast<float>(info.init_scale), tensor, error);
        break;
      case HEDDLE_INIT_COPY:
        status = ops.axpby(dc, static_cast<float>(info.init_scale), values_[static_cast<size_t>(info.init_source)].dl(),
                           0.0f, tensor, error);
        break;
      case HEDDLE_INIT_GEOMETRIC_MEDIAN:
      case HEDDLE_INIT_DATA_MEAN: initialise_from_data(i, sample, rows, width); break;
      default: status = ops.fill(dc, 0, tensor, error); break;
    }
    check(status, error, who_ + ": initialising '" + info.name + "'");
  }
}

}  // namespace heddle
