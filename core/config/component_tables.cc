#include "core/config/component_tables.h"

#include "core/config/option_table.h"

namespace heddle {
namespace {

constexpr uint32_t required = HEDDLE_PARAM_REQUIRED;
constexpr const char* plugin_doc =
    "Id of the component; the part after the dot will do when only one has it. The other keys are its parameters.";

}  // namespace

const OptionTable& interactions_table() {
  static const std::vector<heddle_param> params = {option::text("plugin", nullptr, plugin_doc, required)};
  static const OptionTable table = option_table(
      "[interactions]",
      "Where the interaction log comes from. Relative paths, here and in all parameters that are paths, "
      "lead first below "
      "the folder HEDDLE_DATA (default: `data` in the current folder), then beside the file in which they stand.",
      params);
  return table;
}

const OptionTable& attributes_table() {
  static const std::vector<heddle_param> params = {option::text("plugin", nullptr, plugin_doc, required)};
  static const OptionTable table = option_table(
      "[attributes.NAME]",
      "A source of item attributes; any number. Its attributes are called `NAME:attribute`, like `genre:Horror`.",
      params);
  return table;
}

const OptionTable& backbone_table() {
  static const std::vector<heddle_param> params = {option::text("plugin", nullptr, plugin_doc, required)};
  static const OptionTable table =
      option_table("[backbone]", "The recommender whose activations are explained.", params);
  return table;
}

const OptionTable& dictionary_table() {
  static const std::vector<heddle_param> params = {
      option::text("plugin", nullptr, plugin_doc, required),
      option::text("site", nullptr, "Place of the backbone whose activations it explains, like `block.0.out`.",
                   required)};
  static const OptionTable table =
      option_table("[dictionary.NAME]", "A sparse dictionary; any number, each with a name of its own.", params);
  return table;
}

const OptionTable& sweep_table() {
  static const std::vector<heddle_param> params;
  static const OptionTable table =
      option_table("[sweep]",
                   "A grid: each key is a dotted key of this file in quotes, its value a list, and every combination "
                   "is a run, the last "
                   "key changing fastest: `\"dictionary.l1.l1\" = [0.01, 0.1]`, `\"experiment.seed\" = [1, 2, 3]`. "
                   "What runs have in "
                   "common is computed once. `--set` of a swept key fixes it and takes it out of the grid. Several "
                   "grids are written "
                   "as `[[sweep]]`, once each: the runs are those of all of them, equal ones once; a table without "
                   "keys is the file as it stands.",
                   params);
  return table;
}

}  // namespace heddle
