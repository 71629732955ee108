#include "core/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/train/batching.h"
#include "core/train/checkpoint.h"
#include "core/train/optimizer.h"

namespace heddle {
namespace {

// All that a checkpoint holds besides tensors.
struct State {
  int64_t epoch = 1;         // under way
  int64_t batch = 0;         // next one of this epoch
  double loss_sum = 0;       // of this epoch's batches so far
  int64_t without_gain = 0;  // validations since the best
  bool finished = false;
  BackboneTrainingResult result;

  nlohmann::json to_json() const {
    nlohmann::json history = nlohmann::json::array();
    for (const EpochRecord& record : result.history) history.push_back({record.epoch, record.loss, record.validation});
    return {{"epoch", epoch},
            {"batch", batch},
            {"loss_sum", loss_sum},
            {"without_gain", without_gain},
            {"finished", finished},
            {"history", history},
            {"best_epoch", result.best_epoch},
            {"best_validation", result.best_validation},
            {"steps", result.steps},
            {"tokens", result.tokens},
            {"stopped_early", result.stopped_early}};
  }
  void from_json(const nlohmann::json& json) {
    epoch = json.at("epoch");
    batch = json.at("batch");
    loss_sum = json.at("loss_sum");
    without_gain = json.at("without_gain");
    finished = json.at("finished");
    for (const auto& record : json.at("history")) result.history.push_back({record.at(0), record.at(1), record.at(2)});
    result.best_epoch = json.at("best_epoch");
    result.best_validation = json.at("best_validation");
    result.steps = json.at("steps");
    result.tokens = json.at("tokens");
    result.stopped_early = json.at("stopped_early");
  }
};

class BackboneLoop {
 public:
  BackboneLoop(Backbone& backbone, Context& context, const BackboneTrainingRun& run)
      : backbone_(backbone),
        context_(context),
        run_(run),
        batcher_(run.log, run.train, training_batches(backbone, run.options.batch_sequences, run.options.batch_tokens)),
        gradients_(backbone.device(), backbone.parameters().infos(), true),
        best_(backbone.device(), backbone.parameters().infos(), false),
        optimizer_(
            backbone.device(), backbone.parameters(),
            {run.options.beta1, run.options.beta2, run.options.epsilon, run.options.weight_decay, run.options.clip}),
        clock_(run.options.checkpoint_seconds) {
    if (batcher_.windows() == 0)
      fail(HEDDLE_FAILED_PRECONDITION, "the training part has no user with at least {}",
           backbone.batches() == HEDDLE_BATCHES_NEXT_ITEM ? "two events" : "one event");
    planned_steps_ = run.options.epochs * batcher_.plan(run.seed, 1).size();
    schedule_ = {run.options.learning_rate, run.options.warmup_steps,
                 run.options.schedule == Schedule::linear ? std::max<int64_t>(run.options.warmup_steps, 1) : 0};
    const std::vector<ParameterInfo>& infos = backbone.parameters().infos();
    for (size_t i = 0; i < infos.size(); ++i)
      if (infos[i].buffer) buffers_.push_back({i, std::vector<float>(static_cast<size_t>(infos[i].size()))});
  }

  BackboneTrainingResult run() {
    if (!resume()) prepare();
    Progress progress("training " + backbone_.id(), static_cast<uint64_t>(batcher_.tokens() * run_.options.epochs),
                      "tokens");
    while (!state_.finished) {
      train_epoch(progress);
      finish_epoch(progress);
    }
    if (state_.result.best_epoch > 0) copy(best_, backbone_.parameters().values());
    progress.finish(summary());
    return state_.result;
  }

 private:
  void train_epoch(Progress& progress) {
    const Batcher::Plan plan = batcher_.plan(run_.seed, static_cast<uint64_t>(state_.epoch));
    Batch batch;
    for (; state_.batch < plan.size(); ++state_.batch) {
      stop_if_cancelled();
      batcher_.fill(plan, state_.batch, batch);
      step(batch);
      progress.update(static_cast<uint64_t>(state_.result.tokens), note());
      if (clock_.due()) {
        ++state_.batch;  // this batch is in the weights
        write_checkpoint();
        --state_.batch;
      }
    }
  }

