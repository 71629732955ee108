#include "core/pipeline/data_files.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/data/report.h"
#include "core/store/json_file.h"
#include "core/store/safetensors.h"

namespace heddle {
namespace {

using nlohmann::json;

template <class T>
DLDataType stored_type() {
  if constexpr (std::is_same_v<T, float>) return stored::f32;
  else if constexpr (std::is_same_v<T, int32_t>) return stored::i32;
  else return stored::i64;
}

// Of a std::vector or an EventColumn.
template <class Values>
void put(SafeTensorsWriter& file, const std::string& name, const Values& values) {
  file.add(name, stored_type<typename Values::value_type>(), {static_cast<int64_t>(values.size())}, values.data());
}

template <class T, class Values = std::vector<T>>
Values get(const SafeTensors& file, const std::string& name) {
  Values out(static_cast<size_t>(file.find(name).elements()));
  file.read(name, stored_type<T>(), {static_cast<int64_t>(out.size())}, out.data());
  return out;
}

constexpr const char* part_names[] = {"train", "validation", "dictionary", "test"};

Part& part(Split& split, size_t i) {
  Part* parts[] = {&split.train, &split.validation, &split.dictionary, &split.test};
  return *parts[i];
}

std::vector<int64_t> flat(const Part& part) {
  std::vector<int64_t> out;
  out.reserve(part.users.size() * 4);
  for (const UserRange& range : part.users) out.insert(out.end(), {range.user, range.begin, range.end, range.target});
  return out;
}

// The counters of a split and of its log by name, for writing and for reading.
template <class Visit>
void visit_numbers(LogData& data, Visit&& visit) {
  Split& split = data.split;
  visit("boundary", split.boundary);
  visit("training_users", split.training_users);
  visit("too_short_train", split.too_short_train);
  visit("too_short_test", split.too_short_test);
  visit("neither_side", split.neither_side);
  visit("cold_items", split.cold_items);
  visit("cold_targets", split.cold_targets);
  visit("cold_events_dropped", split.cold_events_dropped);
  LogReport& report = data.log.report;
  visit("rows", report.rows);
  visit("bad_rows", report.bad_rows);
  visit("below_minimum_value", report.below_minimum_value);
  visit("duplicates", report.duplicates);
  visit("consecutive", report.consecutive);
  visit("by_minimum_counts", report.by_minimum_counts);
  visit("users_removed", report.users_removed);
  visit("items_removed", report.items_removed);
  visit("by_position", report.by_position);
  visit("ties", report.ties);
}

}  // namespace

void save_log(const ArtefactWriter& writer, const LogData& data) {
  SafeTensorsWriter file;
  put(file, "offsets", data.log.offsets);
  put(file, "items", data.log.items);
  put(file, "times", data.log.times);
  if (!data.log.values.empty()) put(file, "values", data.log.values);
  put(file, "training_end", data.split.training_end);
  auto& split = const_cast<Split&>(data.split);
  std::vector<int64_t> parts[4];
  for (size_t i = 0; i < 4; ++i) {
    parts[i] = flat(part(split, i));
    file.add(part_names[i], stored::i64, {part(split, i).user_count(), 4}, parts[i].data());
  }
  file.write(writer.file("sequences.safetensors"));
  write_json(writer.file("ids.json"), json{{"users", data.log.user_ids}, {"items", data.log.item_ids}});
  json about = {{"kind", to_string(data.split.options.kind)},
                {"test", data.split.options.test},
                {"activation_users", data.split.options.activation_users},
                {"validation", to_string(data.split.options.validation)},
                {"has_boundary", data.split.has_boundary},
                {"has_time", data.log.report.has_time},
                {"has_value", data.log.report.has_value}};
  visit_numbers(const_cast<LogData&>(data), [&](const char* name, int64_t& value) { about[name] = value; });
  write_json(writer.file("split.json"), about);
  write_file(writer.file("report.txt"), data_report(data.log, data.split));
}

std::shared_ptr<const LogData> load_log(const Artefact& artefact) {
  auto data = std::make_shared<LogData>();
  const SafeTensors file(artefact.file("sequences.safetensors"));
  data->log.offsets = get<int64_t>(file, "offsets");
  data->log.items = get<int32_t, EventColumn<int32_t>>(file, "items");
  data->log.times = get<int64_t, EventColumn<int64_t>>(file, "times");
  if (file.contains("values")) data->log.values = get<float, EventColumn<float>>(file, "values");
  data->split.training_end = get<int64_t>(file, "training_end");
  for (size_t i = 0; i < 4; ++i) {
    const int64_t users = file.find(part_names[i]).elements() / 4;
    std::vector<int64_t> rows(static_cast<size_t>(users * 4));
    file.read(part_names[i], stored::i64, {users, 4}, rows.data());
    for (size_t u = 0; u < static_cast<size_t>(users); ++u)
      part(data->split, i)
          .users.push_back({static_cast<int32_t>(rows[4 * u]), rows[4 * u + 1], rows[4 * u + 2], rows[4 * u + 3]});
  }
  const json ids = read_json(artefact.file("ids.json"));
  const json about = read_json(artefact.file("split.json"));
  try {
    ids.at("users").get_to(data->log.user_ids);
    ids.at("items").get_to(data->log.item_ids);
    SplitOptions& options = data->split.options;
    for (SplitKind kind : {SplitKind::leave_one_out, SplitKind::global_time, SplitKind::new_users})
      if (to_string(kind) == about.at("kind")) options.kind = kind;
    for (Validation kind :
         {Validation::automatic, Validation::users, Validation::last_item, Validation::activation_users})
      if (to_string(kind) == about.at("validation")) options.validation = kind;
    about.at("test").get_to(options.test);
    about.at("activation_users").get_to(options.activation_users);
    about.at("has_boundary").get_to(data->split.has_boundary);
    about.at("has_time").get_to(data->log.report.has_time);
    about.at("has_value").get_to(data->log.report.has_value);
    visit_numbers(*data, [&](const char* name, int64_t& value) { about.at(name).get_to(value); });
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", artefact.folder().string(),
         error.what());
  }
  return data;
}

