#include "core/pipeline/models.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/store/json_file.h"

namespace heddle {
namespace {

using nlohmann::json;

struct ModelRecord {
  const Component& component;
  Values values;
  int64_t size;
};

ModelRecord read_record(const Artefact& artefact, const Registry& registry, int32_t kind) {
  const auto path = artefact.file("model.json");
  const json record = read_json(path);
  try {
    const std::string id = record.at("plugin"), version = record.at("version");
    const Component& component = registry.find(kind, id, path.string() + ": ");
    // The major version is the promise to read older models.
    if (component.version.substr(0, component.version.find('.')) != version.substr(0, version.find('.')))
      fail(HEDDLE_FAILED_PRECONDITION, "{}: made by {} {}, but {} is installed; accepted: the same major version",
           path.string(), id, version, component.version);
    return {component, values_from_json(component, record.at("params"), path.string()), record.at("size")};
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}", path.string(), error.what());
  }
}

}  // namespace

void save_model_record(const ArtefactWriter& writer, const Component& component, const Values& values, int64_t size) {
  write_json(
      writer.file("model.json"),
      nlohmann::ordered_json{
          {"plugin", component.id}, {"version", component.version}, {"params", values.resolved()}, {"size", size}});
}

std::unique_ptr<Backbone> open_backbone(const Artefact& artefact, const Registry& registry, Device& device) {
  const ModelRecord record = read_record(artefact, registry, HEDDLE_KIND_BACKBONE);
  auto model = std::make_unique<Backbone>(device, record.component, record.values, record.size);
  model->load(artefact.file(model_file));
  return model;
}

std::unique_ptr<DictionaryModel> open_dictionary(const Artefact& artefact, const Registry& registry, Device& device) {
  const ModelRecord record = read_record(artefact, registry, HEDDLE_KIND_DICTIONARY);
  auto model = std::make_unique<DictionaryModel>(device, record.component, record.values, record.size);
  model->load(artefact.file(model_file));
  return model;
}

Values values_from_json(const Component& component, const json& resolved, const std::string& where) {
  std::vector<GivenValue> given;
  const SourcePosition position{where, 0, 0};
  for (const auto& [name, value] : resolved.items()) {
    if (value.is_null()) continue;
    GivenValue entry{name, false, position};
    if (value.is_boolean()) entry.value = value.get<bool>();
    else if (value.is_number_integer()) entry.value = value.get<int64_t>();
    else if (value.is_number()) entry.value = value.get<double>();
    else if (value.is_string()) entry.value = value.get<std::string>();
    else if (value.is_array()) {
      const heddle_param* param = component.schema().find(name);
      if (param != nullptr && param->type == HEDDLE_PARAM_INT_LIST) entry.value = value.get<std::vector<int64_t>>();
      else if (param != nullptr && param->type == HEDDLE_PARAM_FLOAT_LIST)
        entry.value = value.get<std::vector<double>>();
      else entry.value = value.get<std::vector<std::string>>();
    } else {
      fail(HEDDLE_DATA_LOSS, "{}: parameter '{}' is neither a value nor a list", where, name);
    }
    given.push_back(std::move(entry));
  }
  return Values(component, std::move(given), {position, {}});
}

}  // namespace heddle
