// The optional slots of backbones as the host uses them: preparation, lists of a backbone's own, lists made item by item,
// the kinds of batches and positions. Backbones: tests/conformance/fixtures/backbones.cc.
#include <cmath>
#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/train/evaluation.h"
#include "core/train/trainer.h"
#include "test_backbones.h"

namespace heddle {
namespace {

using test::Machine;
using test::TestBackbone;

constexpr int64_t kItems = 25;

BackboneTrainingResult train(Machine& machine, Backbone& model, const Interactions& log, int64_t epochs,
                             const std::filesystem::path& checkpoint = {}) {
  const Part training = test::train_part(log), validation = test::target_part(log);
  BackboneTraining options;
  options.epochs = epochs;
  options.batch_sequences = 16;
  options.learning_rate = 1e-2;
  options.patience = 0;
  RankingProtocol protocol;
  protocol.filter_seen = false;
  return train_backbone(model, machine.context,
                        {log, training, validation, 4, options, protocol, checkpoint, {{"run", 1}}});
}

std::vector<float> prior_of(Backbone& model) {
  const auto span = model.parameters().tensor(2).span<float>();
  return {span.begin(), span.end()};
}

TEST(Preparation, sees_the_training_events_once_before_the_first_step) {
  const Interactions log = test::walk_log(40, kItems);
  std::vector<double> counts(kItems, 0);
  for (const UserRange& range : test::train_part(log).users)
    for (const int32_t item : log.items_of(range.begin, range.end)) counts[static_cast<size_t>(item)] += 1;
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    Machine machine(threads);
    TestBackbone backbone(machine, "test.ranks", kItems);
    train(machine, backbone.model, log, 2);
    const std::vector<float> prior = prior_of(backbone.model);
    for (size_t i = 0; i < counts.size(); ++i) {
      EXPECT_GE(prior[i], std::log1p(counts[i]) - 1e-6);  // plus up to 0.1 of noise
      EXPECT_LE(prior[i], std::log1p(counts[i]) + 0.1 + 1e-6);
    }
    if (threads > 1) {
      EXPECT_TRUE(test::same_bits(first, prior));
    }
    first = prior;
  }
}

TEST(Preparation, is_not_repeated_when_training_goes_on) {
  const auto checkpoint = test::scratch_folder() / "checkpoint.safetensors";
  Machine machine;
  TestBackbone begun(machine, "test.ranks", kItems);
  train(machine, begun.model, test::walk_log(40, kItems), 1, checkpoint);
  // Another log under the same identity: were it prepared again, the prior would be another one.
  TestBackbone resumed(machine, "test.ranks", kItems);
  train(machine, resumed.model, test::walk_log(40, kItems, 9), 1, checkpoint);
  EXPECT_TRUE(test::same_bits(prior_of(begun.model), prior_of(resumed.model)));
  TestBackbone other(machine, "test.ranks", kItems);
  train(machine, other.model, test::walk_log(40, kItems, 9), 1);
  EXPECT_FALSE(test::same_bits(prior_of(begun.model), prior_of(other.model)));
}

TEST(Lists, of_a_backbones_own_decoding_are_taken_as_they_come) {
  const Interactions log = test::walk_log(23, kItems);
  const Part part = test::target_part(log);
  Machine machine;
  TestBackbone backbone(machine, "test.ranks", kItems, 6);
  EXPECT_TRUE(backbone.model.ranks());
  RankingProtocol protocol;
  protocol.k = 5;
  protocol.batch_users = 4;
  for (const bool filter : {false, true}) {
    protocol.filter_seen = filter;
    const Recommendations lists = recommend_part(backbone.model, machine.context, log, part, {}, protocol);
    ASSERT_EQ(lists.rows(), 23);
    for (size_t u = 0; u < 23; ++u) {
      const auto history = log.items_of(part.users[u].begin, part.users[u].end);
      const std::vector<int32_t> items(history.begin(), history.end());
      EXPECT_EQ(test::best_by_hand(machine, backbone.model, items, filter ? items : std::vector<int32_t>{}, 5),
                std::vector<int32_t>(lists.lists.begin() + static_cast<int64_t>(u) * 5,
                                     lists.lists.begin() + static_cast<int64_t>(u + 1) * 5));
    }
  }
}

TEST(Lists, item_by_item_are_those_of_growing_histories) {
  const Interactions log = test::walk_log(17, kItems);
  const Part part = test::target_part(log);
  for (const char* id : {"test.causal", "test.cloze", "test.ranks"}) {
    Machine machine;
    TestBackbone backbone(machine, id, kItems, 5);  // most histories lose their oldest events
    RankingProtocol protocol;
    protocol.k = 6;
    protocol.batch_users = 5;
    protocol.generation = Generation::next_k;
    for (const bool filter : {false, true}) {
      protocol.filter_seen = filter;
      const Recommendations lists = recommend_part(backbone.model, machine.context, log, part, {}, protocol);
      for (size_t u = 0; u < 17; ++u) {
        const auto seen = log.items_of(part.users[u].begin, part.users[u].end);
        std::vector<int32_t> history(seen.begin(), seen.end()), masked = filter ? history : std::vector<int32_t>{};
        for (size_t j = 0; j < 6; ++j) {
          const int32_t pick = test::best_by_hand(machine, backbone.model, history, masked, 1).front();
          EXPECT_EQ(lists.lists[u * 6 + j], pick) << id << " user " << u << " place " << j << " filter " << filter;
          history.push_back(pick);
          masked.push_back(pick);
        }
      }
      protocol.batch_users = 17;
      const Recommendations again = recommend_part(backbone.model, machine.context, log, part, {}, protocol);
      EXPECT_EQ(again.lists, lists.lists);
      EXPECT_TRUE(test::same_bits(again.scores, lists.scores));
      protocol.batch_users = 5;
    }
  }
}

TEST(Lists, item_by_item_end_where_nothing_is_left) {
  const Interactions log = test::walk_log(3, 6);
  const Part part = test::target_part(log);
  Machine machine;
  TestBackbone backbone(machine, "test.causal", 6);
  RankingProtocol protocol;
  protocol.k = 8;
  protocol.generation = Generation::next_k;
  const Recommendations lists = recommend_part(backbone.model, machine.context, log, part, {}, protocol);
  for (size_t u = 0; u < 3; ++u) {
    const auto history = log.items_of(part.users[u].begin, part.users[u].end);
    const size_t left = 6 - std::set<int32_t>(history.begin(), history.end()).size();
    for (size_t j = 0; j < 8; ++j) {
      EXPECT_EQ(lists.lists[u * 8 + j] >= 0, j < left);
      EXPECT_EQ(std::isinf(lists.scores[u * 8 + j]), j >= left);
    }
  }
}

TEST(Lists, the_protocol_says_how_they_came_about) {
  const Interactions log = test::walk_log(5, kItems);
  Machine machine;
  TestBackbone backbone(machine, "test.causal", kItems);
  RankingProtocol protocol;
  for (const auto& [generation, name] : {std::pair(Generation::top_k, "top_k"), {Generation::next_k, "next_k"}}) {
    protocol.generation = generation;
    EXPECT_EQ(
        evaluate(backbone.model, machine.context, log, test::target_part(log), {}, {}, protocol).protocol["generation"],
        name);
  }
}

TEST(Cloze, learns_the_walk_with_the_mask_at_the_end) {
  const Interactions log = test::walk_log(120, kItems);
  Machine machine;
  TestBackbone backbone(machine, "test.cloze", kItems, 12);
  EXPECT_TRUE(backbone.model.append_mask());
  EXPECT_FALSE(backbone.model.causal());
  const BackboneTrainingResult result = train(machine, backbone.model, log, 60);
  EXPECT_LT(result.history.back().loss, 0.9 * result.history.front().loss);
  EXPECT_GT(result.best_validation, 0.25);  // chance: 0.18
  EXPECT_GT(result.best_validation, 1.3 * result.history.front().validation);
}

// A plugin's table with a change, as a backbone: what its constructor says.
template <class Change>
std::string refusal(std::string_view id, Change&& change, const std::vector<std::string_view>& without = {}) {
  const Component& right = test::test_backbone(id);
  static heddle_backbone_vtable table;  // info() is a plain function and finds the right one here
  static const heddle_backbone_vtable* inner;
  inner = &right.table<heddle_backbone_vtable>();
  table = *inner;
  static std::function<void(heddle_backbone_info&)> edit;
  edit = change;
  table.info = [](heddle_backbone* self, heddle_backbone_info* out, heddle_error* error) {
    const int32_t status = inner->info(self, out, error);
    edit(*out);
    return status;
  };
  Component wrong = right;
  wrong.vtable = &table;
  for (const std::string_view slot : without) std::erase(wrong.provided, slot);
  Machine machine;
  try {
    Backbone made(*machine.device, wrong, Values(right, {}), 9);
    return "none";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Declarations, that_contradict_themselves_are_refused) {
  const auto nothing = [](heddle_backbone_info&) {};
  EXPECT_EQ(refusal("test.causal", nothing), "none");
  EXPECT_NE(refusal("test.causal", [](auto& info) { info.batches = 3; }).find("batches of kind 3"), std::string::npos);
  EXPECT_NE(refusal("test.cloze", [](auto& info) { info.mask_probability = 1.5; }).find("mask_probability 1.5"),
            std::string::npos);
  EXPECT_NE(refusal("test.cloze", [](auto& info) { info.last_mask_probability = NAN; }).find("accepted: 0 to 1"),
            std::string::npos);
  EXPECT_EQ(refusal("test.causal", [](auto& info) { info.mask_probability = NAN; }),
            "none");  // not cloze: not looked at
  EXPECT_NE(refusal("test.ranks", nothing, {"rank"}).find("does not fill"), std::string::npos);
  EXPECT_NE(refusal("test.causal", nothing, {"forward_caching"}).find("all three or none"), std::string::npos);
  EXPECT_EQ(refusal("test.causal", nothing, {"forward_caching", "cache_width", "forward_from"}), "none");
}

}  // namespace
}  // namespace heddle