void save_items(const ArtefactWriter& writer, const ItemData& data) {
  const AttributeTable& table = data.attributes;
  json attributes = json::array(), labels = json::array(), numeric = json::object(), sources = json::array();
  for (const Attribute& attribute : table.attributes)
    attributes.push_back({{"name", attribute.name},
                          {"prefix", attribute.prefix},
                          {"type", attribute.type == HEDDLE_ATTRIBUTE_BINARY ? "binary" : "numeric"},
                          {"items", attribute.items}});
  for (int32_t item = 0; item < table.items; ++item) {
    const auto of_item = table.labels_of(item);
    labels.push_back(std::vector<int32_t>(of_item.begin(), of_item.end()));
  }
  for (size_t a = 0; a < table.numeric.size(); ++a) {
    if (table.numeric[a].empty()) continue;
    json values = json::array();
    for (float value : table.numeric[a]) values.push_back(std::isnan(value) ? json(nullptr) : json(value));
    numeric[table.attributes[a].name] = std::move(values);
  }
  for (const AttributeSourceReport& source : table.sources)
    sources.push_back({{"prefix", source.prefix},
                       {"plugin", source.plugin},
                       {"attributes", source.attributes},
                       {"labels", source.labels},
                       {"titles", source.titles},
                       {"unknown_items", source.unknown_items},
                       {"unknown_labels", source.unknown_labels},
                       {"unlabelled_items", source.unlabelled_items}});
  write_json(writer.file("items.json"), json{{"raw_ids", data.catalogue.raw_ids},
                                             {"counts", data.catalogue.counts},
                                             {"titles", data.catalogue.titles},
                                             {"attributes", attributes},
                                             {"labels", labels},
                                             {"numeric", numeric},
                                             {"sources", sources}});
}

std::shared_ptr<const ItemData> load_items(const Artefact& artefact) {
  const json file = read_json(artefact.file("items.json"));
  auto data = std::make_shared<ItemData>();
  try {
    data->catalogue =
        Catalogue(file.at("raw_ids").get<std::vector<std::string>>(), file.at("counts").get<std::vector<int64_t>>());
    data->catalogue.titles = file.at("titles").get<std::vector<std::string>>();
    AttributeTable& table = data->attributes;
    table.items = data->catalogue.size();
    for (const json& entry : file.at("attributes"))
      table.attributes.push_back({entry.at("name"), entry.at("prefix"),
                                  entry.at("type") == "binary" ? HEDDLE_ATTRIBUTE_BINARY : HEDDLE_ATTRIBUTE_NUMERIC,
                                  entry.at("items")});
    table.offsets = {0};
    for (const json& row : file.at("labels")) {
      for (const json& label : row) table.labels.push_back(label.get<int32_t>());
      table.offsets.push_back(static_cast<int64_t>(table.labels.size()));
    }
    table.numeric.resize(table.attributes.size());
    for (const auto& [name, values] : file.at("numeric").items()) {
      auto& column = table.numeric[static_cast<size_t>(table.require(name))];
      for (const json& value : values) column.push_back(value.is_null() ? std::nanf("") : value.get<float>());
    }
    for (const json& entry : file.at("sources"))
      table.sources.push_back({entry.at("prefix"), entry.at("plugin"), entry.at("attributes"), entry.at("labels"),
                               entry.at("titles"), entry.at("unknown_items"), entry.at("unknown_labels"),
                               entry.at("unlabelled_items")});
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", artefact.folder().string(),
         error.what());
  }
  return data;
}

std::shared_ptr<const ItemData> bare_items(const LogData& data) {
  auto out = std::make_shared<ItemData>();
  out->catalogue = Catalogue(data.log, data.split);
  out->catalogue.titles.resize(out->catalogue.raw_ids.size());
  out->attributes.items = out->catalogue.size();
  out->attributes.offsets.assign(out->catalogue.raw_ids.size() + 1, 0);
  return out;
}

}  // namespace heddle