  void step(const Batch& batch) {
    gradients_.zero(context_);
    losses_.clear();
    const heddle_rng_key key = rng_key(run_.seed, RngPurpose::dropout, static_cast<uint64_t>(state_.epoch),
                                       static_cast<uint64_t>(state_.batch));
    keep_buffers();
    try {
      backbone_.train(context_, key, run_.options.precision, batch.sequences(), gradients_, losses_);
    } catch (const Error& error) {
      // The plugin noticed the user's wish to stop. The weights are those before this batch; buffers are made so.
      if (error.code() == HEDDLE_CANCELLED) {
        restore_buffers();
        write_checkpoint();
      }
      throw;
    }
    if (const std::string bad = losses_.not_finite(); !bad.empty()) {
      fail(HEDDLE_OUT_OF_RANGE,
           "{}: loss '{}' is no longer finite in epoch {}, batch {}; a lower learning_rate or clip may help",
           backbone_.id(), bad, state_.epoch, state_.batch + 1);
    }
    optimizer_.step(context_, backbone_.parameters(), gradients_,
                    learning_rate_at(schedule_, optimizer_.steps() + 1, planned_steps_));
    state_.loss_sum += losses_.total();
    ++state_.result.steps;
    state_.result.tokens += batch.tokens();
  }

  void finish_epoch(Progress& progress) {
    const BackboneTraining& options = run_.options;
    EpochRecord record{state_.epoch, state_.loss_sum / static_cast<double>(std::max<int64_t>(state_.batch, 1)), -1};
    const bool last = state_.epoch >= options.epochs;
    if (!run_.validation.empty() && (state_.epoch % options.validate_every == 0 || last)) {
      record.validation = validate();
      if (state_.result.best_epoch == 0 || record.validation > state_.result.best_validation) {
        state_.result.best_epoch = state_.epoch;
        state_.result.best_validation = record.validation;
        state_.without_gain = 0;
        copy(backbone_.parameters().values(), best_);
      } else {
        ++state_.without_gain;
      }
    }
    state_.result.history.push_back(record);
    state_.result.stopped_early = !last && options.patience > 0 && state_.without_gain >= options.patience;
    state_.finished = last || state_.result.stopped_early;
    ++state_.epoch;
    state_.batch = 0;
    state_.loss_sum = 0;
    progress.update(static_cast<uint64_t>(state_.result.tokens), note());
    write_checkpoint();
  }

  double validate() {
    try {
      return ndcg_one_target(
          recommend_part(backbone_, context_, run_.log, run_.validation, {}, run_.validation_protocol));
    } catch (const Error& error) {
      if (error.code() == HEDDLE_CANCELLED)
        write_checkpoint();  // all batches of the epoch are done, validation is repeated
      throw;
    }
  }

  // train() may write buffers (running statistics) before it notices a cancellation.
  void keep_buffers() {
    if (run_.checkpoint.empty()) return;
    for (auto& [at, values] : buffers_) backbone_.parameters().tensor(at).to_host(values.data());
  }
  void restore_buffers() {
    if (run_.checkpoint.empty()) return;
    for (auto& [at, values] : buffers_) backbone_.parameters().tensor(at).from_host(values.data());
  }

  void stop_if_cancelled() {
    if (!cancel_requested()) return;
    write_checkpoint();
    throw_if_cancelled();
  }

  void copy(TensorList& from, TensorList& to) {
    for (size_t i = 0; i < from.size(); ++i) {
      ErrorBuffer error;
      check(context_.ops().copy(context_.handle(), from[i].dl(), to[i].dl(), error), error, "copy");
    }
  }

