// Trains any number of dictionaries side by side on one pass over shuffled activations.
//
// Every dictionary has its own plugin, seed, optimiser state and dead-feature tracking; the batches are shared: row
// order of epoch e is the permutation drawn by (seed, e), cut into full batches (the rest of an epoch is left out; a
// set smaller than a batch is one batch). So a dictionary's result does not depend on which others train beside it, and each
// has a checkpoint of its own: an interrupted sweep goes on whatever was added to it or taken out, those that stand at an
// earlier step first.
// Determinism, kills and cancellation as in trainer.h. Thread: one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/config/training.h"
#include "core/train/activations.h"
#include "core/train/dictionary_model.h"
#include "core/train/normalizer.h"

namespace heddle {

struct DictionaryJob {
  std::string name;
  DictionaryModel* model;
  uint64_t seed = 1;                 // initial values and the plugin's random numbers
  DictionaryTraining options;        // learning rate, revival ... may differ; batch and length must not
  std::filesystem::path checkpoint;  // file; empty = none
  nlohmann::json identity;           // of what is trained: a checkpoint of something else is refused
};

struct DictionaryRun {
  const Activations& activations;
  const Normalizer& normalizer;
  uint64_t seed = 1;  // row order
  int32_t precision = HEDDLE_PRECISION_F32;
};

struct DictionaryTrainingResult {
  std::string name;
  int64_t steps = 0;
  std::vector<LossTerm> losses;  // mean over the last 100 steps (or all, when fewer)
  double l0 = 0;                 // mean active features per row over those steps
  int64_t dead = 0;              // features silent for longer than the window, at the end
  int64_t revived = 0;           // features resampled in all
};

std::vector<DictionaryTrainingResult> train_dictionaries(std::vector<DictionaryJob>& jobs, Context& context,
                                                         const DictionaryRun& run);

}  // namespace heddle
