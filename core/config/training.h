// Options of the two training loops, as plain data: [backbone.training] and [dictionary.NAME.training].
// The tables with ranges and documentation are in training.cc; defaults are the initialisers below, so they are said
// once.
#pragma once

#include <cstdint>
#include <string>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

enum class Schedule { constant, linear };  // of the learning rate after warm-up; linear: falls to 0 at the last step
enum class Revival { none, resample, auxk };

struct BackboneTraining {
  int64_t epochs = 100;           // at most
  int64_t batch_sequences = 128;  // windows per step, at most
  int64_t batch_tokens = 0;       // tokens per step, at most; 0: no such limit
  double learning_rate = 1e-3;
  Schedule schedule = Schedule::constant;
  int64_t warmup_steps = 0;  // linear; update t (from 1) has t / warmup_steps of the rate
  double weight_decay = 0;   // decoupled (AdamW)
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double clip = 0;                 // largest global norm of the gradient; 0: no clipping
  int64_t validate_every = 1;      // epochs
  int64_t patience = 10;           // validations without a better one before stopping; 0: never stop early
  std::string metric = "ndcg@10";  // what validation looks at: "ndcg@K"
  int64_t validation_top = 10;     // K of metric
  double checkpoint_seconds = 60;
  int32_t precision = HEDDLE_PRECISION_F32;  // [compute] precision
};

struct DictionaryTraining {
  int64_t steps = 0;     // when 0: `epochs` passes. The file gives at most one of the two.
  double epochs = 10;    // passes over the activations; used when steps = 0
  int64_t batch = 4096;  // activation vectors per step
  double learning_rate = 1e-3;
  int64_t warmup_steps = 1000;  // linear from 0: step t (from 0) has t / warmup_steps of the rate
  int64_t decay_start = 0;      // step from which the rate falls linearly to 0 behind the last; 0: never
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double clip = 0;
  double weight_decay = 0;
  Revival revival = Revival::none;
  double dead_window = 1;      // a feature is dead after this share of an epoch (dead_vectors = 0) without firing
  int64_t dead_vectors = 0;    // the same as a number of vectors; when above 0 it wins over dead_window
  int64_t resample_every = 0;  // steps; 0: every dead window
  int64_t aux_k = 0;           // entries per row of the auxiliary loss; 0: half of the inputs
  double aux_coefficient = 1.0 / 32;
  int64_t seed = 0;  // initial values and the plugin's random numbers; 0: the experiment's
  double checkpoint_seconds = 60;
  int32_t precision = HEDDLE_PRECISION_F32;  // [compute] precision
};

const OptionTable& backbone_training_table();
const OptionTable& dictionary_training_table();
BackboneTraining read_backbone_training(const Values& values);
DictionaryTraining read_dictionary_training(const Values& values);

}  // namespace heddle
