// Immutable results of stages on disk: OUTPUT/store/STAGE-KEY16/ with a manifest.json beside the files of the stage.
//
// The folder is addressed by the stage's key, the hash of all that it depends on (core/config/stage_keys.h): when it
// is there, it is right and the stage need not run again. It appears whole or not at all, and is never changed afterwards.
// manifest.json: {"format", "stage", "key", "created_by", "params", "inputs": {NAME: key},
//                 "files": {NAME: {"bytes", "sha256"}}}
// Threads: one writer per output folder (OutputLock); readers: any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/store/atomic_file.h"

namespace heddle {

// What the manifest says of how the artefact came to be.
struct ArtefactRecord {
  std::string stage;                          // "backbone", "dictionary", …: [a-z_]+
  std::string key;                            // 64 hex digits
  nlohmann::ordered_json params;              // resolved, for the reader
  std::map<std::string, std::string> inputs;  // name -> key of the artefact or fingerprint it was made from
};

class Artefact {
 public:
  const std::filesystem::path& folder() const { return folder_; }
  const ArtefactRecord& record() const { return record_; }
  const std::string& created_by() const { return created_by_; }
  bool contains(const std::string& file) const { return files_.count(file) != 0; }
  // Path of a file of the manifest; NOT_FOUND otherwise.
  std::filesystem::path file(const std::string& name) const;
  // "STAGE-KEY16", for messages and tables.
  std::string name() const;

 private:
  friend class ArtefactStore;
  std::filesystem::path folder_;
  ArtefactRecord record_;
  std::string created_by_;
  std::map<std::string, std::pair<uint64_t, std::string>> files_;  // name -> bytes, sha256
};

// Writes one artefact: files go into folder(), then commit().
class ArtefactWriter {
 public:
  std::filesystem::path file(const std::string& name) const { return dir_->path() / name; }
  const std::filesystem::path& folder() const { return dir_->path(); }
  // Hashes the files, writes the manifest, makes the folder appear. Sub-folders are not allowed.
  Artefact commit();

 private:
  friend class ArtefactStore;
  ArtefactWriter(std::filesystem::path target, ArtefactRecord record);
  std::filesystem::path target_;
  ArtefactRecord record_;
  std::unique_ptr<AtomicDir> dir_;
};

class ArtefactStore {
 public:
  enum class Verify { sizes, contents };

  explicit ArtefactStore(const std::filesystem::path& output);  // uses OUTPUT/store
  std::filesystem::path folder(const std::string& stage, const std::string& key) const;
  bool has(const std::string& stage, const std::string& key) const;
  // Opens and verifies: manifest well formed and of this stage and key, every file there with its size and (`contents`)
  // its SHA-256, nothing else in the folder. Absent: nullopt. Damaged: DATA_LOSS naming the file and saying that
  // removing the folder makes the stage run again.
  std::optional<Artefact> open(const std::string& stage, const std::string& key,
                               Verify verify = Verify::contents) const;
  // Starts a new one; the store's folder is created.
  ArtefactWriter create(ArtefactRecord record) const;
  // Folder for things of an unfinished stage that must survive a kill (checkpoints): OUTPUT/store/.partial-STAGE-KEY16.
  // Created when missing; drop_partial removes it once the artefact is committed.
  std::filesystem::path partial(const std::string& stage, const std::string& key) const;
  void drop_partial(const std::string& stage, const std::string& key) const;
  // Removes what killed runs left: temporaries, and partial folders of artefacts that are complete. Call under the
  // OutputLock. Returns how many it removed.
  int64_t remove_leftovers() const;

 private:
  std::filesystem::path root_;
};

}  // namespace heddle
