#include "core/train/dictionary_trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/train/checkpoint.h"
#include "core/train/optimizer.h"
#include "core/train/revival.h"

namespace heddle {
namespace {

// Losses over blocks of 100 steps: the last full block, or the one under way while there is none.
struct LossBlock {
  static constexpr int64_t kSteps = 100;
  std::vector<LossTerm> sums, last;
  double active = 0, last_active = 0;
  int64_t count = 0;

  void add(const std::vector<LossTerm>& terms, double active_per_row) {
    if (count == kSteps) {
      last = mean();
      last_active = active / static_cast<double>(count);
      sums.clear();
      active = 0;
      count = 0;
    }
    for (const LossTerm& term : terms) {
      const auto found =
          std::find_if(sums.begin(), sums.end(), [&](const LossTerm& sum) { return sum.name == term.name; });
      if (found == sums.end()) sums.push_back(term);
      else found->value += term.value, found->coefficient = term.coefficient;
    }
    active += active_per_row;
    ++count;
  }
  std::vector<LossTerm> mean() const {
    std::vector<LossTerm> out = sums;
    for (LossTerm& term : out) term.value /= static_cast<double>(std::max<int64_t>(count, 1));
    return out;
  }
  bool settled() const { return count < kSteps && !last.empty(); }
  std::vector<LossTerm> report() const { return settled() ? last : mean(); }
  double report_active() const {
    return settled() ? last_active : active / static_cast<double>(std::max<int64_t>(count, 1));
  }

  static nlohmann::json terms_json(const std::vector<LossTerm>& terms) {
    nlohmann::json out = nlohmann::json::array();
    for (const LossTerm& term : terms) out.push_back({term.name, term.value, term.coefficient});
    return out;
  }
  static std::vector<LossTerm> terms_of(const nlohmann::json& json) {
    std::vector<LossTerm> out;
    for (const auto& term : json) out.push_back({term.at(0), term.at(1), term.at(2)});
    return out;
  }
  nlohmann::json to_json() const {
    return {{"sums", terms_json(sums)},
            {"last", terms_json(last)},
            {"active", active},
            {"last_active", last_active},
            {"count", count}};
  }
  void from_json(const nlohmann::json& json) {
    sums = terms_of(json.at("sums"));
    last = terms_of(json.at("last"));
    active = json.at("active");
    last_active = json.at("last_active");
    count = json.at("count");
  }
};

// One dictionary under training.
struct Lane {
  Lane(DictionaryJob& given, int64_t dead_window)
      : job(given),
        gradients(given.model->device(), given.model->parameters().infos(), true),
        optimizer(given.model->device(), given.model->parameters(),
                  {given.options.beta1, given.options.beta2, given.options.epsilon, given.options.weight_decay,
                   given.options.clip}),
        dead(given.model->features(), dead_window),
        fired(given.model->device(), DType::i64, {given.model->features()}),
        dead_mask(given.model->device(), DType::u8, {given.model->features()}) {}
  DictionaryJob& job;
  TensorList gradients;
  Optimizer optimizer;
  LossCollector losses;
  DeadFeatures dead;
  Tensor fired, dead_mask;
  LossBlock block;
  int64_t revived = 0;
  int64_t step = 0;  // steps done; one that is ahead of the others waits for them
};

int64_t dead_window(const DictionaryTraining& options, int64_t rows) {
  if (options.dead_vectors > 0) return options.dead_vectors;
  return std::max<int64_t>(std::llround(options.dead_window * static_cast<double>(rows)), 1);
}

class DictionaryLoop {
 public:
  DictionaryLoop(std::vector<DictionaryJob>& jobs, Context& context, const DictionaryRun& run)
      : context_(context),
        run_(run),
        codes_(context),
        clock_(jobs.empty() ? 60 : jobs.front().options.checkpoint_seconds) {
    const Activations& data = run.activations;
    if (jobs.empty()) fail(HEDDLE_INTERNAL, "no dictionary to train");
    if (data.rows() == 0) fail(HEDDLE_FAILED_PRECONDITION, "no activations to train dictionaries on");
    const DictionaryTraining& first = jobs.front().options;
    batch_ = std::min(first.batch, data.rows());
    if (batch_ < 1) wrong_use("a batch of {} activation vectors; at least 1 is needed", first.batch);
    per_epoch_ = data.rows() / batch_;
    steps_ = steps_of(first);
    std::set<std::string> names;
    for (DictionaryJob& job : jobs) {
      if (job.model->inputs() != data.width()) {
        fail(HEDDLE_INVALID_ARGUMENT, "dictionary '{}' takes inputs of width {}, the activations have {}", job.name,
             job.model->inputs(), data.width());
      }
      if (job.options.batch != first.batch || steps_of(job.options) != steps_) {
        wrong_use(
            "dictionaries '{}' and '{}' train side by side: batch and length must be the same ({} x {} and {} x {})",
            jobs.front().name, job.name, first.batch, steps_, job.options.batch, steps_of(job.options));
      }
      if (!names.insert(job.name).second)
        fail(HEDDLE_INVALID_ARGUMENT, "two dictionaries have the name '{}'", job.name);
      lanes_.push_back(std::make_unique<Lane>(job, dead_window(job.options, data.rows())));
    }
    Device& device = jobs.front().model->device();
    x_ = Tensor(device, DType::f32, {batch_, data.width()});
    if (!device.is_cpu()) copy_.resize(static_cast<size_t>(batch_ * data.width()));
    host_ = device.is_cpu() ? x_.data<float>() : copy_.data();
  }

