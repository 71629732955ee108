// Every backbone against an independent implementation in PyTorch, float64: same weights and batch -> same scores, loss
// and gradients (backbone_parity.py, which knows nothing of this tree but the file that it reads).
// Needs a Python with torch and numpy (peers.h); else skipped.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/store/safetensors.h"
#include "core/train/backbone.h"
#include "core/train/dictionary_model.h"
#include "heddle/nn/objectives.hpp"
#include "tests/parity/peers.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 211;

struct Case {
  std::string name, plugin;
  std::vector<GivenValue> options;
};

// Sequences of 1, 2, 31 and 48 tokens. Every seventh token carries no loss; of a cloze backbone, only every third (and
// each first) token does, and stands masked.
void fill(Batch& batch, const Backbone& backbone) {
  const bool cloze = backbone.batches() == HEDDLE_BATCHES_CLOZE;
  PhiloxStream random(rng_key(2, RngPurpose::test));
  batch.offsets = {0};
  for (const int64_t length : {1, 2, 31, 48}) {
    for (int64_t t = 0; t < length; ++t) {
      const auto item = static_cast<int32_t>(random.below(kItems)), target = static_cast<int32_t>(random.below(kItems));
      const bool loss = cloze ? t % 3 == 0 : batch.tokens() % 7 != 3;
      batch.items.push_back(cloze && loss ? static_cast<int32_t>(kItems) : item);
      batch.targets.push_back(loss ? target : -1);
      batch.positions.push_back(
          static_cast<int32_t>(t + (backbone.positions_from_end() ? backbone.max_length() - length : 0)));
    }
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(true);
}

// The training log behind the popularity of items: item i in about i of 300 events.
void prepare(Backbone& backbone, Context& context) {
  std::vector<int32_t> items;
  PhiloxStream random(rng_key(5, RngPurpose::test));
  for (int64_t i = 0; i < 3000; ++i)
    items.push_back(static_cast<int32_t>(std::max(random.below(kItems), random.below(kItems))));
  const std::vector<int64_t> offsets{0, 1000, 3000};
  const heddle_training_log log{sizeof log, 0, 2, offsets.data(), items.data()};
  backbone.prepare(context, rng_key(1, RngPurpose::component), HEDDLE_PRECISION_F32, log);
}

// The candidates that a sampled objective draws under this key: the same op, key and weights once more.
struct Candidates {
  std::vector<int64_t> offsets;
  std::vector<int32_t> indices;
  std::vector<float> counts;
};
Candidates draw(Context& context, heddle_rng_key key, int64_t count, const heddle_sequences& batch, DLTensor* weights) {
  const Codes codes(context);
  heddle_sample_candidates args{
      sizeof args,   0,       kItems,     count, sdk::rng_stream(key, sdk::nn::Objective::kStream),
      batch.targets, weights, codes.get()};
  ErrorBuffer error;
  check(context.ops().sample_candidates(context.handle(), &args, error), error, "sample_candidates");
  return {{codes->offsets, codes->offsets + codes->rows + 1},
          {codes->indices, codes->indices + codes->nnz},
          {codes->values, codes->values + codes->nnz}};
}

class BackboneParityLong : public testing::TestWithParam<Case> {};

TEST_P(BackboneParityLong, scores_loss_and_gradients_are_those_of_pytorch) {
  if (const std::string reason = peers::missing("torch, numpy"); !reason.empty()) GTEST_SKIP() << reason;
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_BACKBONE, GetParam().plugin);
  std::vector<GivenValue> given{{"hidden", int64_t{32}, {}},
                                {"layers", int64_t{2}, {}},
                                {"heads", int64_t{2}, {}},
                                {"max_length", int64_t{48}, {}},
                                {"dropout", 0.0, {}}};
  for (const GivenValue& option : GetParam().options) {
    std::erase_if(given, [&](const GivenValue& value) { return value.name == option.name; });
    given.push_back(option);
  }
  const Values values(component, given);
  const auto device = Device::cpu();
  Context context(*device);
  Backbone backbone(*device, component, values, kItems);
  backbone.initialise(context, 1);
  prepare(backbone, context);
  // Biases and gains away from 0 and 1, where a mistake would not show.
  ParameterSet& parameters = backbone.parameters();
  DLTensor* weights = nullptr;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters.info(i).name == "sampler.weights") weights = parameters.tensor(i);
    if (parameters.info(i).buffer) continue;
    PhiloxStream random(rng_key(3, RngPurpose::test, i));
    for (float& value : parameters.tensor(i).span<float>()) value += static_cast<float>(0.1 * random.normal());
  }

  Batch batch;
  fill(batch, backbone);
  const int64_t tokens = batch.tokens();
  Tensor hidden(*device, DType::f32, {tokens, backbone.hidden()}), scores(*device, DType::f32, {tokens, kItems});
  ASSERT_TRUE(backbone.forward(context, HEDDLE_PRECISION_F32, batch.sequences(), nullptr, hidden));
  backbone.score(context, HEDDLE_PRECISION_F32, hidden, scores);
  TensorList gradients(*device, parameters.infos(), true);
  gradients.zero(context);
  LossCollector losses;
  const heddle_rng_key key = rng_key(1, RngPurpose::dropout);
  backbone.train(context, key, HEDDLE_PRECISION_F32, batch.sequences(), gradients, losses);
  const double loss = losses.total();

  nlohmann::ordered_json spec = values.resolved();
  spec["plugin"] = GetParam().plugin;
  SafeTensorsWriter writer;
  writer.metadata("spec", spec.dump());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info(i);
    writer.add("weight:" + info.name, stored::f32, info.shape, parameters.tensor(i).data<float>());
    if (gradients.has(i)) writer.add("gradient:" + info.name, stored::f32, info.shape, gradients[i].data<float>());
  }
  writer.add("offsets", stored::i64, {static_cast<int64_t>(batch.offsets.size())}, batch.offsets.data());
  writer.add("items", stored::i32, {tokens}, batch.items.data());
  writer.add("targets", stored::i32, {tokens}, batch.targets.data());
  writer.add("scores", stored::f32, {tokens, kItems}, scores.data<float>());
  writer.add("loss", stored::f64, {1}, &loss);
  Candidates candidates;
  if (spec.contains("objective") && spec["objective"] != "cross_entropy") {
    candidates = draw(context, key, spec["negatives"], batch.sequences(), weights);
    const auto stored = static_cast<int64_t>(candidates.indices.size());
    ASSERT_GT(stored, tokens);
    writer.add("candidates.offsets", stored::i64, {tokens + 1}, candidates.offsets.data());
    writer.add("candidates.items", stored::i32, {stored}, candidates.indices.data());
    writer.add("candidates.counts", stored::f32, {stored}, candidates.counts.data());
  }
  const std::string file = peers::file("parity-" + GetParam().name + ".safetensors");
  writer.write(file);
  EXPECT_EQ(peers::run("backbone_parity.py", file), 0) << file;
}

