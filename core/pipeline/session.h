// A session: one process working on one output folder. It opens what stages have made and keeps it while it is used.
//
// Objects are shared by content address, so that the points of a sweep that agree on a backbone also share it in memory.
// Everything that the getters return must have been made before (stages.h) or is read from its artefact.
// Ownership: a session owns device and caches; getters give shared pointers that may outlive the next getter call but not the
// session. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/compute/context.h"
#include "core/config/experiment.h"
#include "core/config/stage_keys.h"
#include "core/pipeline/data_files.h"
#include "core/pipeline/models.h"
#include "core/store/artefact.h"
#include "core/store/results_db.h"
#include "core/train/activations.h"
#include "core/train/evaluation.h"
#include "core/train/normalizer.h"

namespace heddle {

// One point of a sweep with the addresses of its stages.
struct Job {
  const Experiment& experiment;
  StageKeys keys;
};

enum class Users { dictionary, test };  // whose activations

class Session {
 public:
  Session(const Registry& registry, const std::filesystem::path& output, const ComputeOptions& compute);

  const Registry& registry() const { return registry_; }
  const std::filesystem::path& output() const { return output_; }
  Device& device() { return *device_; }
  Context& context() { return *context_; }
  ArtefactStore& store() { return store_; }

  // Fingerprints of the sources are asked for once per session.
  Job job(const Experiment& experiment);

  std::shared_ptr<const LogData> log(const Job& job);
  std::shared_ptr<const ItemData> items(const Job& job);
  std::shared_ptr<Backbone> backbone(const Job& job);
  // From the store, or computed once and kept in memory with store = "stream".
  std::shared_ptr<const Activations> activations(const Job& job, const std::string& site, Users users);
  std::shared_ptr<const Normalizer> normalizer(const Job& job, const std::string& site);
  std::shared_ptr<DictionaryModel> dictionary(const Job& job, const std::string& name);

  // The artefact of a stage, which must be there.
  Artefact artefact(const StageKey& key) const;
  bool has(const StageKey& key) const { return store_.has(key.stage, key.key); }

 private:
  template <class T, class Make>
  std::shared_ptr<T> cached(std::map<std::string, std::shared_ptr<T>>& cache, const std::string& key, Make&& make);

  const Registry& registry_;
  std::filesystem::path output_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Context> context_;
  ArtefactStore store_;
  std::map<std::string, std::string> fingerprints_;
  // At most a few large objects are kept: the last used of each kind, by key.
  std::map<std::string, std::shared_ptr<const LogData>> logs_;
  std::map<std::string, std::shared_ptr<const ItemData>> items_;
  std::map<std::string, std::shared_ptr<Backbone>> backbones_;
  std::map<std::string, std::shared_ptr<const Activations>> activations_;
  std::map<std::string, std::shared_ptr<const Normalizer>> normalizers_;
  std::map<std::string, std::shared_ptr<DictionaryModel>> dictionaries_;
};

// The device that [compute] asks for: the built-in CPU or a device plugin's.
std::unique_ptr<Device> open_device(const Registry& registry, const ComputeOptions& options);

}  // namespace heddle