  void write_checkpoint() {
    if (run_.checkpoint.empty()) return;
    const std::vector<ParameterInfo>& infos = backbone_.parameters().infos();
    CheckpointWriter writer;
    writer.add("parameter/", infos, backbone_.parameters().values());
    writer.add("moment1/", infos, optimizer_.first_moments());
    writer.add("moment2/", infos, optimizer_.second_moments());
    if (state_.result.best_epoch > 0) writer.add("best/", infos, best_);
    nlohmann::json state = state_.to_json();
    state["identity"] = run_.identity;
    writer.write(run_.checkpoint, state);
    clock_.written();
  }

  // What the plugin makes of the training events before the first step. A checkpoint holds the result: it is among the
  // parameters.
  void prepare() {
    if (!backbone_.prepares()) return;
    std::vector<int64_t> offsets = {0};
    std::vector<int32_t> items;
    for (const UserRange& range : run_.train.users) {
      const std::span<const int32_t> events = run_.log.items_of(range.begin, range.end);
      items.insert(items.end(), events.begin(), events.end());
      offsets.push_back(static_cast<int64_t>(items.size()));
    }
    const heddle_training_log log{sizeof log, 0, run_.train.user_count(), offsets.data(), items.data()};
    backbone_.prepare(context_, rng_key(run_.seed, RngPurpose::component), run_.options.precision, log);
  }

  // Goes on behind a checkpoint, if there is one.
  bool resume() {
    if (run_.checkpoint.empty() || !std::filesystem::exists(run_.checkpoint)) return false;
    const CheckpointReader checkpoint(run_.checkpoint);
    check_identity(checkpoint, run_.identity, run_.checkpoint);
    const std::vector<ParameterInfo>& infos = backbone_.parameters().infos();
    state_.from_json(checkpoint.state());
    checkpoint.read("parameter/", infos, backbone_.parameters().values());
    checkpoint.read("moment1/", infos, optimizer_.first_moments());
    checkpoint.read("moment2/", infos, optimizer_.second_moments());
    if (state_.result.best_epoch > 0) checkpoint.read("best/", infos, best_);
    optimizer_.set_steps(state_.result.steps);
    log_line(
        HEDDLE_LOG_INFO, "train",
        fmt::format("going on from epoch {}, batch {} ({})", state_.epoch, state_.batch + 1, run_.checkpoint.string()));
    return true;
  }

  std::string note() const {
    const double batches = static_cast<double>(state_.batch + 1);
    std::string text = fmt::format("epoch {}", state_.epoch);
    if (state_.loss_sum > 0) text += fmt::format(", loss {:.4f}", state_.loss_sum / batches);
    if (state_.result.best_epoch > 0)
      text += fmt::format(", ndcg@{} {:.4f} (epoch {})", run_.validation_protocol.k, state_.result.best_validation,
                          state_.result.best_epoch);
    return text;
  }
  std::string summary() const {
    const BackboneTrainingResult& result = state_.result;
    if (result.best_epoch == 0)
      return fmt::format("{} epochs, loss {:.4f}", result.history.size(), result.history.back().loss);
    return fmt::format("best ndcg@{} {:.4f} in epoch {} of {}", run_.validation_protocol.k, result.best_validation,
                       result.best_epoch, result.history.size());
  }

  Backbone& backbone_;
  Context& context_;
  const BackboneTrainingRun& run_;
  Batcher batcher_;
  TensorList gradients_, best_;
  Optimizer optimizer_;
  LossCollector losses_;
  CheckpointClock clock_;
  LearningRate schedule_;
  int64_t planned_steps_ = 0;
  std::vector<std::pair<size_t, std::vector<float>>> buffers_;  // as before the batch under way
  State state_;
};

}  // namespace

BackboneTrainingResult train_backbone(Backbone& backbone, Context& context, const BackboneTrainingRun& run) {
  return BackboneLoop(backbone, context, run).run();
}

}  // namespace heddle
