// The training loop of a backbone: epochs over packed batches, Adam, validation NDCG@k over the full catalogue, early
// stopping, best weights restored, checkpoints.
//
// Determinism: the run is a function of (log, split, options, plugin, seed). It may be killed at any moment and started
// again with the same arguments: it continues behind the last checkpoint and ends with the same bits, since the order
// of batches and every random number depend on (seed, epoch, step) alone. Cancellation writes a checkpoint and throws
// HEDDLE_CANCELLED, within the time of one batch. Thread: one.
#pragma once

#include <filesystem>
#include <vector>

#include "core/config/training.h"
#include "core/train/evaluation.h"

namespace heddle {

struct EpochRecord {
  int64_t epoch;      // 1 for the first
  double loss;        // mean training loss per batch, dropout on
  double validation;  // NDCG@k, -1 where the epoch was not validated
};

struct BackboneTrainingResult {
  std::vector<EpochRecord> history;
  int64_t best_epoch = 0;  // 0 when nothing was validated: the last weights are kept
  double best_validation = 0;
  int64_t steps = 0, tokens = 0;
  bool stopped_early = false;
};

struct BackboneTrainingRun {
  const Interactions& log;
  const Part& train;
  const Part& validation;  // may be empty: then no early stopping
  uint64_t seed = 1;
  BackboneTraining options;
  RankingProtocol validation_protocol;
  std::filesystem::path checkpoint;  // file; empty = no checkpoints. Removed by the caller once the result is saved.
  nlohmann::json identity;           // what the checkpoint belongs to; another identity is refused
};

BackboneTrainingResult train_backbone(Backbone& backbone, Context& context, const BackboneTrainingRun& run);

}  // namespace heddle
