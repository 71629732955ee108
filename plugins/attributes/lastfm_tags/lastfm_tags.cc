// heddle.lastfm_tags: what listeners call artists, and the artists' names, in the layout
//   artist_tags.json  {"item": [tag id, tag id, …], …}, a tag once for every listener who gave it (or tags by name)
//   tags.csv          attributeId,…,tag,…: the names of the tag ids
//   artists.csv       itemId,…,name,…: titles; may be missing
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "../../common/content_hash.h"
#include "../../common/item_table.h"
#include "../../common/label_choice.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

std::string whole_file(const std::string& path) {
  InputFile file(path);
  std::string text;
  std::vector<char> buffer(std::size_t{1} << 16);
  while (const std::size_t n = file.read(buffer.data(), buffer.size())) text.append(buffer.data(), n);
  return text;
}

struct LastFmTags : Attributes<LastFmTags> {
  static constexpr About about{
      "heddle.lastfm_tags",
      "Tags that listeners gave to artists, and the artists' names (artist_tags.json, tags.csv, "
      "artists.csv)."};
  struct Options : LabelOptions {
    std::string_view path = "";
  } options;
  static constexpr auto schema = joined(
      Schema(
          field("path", &Options::path).path().required().doc("Folder of artist_tags.json, tags.csv and artists.csv.")),
      label_schema());

  void open() {
    const std::string folder(options.path);
    if (!is_folder(folder)) raise(HEDDLE_NOT_FOUND, "there is no folder ", folder);
    assignments_ = find_in_folder(folder, {"artist_tags.json"});
    names_ = find_in_folder(folder, {"tags.csv"});
    artists_ = folder + "/artists.csv";
    if (!is_file(artists_)) artists_.clear();
  }

  void read(const Catalogue& catalogue, Labels& labels) {
    LabelChoice choice(options);
    const std::map<std::string, std::string> names = read_names(names_, "attributeId", "tag");
    nlohmann::json file;
    try {
      file = nlohmann::json::parse(whole_file(assignments_));
    } catch (const nlohmann::json::parse_error& error) {
      raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": no sound JSON: ", std::string_view(error.what()));
    }
    if (!file.is_object())
      raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": expected an object of items, each with a list of tags");
    for (const auto& [item, tags] : file.items()) {
      if (item.empty()) raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": an item without an id");
      if (!tags.is_array()) raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": item ", item, " has no list of tags");
      for (const nlohmann::json& tag : tags) choice.add(item, name_of(tag, item, names));
    }
    choice.push(catalogue, labels);
    if (!artists_.empty())
      for (const auto& [item, name] : read_names(artists_, "itemId", "name")) labels.title(item, name);
  }
  std::string fingerprint() const {
    return content_fingerprint(assignments_) + " " + content_fingerprint(names_) +
           (artists_.empty() ? "" : " " + content_fingerprint(artists_));
  }

 private:
  std::string name_of(const nlohmann::json& tag, const std::string& item,
                      const std::map<std::string, std::string>& names) const {
    if (tag.is_string()) return tag.get<std::string>();
    if (!tag.is_number_integer())
      raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": item ", item, " has the tag ", tag.dump(),
            "; expected a number of tags.csv, or a name");
    const auto name = names.find(tag.dump());
    if (name == names.end())
      raise(HEDDLE_INVALID_ARGUMENT, assignments_, ": item ", item, " has the tag ", tag.dump(), ", which ", names_,
            " does not name");
    return name->second;
  }

  std::map<std::string, std::string> read_names(const std::string& path, std::string_view id,
                                                const std::string& column) const {
    TableOptions table;
    table.path = path;
    table.item = id;
    std::map<std::string, std::string> names;
    ItemTable(table, {column})
        .read([&](const ItemTable::Row& row) { names.emplace(row.item, row.cells[0]); },
              [&](const std::string& text) { host.warning(text); });
    return names;
  }

  std::string assignments_, names_, artists_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.lastfm_tags", "1.0.0", LastFmTags)
