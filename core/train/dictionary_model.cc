#include "core/train/dictionary_model.h"

#include "core/base/error.h"
#include "core/plugin/host.h"
#include "core/train/checkpoint.h"

namespace heddle {

Codes::Codes(Context& context) : context_(context), codes_(context.create_codes()) {}
Codes::~Codes() { context_.ops().codes_destroy(context_.handle(), codes_); }

DictionaryModel::DictionaryModel(Device& device, const Component& component, const Values& values, int64_t inputs)
    : device_(device),
      component_(component),
      table_(component.table<heddle_dictionary_vtable>()),
      resolved_(values.resolved()),
      inputs_(inputs) {
  const CallGuard guard(component_);
  const heddle_dictionary_plan plan{sizeof plan, 0, inputs};
  ErrorBuffer error;
  heddle_dictionary* self = nullptr;
  check(table_.create(&host(), values.raw(), &plan, &self, error), error, id());
  if (self == nullptr) fail(HEDDLE_INTERNAL, "{}: create() succeeded without an instance", id());
  self_ = {self, table_.destroy};
  heddle_dictionary_info info{sizeof info, 0, 0};
  check(table_.info(self_.get(), &info, error), error, id());
  if (info.features < 1)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() gives {} features; at least 1 is needed", id(), info.features);
  features_ = info.features;
  heddle_parameters declared{sizeof declared, 0, 0, nullptr};
  check(table_.parameters(self_.get(), &declared, error), error, id());
  parameters_ = std::make_unique<ParameterSet>(device, declared, id());
}

void DictionaryModel::initialise(Context& context, uint64_t seed, const float* sample, int64_t rows) {
  parameters_->initialise(context, seed, sample, rows, inputs_);
}

void DictionaryModel::save(const std::filesystem::path& path, const nlohmann::json& extra) const {
  nlohmann::json metadata = extra.is_object() ? extra : nlohmann::json::object();
  metadata["heddle"] = nlohmann::json{{"kind", "dictionary"}, {"plugin", id()},    {"version", component_.version},
                                      {"params", resolved_},  {"inputs", inputs_}, {"features", features_}};
  save_parameters(*parameters_, metadata, path);
}

nlohmann::json DictionaryModel::load(const std::filesystem::path& path) {
  return load_parameters(*parameters_, path, id());
}

void DictionaryModel::encode(Context& context, int32_t precision, const DLTensor* x, heddle_codes* codes) {
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) { encode(call, x, codes); });
}

void DictionaryModel::decode(Context& context, int32_t precision, const heddle_codes* codes, DLTensor* y) {
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) { decode(call, codes, y); });
}

void DictionaryModel::encode(const heddle_call& call, const DLTensor* x, heddle_codes* codes) {
  const CallGuard guard(component_);
  ErrorBuffer error;
  check(table_.encode(self_.get(), &call, parameters_->raw(), x, codes, error), error, id());
}

void DictionaryModel::decode(const heddle_call& call, const heddle_codes* codes, DLTensor* y) {
  const CallGuard guard(component_);
  ErrorBuffer error;
  check(table_.decode(self_.get(), &call, parameters_->raw(), codes, y, error), error, id());
}

void DictionaryModel::train(Context& context, heddle_rng_key rng, int32_t precision, const heddle_dictionary_step& step,
                            heddle_codes* codes, TensorList& gradients, LossCollector& losses) {
  const CallGuard guard(component_);
  context.call(rng, precision, [&](const heddle_call& call) {
    ErrorBuffer error;
    check(table_.train(self_.get(), &call, parameters_->raw(), gradients.raw(), &step, codes, losses.raw(), error),
          error, id());
  });
}

}  // namespace heddle
