#include "core/pipeline/session.h"

#include <algorithm>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/data/interactions.h"
#include "core/plugin/host.h"

namespace heddle {
namespace {

// A sweep over backbones must not keep all of them in memory; a handful covers every stage's needs.
constexpr size_t kept_objects = 4;

}  // namespace

std::unique_ptr<Device> open_device(const Registry& registry, const ComputeOptions& options) {
  if (options.device == "cpu" || options.device == "heddle.cpu") {
    CpuOptions cpu;
    cpu.threads = static_cast<int>(options.threads);
    cpu.isa = options.isa;
    return Device::cpu(cpu);
  }
  const Component& component = registry.find(HEDDLE_KIND_DEVICE, options.device, "[compute] device: ");
  const auto& table = component.table<heddle_device_vtable>();
  const Values values(component, {});
  if (table.probe(&host(), values.raw()) <= 0)
    fail(HEDDLE_FAILED_PRECONDITION, "device '{}' cannot be used on this machine", options.device);
  heddle_device* handle = nullptr;
  ErrorBuffer error;
  check(table.open(&host(), values.raw(), &handle, error), error, options.device);
  return std::make_unique<Device>(&table, handle);
}

Session::Session(const Registry& registry, const std::filesystem::path& output, const ComputeOptions& compute)
    : registry_(registry),
      output_(output),
      device_(open_device(registry, compute)),
      context_(std::make_unique<Context>(*device_)),
      store_(output) {}

Job Session::job(const Experiment& experiment) {
  StageFacts facts;
  facts.device = experiment.compute.device;  // not Device::name(): it tells the number of threads, which changes no bit
  facts.isa = device_->isa();
  auto once = [&](const ComponentUse& use, auto&& ask) {
    const std::string key = std::to_string(use.component->kind) + use.component->id + use.values.resolved().dump();
    auto [entry, fresh] = fingerprints_.try_emplace(key);
    if (fresh) entry->second = ask();
    return entry->second;
  };
  const ComponentUse& source = experiment.interactions;
  facts.interactions = once(source, [&] {
    return InteractionsSource(source.component->table<heddle_interactions_vtable>(), source.component->id, host(),
                              source.values.raw())
        .fingerprint();
  });
  for (const auto& [prefix, use] : experiment.attributes)
    facts.attributes[prefix] = once(use, [&, name = prefix] {
      return attribute_fingerprint(
          {name, use.component->id, &use.component->table<heddle_attributes_vtable>(), use.values.raw()}, host());
    });
  return {experiment, StageKeys(experiment, std::move(facts))};
}

Artefact Session::artefact(const StageKey& key) const {
  // Contents were hashed when they were written; hashing gigabytes again on each run would make "nothing to do" slow.
  auto found = store_.open(key.stage, key.key, ArtefactStore::Verify::sizes);
  if (!found) fail(HEDDLE_INTERNAL, "stage {} {} is asked for before it was run", key.stage, key.part);
  return *found;
}

template <class T, class Make>
std::shared_ptr<T> Session::cached(std::map<std::string, std::shared_ptr<T>>& cache, const std::string& key,
                                   Make&& make) {
  if (auto found = cache.find(key); found != cache.end()) return found->second;
  if (cache.size() >= kept_objects)  // drop those that nobody holds
    std::erase_if(cache, [](const auto& entry) { return entry.second.use_count() == 1; });
  return cache[key] = make();
}

std::shared_ptr<const LogData> Session::log(const Job& job) {
  const StageKey key = job.keys.split();
  return cached(logs_, key.key, [&] { return load_log(artefact(key)); });
}

std::shared_ptr<const ItemData> Session::items(const Job& job) {
  if (job.experiment.attributes.empty()) {
    const StageKey key = job.keys.split();
    return cached(items_, key.key, [&] { return bare_items(*log(job)); });
  }
  const StageKey key = job.keys.attributes();
  return cached(items_, key.key, [&] { return load_items(artefact(key)); });
}

std::shared_ptr<Backbone> Session::backbone(const Job& job) {
  const StageKey key = job.keys.backbone();
  return cached(backbones_, key.key,
                [&] { return std::shared_ptr<Backbone>(open_backbone(artefact(key), registry_, *device_)); });
}

std::shared_ptr<const Activations> Session::activations(const Job& job, const std::string& site, Users users) {
  const StageKey key = job.keys.activations(site);
  const char* name = users == Users::test ? "test" : "dictionary";
  return cached(activations_, key.key + name, [&]() -> std::shared_ptr<const Activations> {
    if (job.experiment.activations.store != ActivationStoring::stream)
      return std::make_shared<Activations>(Activations::open(artefact(key).file(std::string(name) + ".safetensors")));
    const auto data = log(job);
    ActivationMemorySink sink;
    Extraction extraction;
    extraction.site = site;
    extraction.last_position_only = job.experiment.activations.positions == Positions::last;
    extraction.precision = job.experiment.compute.precision;
    extract_activations(*backbone(job), *context_, data->log,
                        users == Users::test ? data->split.test : data->split.dictionary, extraction, sink);
    return std::make_shared<Activations>(sink.take());
  });
}

std::shared_ptr<const Normalizer> Session::normalizer(const Job& job, const std::string& site) {
  const StageKey key = job.keys.activations(site);
  return cached(normalizers_, key.key, [&] {
    return std::make_shared<const Normalizer>(Normalizer::load(artefact(key).file("normalizer.safetensors")));
  });
}

std::shared_ptr<DictionaryModel> Session::dictionary(const Job& job, const std::string& name) {
  const StageKey key = job.keys.dictionary(name);
  return cached(dictionaries_, key.key,
                [&] { return std::shared_ptr<DictionaryModel>(open_dictionary(artefact(key), registry_, *device_)); });
}

}  // namespace heddle
