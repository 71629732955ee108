#include "core/config/training.h"

#include <charconv>

#include "core/base/error.h"
#include "core/config/option_table.h"

namespace heddle {
namespace {

constexpr uint32_t not_numeric = HEDDLE_PARAM_NOT_NUMERIC;
constexpr const char* schedules[] = {"constant", "linear"};
constexpr const char* revivals[] = {"none", "resample", "auxk"};

// "ndcg@10" -> 10.
int64_t read_cutoff(const Values& values) {
  const std::string text = values.text("metric");
  int64_t top = 0;
  const char* end = text.data() + text.size();
  const bool known = text.rfind("ndcg@", 0) == 0;
  const auto [stop, error] =
      known ? std::from_chars(text.data() + 5, end, top) : std::from_chars_result{nullptr, std::errc::invalid_argument};
  if (error != std::errc() || stop != end || top < 1 || top > 1000)
    wrong_use("{}'metric' of [backbone.training] is \"{}\"; accepted: \"ndcg@K\" with K from 1 to 1000",
              values.where("metric").prefix(), text);
  return top;
}

}  // namespace

const OptionTable& backbone_training_table() {
  using namespace option;
  static const BackboneTraining d;
  static const std::vector<heddle_param> params = {
      integer("epochs", d.epochs, 1, 1e6, "Passes over the training users, at most."),
      integer("batch_sequences", d.batch_sequences, 1, 1e6, "Windows per step, at most."),
      integer("batch_tokens", d.batch_tokens, 0, 1e8, "Items per step, at most; 0 sets no such limit."),
      real("learning_rate", d.learning_rate, 0, 10, "Step size of Adam."),
      choice("schedule", schedules, 0, "Learning rate after warm-up: constant, or linear to 0 at the last step."),
      integer("warmup_steps", d.warmup_steps, 0, 1e9,
              "Steps over which the learning rate rises linearly: update t, counted from 1, has t/warmup_steps of it."),
      real("weight_decay", d.weight_decay, 0, 10, "Decoupled weight decay (AdamW)."),
      real("beta1", d.beta1, 0, 0.999999, "Adam's decay of the first moment."),
      real("beta2", d.beta2, 0, 0.9999999, "Adam's decay of the second moment."),
      real("epsilon", d.epsilon, 1e-20, 1, "Adam's guard against division by zero."),
      real("clip", d.clip, 0, 1e9, "Largest global norm of the gradient; 0 does not clip."),
      integer("validate_every", d.validate_every, 1, 1e6, "Epochs between looks at the validation users."),
      integer("patience", d.patience, 0, 1e6, "Looks without a better one before training stops; 0 never stops early."),
      text("metric", "ndcg@10",
           "What validation looks at: ndcg@K over the full catalogue, seen items as in [evaluate]."),
      real("checkpoint_seconds", d.checkpoint_seconds, 0, 1e9,
           "Time between checkpoints; 0 writes one after every step.", not_numeric, "s"),
  };
  static const OptionTable table = option_table(
      "[backbone.training]",
      "How the backbone is trained: Adam, validation, early stopping (the best weights are kept), checkpoints.",
      params);
  return table;
}

const OptionTable& dictionary_training_table() {
  using namespace option;
  static const DictionaryTraining d;
  static const std::vector<heddle_param> params = {
      integer("steps", d.steps, 0, 1e9, "Training steps; 0 counts by epochs. Give steps or epochs, not both."),
      real("epochs", d.epochs, 0, 1e6, "Passes over the activations, when steps is 0."),
      integer("batch", d.batch, 1, 1e7, "Activation vectors per step."),
      real("learning_rate", d.learning_rate, 0, 10, "Step size of Adam."),
      integer("warmup_steps", d.warmup_steps, 0, 1e9,
              "Steps over which the learning rate rises linearly from 0: step t, counted from 0, has t/warmup_steps of "
              "it, so the first one has rate 0."),
      integer("decay_start", d.decay_start, 0, 1e9,
              "Step from which the learning rate falls linearly, to 0 behind the last step; 0 never."),
      real("beta1", d.beta1, 0, 0.999999, "Adam's decay of the first moment."),
      real("beta2", d.beta2, 0, 0.9999999, "Adam's decay of the second moment."),
      real("epsilon", d.epsilon, 1e-20, 1, "Adam's guard against division by zero."),
      real("clip", d.clip, 0, 1e9, "Largest global norm of the gradient; 0 does not clip."),
      real("weight_decay", d.weight_decay, 0, 10, "Decoupled weight decay (AdamW)."),
      choice("revival", revivals, 0,
             "What is done for dead features: nothing; resample: each gets the direction of an input of the batch "
             "drawn with p proportional to its squared error, encoder row at 0.2 of the mean norm of the alive ones, "
             "Adam's moments reset, warm-up not begun again; or auxk: an auxiliary loss over them."),
      real("dead_window", d.dead_window, 0, 1e6, "A feature is dead after this share of an epoch without firing."),
      integer("dead_vectors", d.dead_vectors, 0, 1e12,
              "The same as a number of vectors; above 0 it stands instead of dead_window."),
      integer("resample_every", d.resample_every, 0, 1e9, "Steps between resamplings; 0 takes the dead window."),
      integer("aux_k", d.aux_k, 0, 1e6, "Dead features per vector in the auxiliary loss; 0 takes half of the inputs."),
      real("aux_coefficient", d.aux_coefficient, 0, 1e6, "Weight of the auxiliary loss."),
      integer(
          "seed", d.seed, 0, 9007199254740992.0,
          "Initial values and random numbers of this dictionary are drawn from it; 0 takes the experiment's. The order "
          "of the activations is the experiment's, so that dictionaries of several seeds share one pass."),
      real("checkpoint_seconds", d.checkpoint_seconds, 0, 1e9,
           "Time between checkpoints; 0 writes one after every step.", not_numeric, "s"),
  };
  static const OptionTable table = option_table("[dictionary.NAME.training]",
                                                "How a dictionary is trained. Dictionaries of one site with the same "
                                                "batch and length share one pass over the activations.",
                                                params);
  return table;
}

BackboneTraining read_backbone_training(const Values& v) {
  BackboneTraining o;
  o.epochs = v.integer("epochs");
  o.batch_sequences = v.integer("batch_sequences");
  o.batch_tokens = v.integer("batch_tokens");
  o.learning_rate = v.real("learning_rate");
  o.schedule = static_cast<Schedule>(v.choice("schedule"));
  o.warmup_steps = v.integer("warmup_steps");
  o.weight_decay = v.real("weight_decay");
  o.beta1 = v.real("beta1"), o.beta2 = v.real("beta2"), o.epsilon = v.real("epsilon");
  o.clip = v.real("clip");
  o.validate_every = v.integer("validate_every");
  o.patience = v.integer("patience");
  o.metric = v.text("metric");
  o.validation_top = read_cutoff(v);
  o.checkpoint_seconds = v.real("checkpoint_seconds");
  return o;
}

DictionaryTraining read_dictionary_training(const Values& v) {
  DictionaryTraining o;
  o.steps = v.integer("steps");
  o.epochs = v.real("epochs");
  o.batch = v.integer("batch");
  o.learning_rate = v.real("learning_rate");
  o.warmup_steps = v.integer("warmup_steps");
  o.decay_start = v.integer("decay_start");
  o.beta1 = v.real("beta1"), o.beta2 = v.real("beta2"), o.epsilon = v.real("epsilon");
  o.clip = v.real("clip");
  o.weight_decay = v.real("weight_decay");
  o.revival = static_cast<Revival>(v.choice("revival"));
  o.dead_window = v.real("dead_window");
  o.dead_vectors = v.integer("dead_vectors");
  o.resample_every = v.integer("resample_every");
  o.aux_k = v.integer("aux_k");
  o.aux_coefficient = v.real("aux_coefficient");
  o.seed = v.integer("seed");
  o.checkpoint_seconds = v.real("checkpoint_seconds");
  const auto both = [&](const char* a, const char* b) {
    if (v.given(a) && v.given(b))
      wrong_use("{}'{}' and '{}' are both given; they say the same thing, give one", v.where(b).prefix(), a, b);
  };
  both("steps", "epochs");
  both("dead_window", "dead_vectors");
  if (o.steps == 0 && o.epochs <= 0) wrong_use("{}'steps' or 'epochs' must be above 0", v.where("epochs").prefix());
  if (o.dead_vectors == 0 && o.dead_window <= 0)
    wrong_use("{}'dead_window' or 'dead_vectors' must be above 0", v.where("dead_window").prefix());
  if (o.steps > 0 && o.decay_start >= o.steps)
    wrong_use("{}'decay_start' is {}, not before the last of {} steps", v.where("decay_start").prefix(), o.decay_start,
              o.steps);
  return o;
}

}  // namespace heddle
