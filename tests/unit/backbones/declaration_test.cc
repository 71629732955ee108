// What backbones say of themselves: tensors, initial values, sites, batches, and the header of a saved model.
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/compute/tensor.h"
#include "tests/unit/backbones/fixture.h"

namespace heddle::test {
namespace {

std::vector<std::string> tensors(const Backbone& backbone) {
  std::vector<std::string> out;
  for (const ParameterInfo& info : const_cast<Backbone&>(backbone).parameters().infos())
    out.push_back(info.name + " " + shape_text(info.shape));
  return out;
}

TEST(Sasrec, declares_the_original_without_output_projection_nor_expansion) {
  Machine machine;
  const auto backbone = make(machine, {"", "heddle.sasrec", {}}, 0, 1);
  EXPECT_EQ(tensors(*backbone),
            (std::vector<std::string>{"item_emb.weight [13,8]", "pos_emb.weight [10,8]", "h.0.ln_1.weight [8]",
                                      "h.0.ln_1.bias [8]", "h.0.attn.c_attn.weight [8,24]", "h.0.attn.c_attn.bias [24]",
                                      "h.0.ln_2.weight [8]", "h.0.ln_2.bias [8]", "h.0.mlp.c_fc.weight [8,8]",
                                      "h.0.mlp.c_fc.bias [8]", "h.0.mlp.c_proj.weight [8,8]", "h.0.mlp.c_proj.bias [8]",
                                      "norm.weight [8]", "norm.bias [8]"}));
  EXPECT_TRUE(backbone->causal());
  EXPECT_TRUE(backbone->positions_from_end());
  EXPECT_FALSE(backbone->append_mask());
  EXPECT_EQ(backbone->batches(), HEDDLE_BATCHES_NEXT_ITEM);
  EXPECT_EQ(backbone->parameters().with_role(HEDDLE_ROLE_ITEM_TABLE), size_t{0});
}

TEST(Sasrec, an_untied_head_and_popular_negatives_have_tensors_of_their_own) {
  Machine machine;
  const auto backbone = make(machine,
                             {"",
                              "heddle.sasrec",
                              {option("tied_head", false), choice("objective", "sampled_softmax"),
                               choice("negatives_from", "popularity"), choice("position_origin", "start")}},
                             0, 1);
  const std::vector<std::string> names = tensors(*backbone);
  const auto head = backbone->parameters().with_role(HEDDLE_ROLE_ITEM_TABLE);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(names.at(*head), "output_emb.weight [13,8]");
  EXPECT_EQ(std::count(names.begin(), names.end(), "sampler.weights [13]"), 1);
  EXPECT_FALSE(backbone->positions_from_end());
}

TEST(Bert4rec, declares_a_mask_token_and_a_bias_per_item) {
  Machine machine;
  const auto backbone = make(
      machine, {"", "heddle.bert4rec", {option("mask_probability", 0.3), option("last_mask_probability", 0.2)}}, 0, 1);
  const std::vector<std::string> names = tensors(*backbone);
  EXPECT_EQ(names.front(), "item_emb.weight [14,8]");
  EXPECT_EQ(names.back(), "output_bias [13]");
  EXPECT_EQ(std::count(names.begin(), names.end(), "transform.weight [8,8]"), 1);
  EXPECT_FALSE(backbone->causal());
  EXPECT_TRUE(backbone->append_mask());
  EXPECT_TRUE(backbone->positions_from_end());
  EXPECT_EQ(backbone->batches(), HEDDLE_BATCHES_CLOZE);
  EXPECT_EQ(backbone->mask_probability(), 0.3);
  EXPECT_EQ(backbone->last_mask_probability(), 0.2);
}

// Glorot's deviation is that of each matrix; the three thirds of c_attn are matrices of their own.
TEST(Sasrec, initial_weights_are_glorots) {
  Machine machine;
  Backbone backbone(*machine.device, registry().find(HEDDLE_KIND_BACKBONE, "heddle.sasrec"),
                    Values(registry().find(HEDDLE_KIND_BACKBONE, "heddle.sasrec"),
                           {option("hidden", int64_t{64}), option("feed_forward", int64_t{4})}),
                    500);
  backbone.initialise(machine.context, 1);
  for (size_t i = 0; i < backbone.parameters().size(); ++i) {
    const ParameterInfo& info = backbone.parameters().info(i);
    if (info.shape.size() != 2) continue;
    double squares = 0;
    for (const float value : backbone.parameters().tensor(i).span<float>())
      squares += static_cast<double>(value) * static_cast<double>(value);
    const bool fused = info.name.ends_with("c_attn.weight");
    const double sum = static_cast<double>(info.shape[0] + (fused ? info.shape[1] / 3 : info.shape[1]));
    EXPECT_NEAR(std::sqrt(squares / static_cast<double>(info.size())) / std::sqrt(2 / sum), 1, 0.05) << info.name;
  }
}

class BackboneForms : public testing::TestWithParam<Form> {};

TEST_P(BackboneForms, have_three_sites_per_block_and_the_final_one) {
  Machine machine;
  const auto backbone = make(machine, GetParam());
  std::vector<std::string> names, seen;
  for (const Site& site : backbone->sites()) names.push_back(site.name);
  EXPECT_EQ(names, (std::vector<std::string>{"block.0.attn.out", "block.0.mlp.out", "block.0.out", "block.1.attn.out",
                                             "block.1.mlp.out", "block.1.out", "final"}));
  Batch batch;
  fill(batch, *backbone, {4, 6}, 2, false);
  forward(machine, *backbone, batch, [&](const HookPoint& point) {
    seen.push_back(names.at(static_cast<size_t>(point.site)));
    return true;
  });
  EXPECT_EQ(seen, names);
}

// Importers of weights must know these of a model, since its tensors do not show them.
TEST_P(BackboneForms, state_their_form_in_the_header_of_a_saved_model) {
  Machine machine;
  const auto backbone = make(machine, GetParam());
  const auto file = std::filesystem::path(testing::TempDir()) / ("header-" + GetParam().name + ".safetensors");
  backbone->save(file);
  const nlohmann::json params = backbone->load(file).at("heddle").at("params");
  std::filesystem::remove(file);
  if (GetParam().plugin == "heddle.gptrec") {  // GPT-2 has one form, which its name states
    EXPECT_FALSE(params.contains("block"));
    EXPECT_FALSE(backbone->positions_from_end());
    return;
  }
  EXPECT_EQ(params.at("padding"), "none");
  EXPECT_EQ(params.at("position_origin"), backbone->positions_from_end() ? "end" : "start");
  EXPECT_TRUE(params.at("block").is_string());
}

TEST_P(BackboneForms, refuse_heads_that_do_not_divide_the_width) {
  EXPECT_THROW(values_of(GetParam(), 0, 1, 3), Error);
}

INSTANTIATE_TEST_SUITE_P(Backbones, BackboneForms, testing::ValuesIn(forms()), name_of);

}  // namespace
}  // namespace heddle::test
