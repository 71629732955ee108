// Dictionaries trained side by side on one stream of activations by core/train's own trainer, with everything that a run
// of `heddle` does in a step: rows gathered and normalised, losses, clipping off, Adam, counts of silent features.
// heddle.l1, d = 64, m = 2,048, batch 4,096; trained state, about 110 active: a checkpoint with such biases is resumed and
// the learning rate is too small to leave it. dictionaries/16: 8 weights of the penalty x 2 seeds; items are rows times
// dictionaries.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "core/compute/rng.h"
#include "core/plugin/registry.h"
#include "core/train/checkpoint.h"
#include "core/train/dictionary_trainer.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kInputs = 64, kFeatures = 2048, kBatch = 4096, kRows = 40 * kBatch;

Activations random_activations() {
  std::vector<float> data(static_cast<size_t>(kRows * kInputs));
  PhiloxStream random(rng_key(1, RngPurpose::test));
  for (float& value : data) value = static_cast<float>(random.normal());
  std::vector<int32_t> zeros(static_cast<size_t>(kRows));
  return Activations::in_memory(kInputs, std::move(data), zeros, zeros, zeros);
}

struct World {
  World(int64_t dictionaries, int32_t precision, int threads)
      : device(Device::cpu({threads, "auto"})),
        context(*device),
        activations(random_activations()),
        normalizer(Normalizer::fit(Normalization::per_dimension, activations)),
        run{activations, normalizer, 1, precision} {
    std::filesystem::create_directories(folder());
    const Component& l1 = registry.find(HEDDLE_KIND_DICTIONARY, "heddle.l1");
    DictionaryTraining options;
    options.batch = kBatch;
    options.learning_rate = 1e-9;
    options.warmup_steps = 0;
    options.checkpoint_seconds = 3600;
    for (int64_t i = 0; i < dictionaries; ++i) {
      const double weight = 0.05 * static_cast<double>(1 + i % 8);
      const Values values(l1, {{"width", kFeatures, {}}, {"l1", weight, {}}});
      models.push_back(std::make_unique<DictionaryModel>(*device, l1, values, kInputs));
      const std::string name = "l1-" + std::to_string(i);
      jobs.push_back({name, models.back().get(), static_cast<uint64_t>(1 + i / 8), options, folder() / name,
                      nlohmann::json::object()});
    }
    steps(1);
    // W is uniform in +-1/8, so a pre-activation is about N(c, 1/3).
    const std::vector<float> bias(kFeatures, -0.93f);
    for (auto& model : models) {
      ParameterSet& parameters = model->parameters();
      parameters.tensor(*parameters.with_role(HEDDLE_ROLE_ENCODER_BIAS)).from_host(bias.data());
    }
    write_checkpoint();
  }
  ~World() { std::filesystem::remove_all(folder()); }

  // Goes on from the checkpoint, which is one step old, for `count` steps more (or begins, where there is none).
  std::vector<DictionaryTrainingResult> steps(int64_t count) {
    for (DictionaryJob& job : jobs) job.options.steps = count + (std::filesystem::exists(job.checkpoint) ? 1 : 0);
    return train_dictionaries(jobs, context, run);
  }
  // What the trainer would have written after one step, with the weights as they are now and moments of zero.
  void write_checkpoint() {
    const nlohmann::json losses{{"sums", nlohmann::json::array()},
                                {"last", nlohmann::json::array()},
                                {"active", 0.0},
                                {"last_active", 0.0},
                                {"count", 0}};
    for (DictionaryJob& job : jobs) {
      ParameterSet& parameters = job.model->parameters();
      const TensorList moments(*device, parameters.infos(), true);
      CheckpointWriter writer;
      writer.add("parameter/", parameters.infos(), parameters.values());
      writer.add("moment1/", parameters.infos(), moments);
      writer.add("moment2/", parameters.infos(), moments);
      writer.add("silent", std::vector<int64_t>(kFeatures, 0));
      writer.write(job.checkpoint, {{"step", 1}, {"identity", job.identity}, {"losses", losses}, {"revived", 0}});
    }
  }
  static std::filesystem::path folder() {
    return std::filesystem::temp_directory_path() / ("heddle-dictionaries-bench-" + std::to_string(getpid()));
  }

  Registry registry;
  std::unique_ptr<Device> device;
  Context context;
  Activations activations;
  Normalizer normalizer;
  DictionaryRun run;
  std::vector<std::unique_ptr<DictionaryModel>> models;
  std::vector<DictionaryJob> jobs;
};

void dictionaries(benchmark::State& state, int64_t count, int32_t precision) {
  const int threads = static_cast<int>(state.range(0));
  World world(count, precision, threads);
  // The one iteration resumes, trains and writes a checkpoint, as a run does at its ends: so many steps that this is a
  // small part.
  const int64_t steps = 960 / count;
  double active = 0;
  for (auto _ : state) {
    for (const DictionaryTrainingResult& result : world.steps(steps)) active += result.l0;
  }
  active /= static_cast<double>(count);
  const double all = static_cast<double>(steps * count);
  state.SetItemsProcessed(state.iterations() * steps * count * kBatch);
  state.counters["l0"] = active;
  const double rows = static_cast<double>(kBatch), stored = rows * active, d = kInputs, m = kFeatures;
  Work work;
  work.flops = all * 8 * stored * d;
  (precision == HEDDLE_PRECISION_BF16 ? work.bf16_flops : work.flops) += all * 2 * rows * d * m;
  work.bytes = all * (stored * (5 * 8 + 3 * 4) + 2 * m * d * 4 * 9 + rows * d * 4 * 8);
  work.footprint = stored * 12 + static_cast<double>(count) * 2 * m * d * 4 * 4 + rows * d * 4 * 3;
  work.threads = threads;
  roofline(state, work);
}

const bool registered = [] {
  for (const int64_t count : {1, 16}) {
    for (const int32_t precision : {HEDDLE_PRECISION_F32, HEDDLE_PRECISION_BF16}) {
      const std::string name =
          "dictionaries/" + std::to_string(count) + (precision == HEDDLE_PRECISION_F32 ? "/f32" : "/bf16");
      benchmark::RegisterBenchmark(name.c_str(),
                                   [=](benchmark::State& state) { dictionaries(state, count, precision); })
          ->ArgName("threads")
          ->Apply(thread_counts)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond)
          ->Iterations(1);
    }
  }
  return true;
}();

}  // namespace
}  // namespace heddle
