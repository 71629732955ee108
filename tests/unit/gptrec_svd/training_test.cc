// heddle.gptrec_svd as a model: codes from the log, gradients against finite differences, and that it learns.
#include "fixture.h"

namespace heddle {
namespace {

using test::Histories, test::kItems, test::kTokens, test::kValues, test::Model, test::pack, test::walks;

double loss_of(Model& model, const Batch& batch, TensorList& gradients, uint64_t step = 1) {
  LossCollector losses;
  gradients.zero(model.context);
  model.backbone.train(model.context, rng_key(3, RngPurpose::dropout, 1, step), HEDDLE_PRECISION_F32, batch.sequences(),
                       gradients, losses);
  return losses.total();
}

TEST(GptRecSvd, codes_come_from_the_log_alone) {
  Model model, again(32, 1), other;
  const Histories log = walks(300, 1);
  model.prepare(log);
  again.prepare(log);
  other.prepare(walks(300, 9));
  const std::vector<float> tokens = model.tokens();
  EXPECT_EQ(tokens, again.tokens());
  EXPECT_NE(tokens, other.tokens());
  // Each place has its own values, had by equally many items to within one.
  std::vector<int64_t> counts(static_cast<size_t>(kTokens * kValues));
  for (int64_t i = 0; i < kItems; ++i) {
    for (int64_t k = 0; k < kTokens; ++k) {
      const auto token = static_cast<int64_t>(tokens[static_cast<size_t>(i * kTokens + k)]);
      ASSERT_GE(token, k * kValues);
      ASSERT_LT(token, (k + 1) * kValues);
      ++counts[static_cast<size_t>(token)];
    }
  }
  EXPECT_GE(*std::min_element(counts.begin(), counts.end()), kItems / kValues);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), kItems / kValues + 1);
}

TEST(GptRecSvd, items_that_nobody_had_get_codes_too) {
  Model model;
  model.prepare({{0, 1}, {1, 2}, {}});
  for (const float token : model.tokens()) EXPECT_TRUE(token >= 0 && token < static_cast<float>(kTokens * kValues));
  const test::Lists lists = model.rank({{0}}, {}, kItems);
  const std::set<int32_t> distinct(lists.items.begin(), lists.items.end());
  EXPECT_EQ(distinct.size(), static_cast<size_t>(kItems));
  EXPECT_EQ(*distinct.begin(), 0);
}

TEST(GptRecSvd, gradients_are_those_of_finite_differences) {
  for (const double dropout : {0.0, 0.3}) {
    Model model(32, 2, dropout);
    model.prepare(walks(200, 1));
    model.stir();
    Batch batch;
    pack(batch, {{3, 6, 9, 12, 15}, {1}, {8, 2, 30, 39, 0, 7, 7}}, true);
    const std::vector<ParameterInfo>& infos = model.backbone.parameters().infos();
    TensorList gradients(*model.device, infos, true), unused(*model.device, infos, true);
    for (const uint64_t step : {1, 2, 3, 4}) loss_of(model, batch, gradients, step);
    loss_of(model, batch, gradients);
    for (size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].buffer) continue;
      // Along the gradient itself the difference of the loss is the gradient's squared norm.
      auto weights = model.backbone.parameters().tensor(i).span<float>();
      const std::vector<float> kept(weights.begin(), weights.end());
      const auto gradient = gradients[i].span<float>();
      double norm = 0;
      for (const float g : gradient) norm += static_cast<double>(g) * static_cast<double>(g);
      ASSERT_GT(norm, 0) << infos[i].name;
      const double step = 2e-3 / std::sqrt(norm);
      double sides[2];
      for (const int side : {0, 1}) {
        for (size_t j = 0; j < kept.size(); ++j)
          weights[j] = kept[j] + static_cast<float>((side ? step : -step) * static_cast<double>(gradient[j]));
        sides[side] = loss_of(model, batch, unused);
      }
      std::copy(kept.begin(), kept.end(), weights.begin());
      EXPECT_NEAR((sides[1] - sides[0]) / (2 * step) / norm, 1, 0.01) << infos[i].name;
    }
  }
}

TEST(GptRecSvd, learns_what_follows_what) {
  Histories log;
  for (int32_t u = 0; u < 120; ++u) {
    std::vector<int32_t> history;
    for (int32_t t = 0; t < test::kLength; ++t) history.push_back((u * 7 + t * 3) % static_cast<int32_t>(kItems));
    log.push_back(history);
  }
  Model model;
  model.prepare(log);
  Batch batch;
  pack(batch, log, true);
  TensorList gradients(*model.device, model.backbone.parameters().infos(), true);
  const double before = loss_of(model, batch, gradients);
  std::vector<std::vector<float>> m(model.backbone.parameters().size());
  for (uint64_t step = 1; step <= 250; ++step) {  // plain momentum: the optimiser is the host's
    loss_of(model, batch, gradients, step);
    for (size_t i = 0; i < m.size(); ++i) {
      if (!gradients.has(i)) continue;
      auto weights = model.backbone.parameters().tensor(i).span<float>();
      const auto gradient = gradients[i].span<float>();
      m[i].resize(weights.size());
      for (size_t j = 0; j < weights.size(); ++j) {
        m[i][j] = 0.9f * m[i][j] + gradient[j];
        weights[j] -= 0.1f * m[i][j];
      }
    }
  }
  EXPECT_LT(loss_of(model, batch, gradients), 0.4 * before);
  int hits = 0;
  for (int32_t start = 0; start < 20; ++start) {
    const auto at = [&](int32_t t) { return (start + 3 * t) % static_cast<int32_t>(kItems); };
    hits += model.rank({{at(0), at(1), at(2)}}, {}, 1).items[0] == at(3);
  }
  EXPECT_GE(hits, 16);
}

TEST(GptRecSvd, score_is_the_logit_of_the_first_code) {
  Model model;
  model.prepare(walks(200, 1));
  model.stir();
  const std::vector<float> states = model.forward({{4, 9}});
  const int64_t width = model.backbone.hidden();
  Tensor hidden(*model.device, DType::f32, {1, width}), scores(*model.device, DType::f32, {1, kItems});
  std::copy_n(states.begin() + width, width, hidden.span<float>().begin());
  model.backbone.score(model.context, HEDDLE_PRECISION_F32, hidden, scores);
  const std::vector<float> tokens = model.tokens();
  const auto table = const_cast<Tensor&>(model.parameter("wte.weight")).span<float>();
  for (int64_t i = 0; i < kItems; ++i) {
    double logit = 0;
    for (int64_t c = 0; c < test::kHidden; ++c)
      logit +=
          static_cast<double>(states[static_cast<size_t>(2 * width - test::kHidden + c)]) *
          static_cast<double>(
              table[static_cast<size_t>(tokens[static_cast<size_t>(i * kTokens)]) * static_cast<size_t>(test::kHidden) +
                    static_cast<size_t>(c)]);
    EXPECT_NEAR(static_cast<double>(scores.span<float>()[static_cast<size_t>(i)]), logit, 1e-4);
  }
}

}  // namespace
}  // namespace heddle
