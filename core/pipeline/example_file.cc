#include "core/pipeline/example_file.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/pipeline/short_number.h"
#include "core/store/atomic_file.h"
#include "core/store/json_file.h"

namespace heddle {

using nlohmann::json;

namespace {

json json_of(const ExampleList& list) {
  json scores = json::array();
  for (float score : list.scores) scores.push_back(short_number(score));
  return {{"value", list.value}, {"items", list.items}, {"scores", scores}, {"new_items", list.new_items}};
}

ExampleList list_of(const json& entry) {
  ExampleList list;
  entry.at("value").get_to(list.value);
  entry.at("items").get_to(list.items);
  entry.at("scores").get_to(list.scores);
  entry.at("new_items").get_to(list.new_items);
  if (list.items.size() != list.scores.size()) throw std::runtime_error("a list whose items and scores do not agree");
  return list;
}

}  // namespace

void ExampleFile::save(const ArtefactWriter& writer) const {
  json people = json::array();
  for (const ExampleUser& user : users) {
    json lists = json::array();
    for (const ExampleList& list : user.after) lists.push_back(json_of(list));
    people.push_back({{"user", user.user},
                      {"user_id", user.user_id},
                      {"history", user.history},
                      {"history_length", user.history_length},
                      {"target", user.target},
                      {"before", json_of(user.before)},
                      {"after", lists}});
  }
  const json file = {{"format", 1},
                     {"dictionary", dictionary},
                     {"feature", feature},
                     {"target", target},
                     {"attribute", attribute},
                     {"absent", absent},
                     {"automatic", automatic},
                     {"values", values},
                     {"users", people}};
  write_file(writer.file(file_name), file.dump() + "\n");
}

ExampleFile ExampleFile::load(const Artefact& artefact) {
  const auto path = artefact.file(file_name);
  const json file = read_json(path);
  ExampleFile out;
  try {
    require_format(file, 1, path);
    file.at("dictionary").get_to(out.dictionary);
    file.at("feature").get_to(out.feature);
    file.at("target").get_to(out.target);
    file.at("attribute").get_to(out.attribute);
    file.at("absent").get_to(out.absent);
    file.at("automatic").get_to(out.automatic);
    file.at("values").get_to(out.values);
    for (const json& entry : file.at("users")) {
      ExampleUser user;
      entry.at("user").get_to(user.user);
      entry.at("user_id").get_to(user.user_id);
      entry.at("history").get_to(user.history);
      entry.at("history_length").get_to(user.history_length);
      entry.at("target").get_to(user.target);
      user.before = list_of(entry.at("before"));
      for (const json& list : entry.at("after")) user.after.push_back(list_of(list));
      out.users.push_back(std::move(user));
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", path.string(), error.what());
  }
  return out;
}

}  // namespace heddle