  std::vector<DictionaryTrainingResult> run() {
    begin();
    Progress progress(
        lanes_.size() == 1 ? "dictionary " + lanes_[0]->job.name : fmt::format("{} dictionaries", lanes_.size()),
        static_cast<uint64_t>(steps_ * batch_), "vectors");
    while (step_ < steps_) {
      if (cancel_requested()) {
        write_checkpoint();
        throw_if_cancelled();
      }
      load_batch(step_);
      for (auto& lane : lanes_) {
        if (lane->step != step_) continue;
        train(*lane);
        ++lane->step;
      }
      ++step_;
      progress.update(static_cast<uint64_t>(step_ * batch_), note());
      if (clock_.due() || step_ == steps_) write_checkpoint();
    }
    progress.finish(note());
    std::vector<DictionaryTrainingResult> results;
    for (auto& lane : lanes_) {
      results.push_back({lane->job.name, step_, lane->block.report(), lane->block.report_active(), lane->dead.count(),
                         lane->revived});
    }
    return results;
  }

 private:
  static constexpr int64_t kChunk = 256;  // rows of a task

  int64_t steps_of(const DictionaryTraining& options) const {
    const int64_t steps =
        options.steps > 0 ? options.steps : std::llround(options.epochs * static_cast<double>(per_epoch_));
    if (steps < 1) wrong_use("dictionary training has no steps: set steps, or epochs to at least one batch's share");
    return steps;
  }

  // The normalised inputs of a step (0 for the first), on the host and on the device.
  void load_batch(int64_t step) {
    const int64_t epoch = step / per_epoch_, batch = step % per_epoch_;
    if (epoch != order_epoch_) {
      order_ = permutation(rng_key(run_.seed, RngPurpose::shuffle, static_cast<uint64_t>(epoch) + 1),
                           run_.activations.rows());
      order_epoch_ = epoch;
    }
    rows_ = order_.data() + batch * batch_;
    const int64_t chunks = (batch_ + kChunk - 1) / kChunk;
    if (!context_.device().is_cpu()) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) load_rows(chunk);
      x_.from_host(host_);
      return;
    }
    ErrorBuffer error;
    const auto task = [](void* self, int64_t chunk, heddle_error*) -> int32_t {
      static_cast<const DictionaryLoop*>(self)->load_rows(chunk);
      return HEDDLE_OK;
    };
    check(context_.ops().parallel_for(context_.handle(), chunks, task, this, error), error, "parallel_for");
  }

  // Rows [chunk * kChunk, ...) of the batch. All indices are in range: nothing here fails.
  void load_rows(int64_t chunk) const {
    const int64_t first = chunk * kChunk, count = std::min(kChunk, batch_ - first);
    float* to = host_ + first * run_.activations.width();
    run_.activations.gather({rows_ + first, static_cast<size_t>(count)}, to);
    run_.normalizer.apply(to, count);
  }

  // Every dictionary from its checkpoint or from its initial values, which may depend on the first batch.
  void begin() {
    step_ = steps_;
    for (auto& lane : lanes_) {
      if (!resume(*lane)) {
        load_batch(0);
        lane->job.model->initialise(context_, lane->job.seed, host_, batch_);
      }
      step_ = std::min(step_, lane->step);
    }
  }

  void train(Lane& lane) {
    const DictionaryTraining& options = lane.job.options;
    DictionaryModel& model = *lane.job.model;
    lane.gradients.zero(context_);
    lane.losses.clear();
    heddle_dictionary_step step{sizeof step, 0, step_ + 1, steps_, x_.dl(), nullptr, 0, 0, 0};
    if (options.revival == Revival::auxk && lane.dead.count() > 0) {
      lane.dead_mask.from_host(lane.dead.mask().data());
      step.dead = lane.dead_mask.dl();
      step.dead_count = lane.dead.count();
      step.aux_k =
          std::min(options.aux_k > 0 ? options.aux_k : std::max<int64_t>(model.inputs() / 2, 1), lane.dead.count());
      step.aux_coefficient = options.aux_coefficient;
    }
    const heddle_rng_key key = rng_key(lane.job.seed, RngPurpose::dictionary_batch, 0, static_cast<uint64_t>(step_));
    model.train(context_, key, run_.precision, step, codes_.get(), lane.gradients, lane.losses);
    if (const std::string bad = lane.losses.not_finite(); !bad.empty()) {
      fail(HEDDLE_OUT_OF_RANGE,
           "dictionary '{}': loss '{}' is no longer finite in step {}; a lower learning_rate or clip may help",
           lane.job.name, bad, step_ + 1);
    }
    const LearningRate schedule{options.learning_rate, options.warmup_steps, options.decay_start};
    lane.optimizer.step(context_, model.parameters(), lane.gradients, learning_rate_at(schedule, step_, steps_));
    track(lane);
    if (options.revival == Revival::resample && resample_due(options)) revive(lane);
  }