std::vector<Case> cases() {
  const auto text = [](const char* value) { return std::string(value); };
  const int64_t one = 1, four = 4, five = 5;
  std::vector<Case> out{
      {"gptrec", "heddle.gptrec", {}},
      // The original, and the two ports: their other options differ as well.
      {"sasrec_query_ln", "heddle.sasrec", {{"block", text("query_ln")}}},
      {"sasrec_query_ln_projected",
       "heddle.sasrec",
       {{"block", text("query_ln")}, {"output_projection", true}, {"heads", one}, {"position_origin", text("start")}}},
      {"sasrec_pre_ln",
       "heddle.sasrec",
       {{"block", text("pre_ln")},
        {"output_projection", true},
        {"feed_forward", four},
        {"activation", text("gelu_tanh")},
        {"embedding_scale", false}}},
      {"sasrec_post_ln",
       "heddle.sasrec",
       {{"block", text("post_ln")}, {"output_projection", true}, {"tied_head", false}}},
      {"bert4rec", "heddle.bert4rec", {}},
      {"bert4rec_without_transform", "heddle.bert4rec", {{"transform", false}, {"position_origin", text("start")}}},
      {"bert4rec_pre_ln", "heddle.bert4rec", {{"block", text("pre_ln")}}},
      {"bert4rec_pre_ln_without_transform", "heddle.bert4rec", {{"block", text("pre_ln")}, {"transform", false}}}};
  for (const char* block : {"query_ln", "pre_ln", "post_ln"}) {
    for (const char* objective : {"bce", "gbce", "sampled_softmax"}) {
      out.push_back({std::string("sasrec_") + block + "_" + objective,
                     "heddle.sasrec",
                     {{"block", text(block)}, {"objective", text(objective)}, {"negatives", five}}});
    }
  }
  out.push_back(
      {"sasrec_popular_negatives",
       "heddle.sasrec",
       {{"objective", text("sampled_softmax")}, {"negatives_from", text("popularity")}, {"tied_head", false}}});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Backbones, BackboneParityLong, testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace heddle
