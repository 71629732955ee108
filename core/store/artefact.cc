#include "core/store/artefact.h"

#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/store/hash.h"
#include "core/store/json_file.h"

#ifndef HEDDLE_VERSION
#define HEDDLE_VERSION "0"
#endif

namespace heddle {

namespace fs = std::filesystem;

namespace {

constexpr int64_t format_version = 1;
constexpr const char* manifest_name = "manifest.json";
constexpr const char* partial_mark = ".partial-";

std::string short_name(const std::string& stage, const std::string& key) {
  const bool sound =
      !stage.empty() &&
      std::all_of(stage.begin(), stage.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }) &&
      key.size() == 64 && key.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!sound) fail(HEDDLE_INTERNAL, "artefact '{}' with key '{}': not a stage and a SHA-256", stage, key);
  return stage + "-" + key.substr(0, 16);
}

void remove_folder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) fail(HEDDLE_FAILED_PRECONDITION, "{}: cannot be removed: {}", folder.string(), error.message());
}

[[noreturn]] void damaged(const fs::path& folder, const std::string& reason) {
  fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove this folder and the stage runs again", folder.string(), reason);
}

}  // namespace

fs::path Artefact::file(const std::string& name) const {
  if (!contains(name)) fail(HEDDLE_NOT_FOUND, "{}: holds no file '{}'", folder_.string(), name);
  return folder_ / name;
}

std::string Artefact::name() const { return short_name(record_.stage, record_.key); }

ArtefactWriter::ArtefactWriter(fs::path target, ArtefactRecord record)
    : target_(std::move(target)), record_(std::move(record)), dir_(std::make_unique<AtomicDir>(target_)) {}

Artefact ArtefactWriter::commit() {
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir_->path())) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    if (!fs::is_regular_file(fs::symlink_status(path)))
      fail(HEDDLE_INTERNAL, "{}: an artefact holds plain files only", path.string());
    files[path.filename().string()] = {{"bytes", fs::file_size(path)}, {"sha256", sha256_file(path)}};
  }
  nlohmann::ordered_json manifest;
  manifest["format"] = format_version;
  manifest["stage"] = record_.stage;
  manifest["key"] = record_.key;
  manifest["created_by"] = "heddle " HEDDLE_VERSION;
  manifest["params"] = record_.params;
  manifest["inputs"] = record_.inputs;
  manifest["files"] = files;
  write_json(dir_->path() / manifest_name, manifest);
  // The same key was made by somebody else meanwhile: it is the same content, theirs stays.
  dir_->commit(AtomicDir::Existing::keep);
  const ArtefactStore store(target_.parent_path().parent_path());
  return *store.open(record_.stage, record_.key, ArtefactStore::Verify::sizes);
}

ArtefactStore::ArtefactStore(const fs::path& output) : root_(output / "store") {}

fs::path ArtefactStore::folder(const std::string& stage, const std::string& key) const {
  return root_ / short_name(stage, key);
}

bool ArtefactStore::has(const std::string& stage, const std::string& key) const {
  return fs::exists(folder(stage, key) / manifest_name);
}

std::optional<Artefact> ArtefactStore::open(const std::string& stage, const std::string& key, Verify verify) const {
  Artefact artefact;
  artefact.folder_ = folder(stage, key);
  if (!fs::exists(artefact.folder_)) return std::nullopt;
  nlohmann::json manifest;
  try {
    manifest = read_json(artefact.folder_ / manifest_name);
    manifest.at("format");
    artefact.record_ = {manifest.at("stage"), manifest.at("key"),
                        nlohmann::ordered_json::parse(manifest.at("params").dump()), manifest.at("inputs")};
    artefact.created_by_ = manifest.at("created_by");
    for (const auto& [name, file] : manifest.at("files").items())
      artefact.files_[name] = {file.at("bytes"), file.at("sha256")};
  } catch (const nlohmann::json::exception& error) {
    damaged(artefact.folder_, fmt::format("its manifest is not one: {}", error.what()));
  } catch (const Error& error) {
    damaged(artefact.folder_, error.what());
  }
  if (manifest.at("format") != format_version)
    damaged(artefact.folder_,
            fmt::format("its format is {}, this program reads {}", manifest.at("format").dump(), format_version));
  if (artefact.record_.stage != stage || artefact.record_.key != key)
    damaged(artefact.folder_, fmt::format("its manifest is of {} {}, not of {} {}", artefact.record_.stage,
                                          artefact.record_.key, stage, key));

  for (const auto& [name, expected] : artefact.files_) {
    const fs::path path = artefact.folder_ / name;
    std::error_code error;
    const uint64_t bytes = name.find('/') == std::string::npos ? fs::file_size(path, error) : 0;
    if (error) damaged(artefact.folder_, fmt::format("'{}' cannot be read: {}", name, error.message()));
    if (bytes != expected.first)
      damaged(artefact.folder_, fmt::format("'{}' has {} bytes instead of {}", name, bytes, expected.first));
    if (verify == Verify::contents && sha256_file(path) != expected.second)
      damaged(artefact.folder_, fmt::format("the content of '{}' has changed", name));
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(artefact.folder_)) {
    const std::string name = entry.path().filename().string();
    if (name != manifest_name && !artefact.contains(name))
      damaged(artefact.folder_, fmt::format("'{}' does not belong to it", name));
  }
  return artefact;
}

ArtefactWriter ArtefactStore::create(ArtefactRecord record) const {
  make_folder(root_);
  fs::path target = folder(record.stage, record.key);
  return {std::move(target), std::move(record)};
}

fs::path ArtefactStore::partial(const std::string& stage, const std::string& key) const {
  fs::path path = root_ / (partial_mark + short_name(stage, key));
  make_folder(path);
  return path;
}

void ArtefactStore::drop_partial(const std::string& stage, const std::string& key) const {
  remove_folder(root_ / (partial_mark + short_name(stage, key)));
}

int64_t ArtefactStore::remove_leftovers() const {
  int64_t removed = heddle::remove_leftovers(root_);
  std::vector<fs::path> partials;  // first the list, then the removals: a listing must not see its folder change
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error))
    if (entry.path().filename().string().rfind(partial_mark, 0) == 0) partials.push_back(entry.path());
  for (const fs::path& partial : partials) {
    // Killed after the artefact was committed and before its checkpoint was dropped: nobody needs it any more.
    if (fs::exists(root_ / partial.filename().string().substr(std::string_view(partial_mark).size()) / manifest_name)) {
      remove_folder(partial);
      ++removed;
    } else {
      removed += heddle::remove_leftovers(partial);
    }
  }
  return removed;
}

}  // namespace heddle
