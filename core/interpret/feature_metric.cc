#include "core/base/error.h"
#include "core/compute/tensor.h"
#include "core/interpret/scores.h"
#include "core/plugin/host.h"

namespace heddle {

FeatureMetric::FeatureMetric(std::string name, const Component& component, const Values& values)
    : name_(std::move(name)), component_(component), table_(component.table<heddle_metric_vtable>()) {
  pairwise_ = component.provides("score");
  const bool streaming = component.provides("begin") && component.provides("update") && component.provides("finish");
  if (!pairwise_ && !streaming) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: a metric gives score, or begin, update and finish; this one gives neither",
         component.id);
  }
  const CallGuard guard(component_);
  ErrorBuffer error;
  check(table_.create(&host(), values.raw(), &self_, error), error, component.id);
  if (self_ == nullptr) fail(HEDDLE_INTERNAL, "{}: create() succeeded without an instance", component.id);
  info_.struct_size = sizeof info_;
  const int32_t status = table_.info(self_, &info_, error);
  if (status == HEDDLE_OK) return;
  table_.destroy(self_);
  check(status, error, component.id);
}

FeatureMetric::~FeatureMetric() {
  const CallGuard guard(component_);
  table_.destroy(self_);
}

void FeatureMetric::score(int64_t count, const heddle_pair* pairs, double* scores) const {
  const CallGuard guard(component_);
  ErrorBuffer error;
  check(table_.score(self_, count, pairs, scores, error), error, component_.id);
}

void FeatureMetric::begin(int64_t features, int64_t attributes) const {
  const CallGuard guard(component_);
  ErrorBuffer error;
  const heddle_metric_shape shape{sizeof shape, 0, features, attributes};
  check(table_.begin(self_, &shape, error), error, component_.id);
}

void FeatureMetric::update(const heddle_codes& codes, const DLTensor* labels) const {
  const CallGuard guard(component_);
  ErrorBuffer error;
  const heddle_metric_block block{sizeof block, 0, &codes, labels};
  check(table_.update(self_, &block, error), error, component_.id);
}

void FeatureMetric::finish(int64_t features, int64_t attributes, double* scores) const {
  const CallGuard guard(component_);
  ErrorBuffer error;
  TensorView out = view(scores, features, attributes);
  check(table_.finish(self_, out, error), error, component_.id);
}

}  // namespace heddle
