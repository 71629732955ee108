// Models out of artefacts alone: model.json says which plugin with which parameters, model.safetensors holds the tensors.
//
// What a service needs to recommend and steer: no experiment file, no data source. Errors: the registry's when the plugin is
// not there; FAILED_PRECONDITION when its version cannot read the model; DATA_LOSS for damaged files. [main]
#pragma once

#include <memory>

#include "core/plugin/registry.h"
#include "core/plugin/values.h"
#include "core/store/artefact.h"
#include "core/train/backbone.h"
#include "core/train/dictionary_model.h"

namespace heddle {

// `size`: items of a backbone's catalogue, width of a dictionary's input.
void save_model_record(const ArtefactWriter& writer, const Component& component, const Values& values, int64_t size);

std::unique_ptr<Backbone> open_backbone(const Artefact& artefact, const Registry& registry, Device& device);
std::unique_ptr<DictionaryModel> open_dictionary(const Artefact& artefact, const Registry& registry, Device& device);

// Values from what Values::resolved() gave.
Values values_from_json(const Component& component, const nlohmann::json& resolved, const std::string& where);

inline constexpr const char* model_file = "model.safetensors";

}  // namespace heddle