  void track(Lane& lane) {
    std::vector<int64_t> fired(static_cast<size_t>(lane.job.model->features()));
    ErrorBuffer error;
    lane.fired.zero();
    check(context_.ops().codes_count(context_.handle(), codes_.get(), lane.fired, error), error, "codes_count");
    lane.fired.to_host(fired.data());
    const int64_t active = std::accumulate(fired.begin(), fired.end(), int64_t{0});
    lane.dead.update(fired, batch_);
    lane.block.add(lane.losses.terms(), static_cast<double>(active) / static_cast<double>(batch_));
  }

  bool resample_due(const DictionaryTraining& options) const {
    const int64_t every =
        options.resample_every > 0
            ? options.resample_every
            : std::max<int64_t>((dead_window(options, run_.activations.rows()) + batch_ - 1) / batch_, 1);
    return (step_ + 1) % every == 0 && step_ + 1 < steps_;
  }

  void revive(Lane& lane) {
    if (lane.dead.count() == 0) return;
    DictionaryModel& model = *lane.job.model;
    Tensor guess(model.device(), DType::f32, {batch_, model.inputs()});
    model.encode(context_, run_.precision, x_, codes_.get());
    model.decode(context_, run_.precision, codes_.get(), guess);
    std::vector<float> host_guess(static_cast<size_t>(x_.size()));
    guess.to_host(host_guess.data());
    lane.revived += resample_dead(model, lane.optimizer, lane.dead, host_, host_guess.data(), batch_,
                                  rng_key(lane.job.seed, RngPurpose::resample, 0, static_cast<uint64_t>(step_)));
  }

  void write_checkpoint() {
    for (auto& lane : lanes_) {
      if (lane->job.checkpoint.empty() || lane->step != step_) continue;  // those ahead have theirs
      const std::vector<ParameterInfo>& infos = lane->job.model->parameters().infos();
      CheckpointWriter writer;
      writer.add("parameter/", infos, lane->job.model->parameters().values());
      writer.add("moment1/", infos, lane->optimizer.first_moments());
      writer.add("moment2/", infos, lane->optimizer.second_moments());
      writer.add("silent", lane->dead.silent());
      writer.write(lane->job.checkpoint, {{"step", step_},
                                          {"identity", lane->job.identity},
                                          {"losses", lane->block.to_json()},
                                          {"revived", lane->revived}});
    }
    clock_.written();
  }

  bool resume(Lane& lane) {
    const std::filesystem::path& path = lane.job.checkpoint;
    if (path.empty() || !std::filesystem::exists(path)) return false;
    const CheckpointReader checkpoint(path);
    check_identity(checkpoint, lane.job.identity, path);
    const std::vector<ParameterInfo>& infos = lane.job.model->parameters().infos();
    checkpoint.read("parameter/", infos, lane.job.model->parameters().values());
    checkpoint.read("moment1/", infos, lane.optimizer.first_moments());
    checkpoint.read("moment2/", infos, lane.optimizer.second_moments());
    lane.step = checkpoint.state().at("step");
    lane.optimizer.set_steps(lane.step);
    lane.dead.silent() = checkpoint.integers("silent");
    lane.dead.recount();
    lane.block.from_json(checkpoint.state().at("losses"));
    lane.revived = checkpoint.state().at("revived");
    log_line(HEDDLE_LOG_INFO, "train", fmt::format("going on from step {} ({})", lane.step + 1, path.string()));
    return true;
  }

  std::string note() const {
    const Lane& lane = *lanes_.front();
    double total = 0;
    for (const LossTerm& term : lane.block.report()) total += term.coefficient * term.value;
    return fmt::format("loss {:.4f}, L0 {:.1f}, dead {}", total, lane.block.report_active(), lane.dead.count());
  }

  Context& context_;
  const DictionaryRun& run_;
  Codes codes_;  // of whichever dictionary is at work: nothing in them outlives a step
  CheckpointClock clock_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  int64_t batch_ = 0, per_epoch_ = 0, steps_ = 0, step_ = 0;
  Tensor x_;
  float* host_ = nullptr;    // the batch as the host sees it: x_ itself on the CPU device
  std::vector<float> copy_;  // or this
  const int64_t* rows_ = nullptr;
  std::vector<int64_t> order_;
  int64_t order_epoch_ = -1;
};

}  // namespace

std::vector<DictionaryTrainingResult> train_dictionaries(std::vector<DictionaryJob>& jobs, Context& context,
                                                         const DictionaryRun& run) {
  return DictionaryLoop(jobs, context, run).run();
}

}  // namespace heddle
