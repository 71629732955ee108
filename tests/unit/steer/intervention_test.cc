// Interventions against the definition, computed by hand in f64 from the dictionary's own tensors, on a real backbone plugin.
#include "core/steer/intervention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/compute/rng.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/steer/sweep.h"

namespace heddle {
namespace {

constexpr int64_t width = 8, features = 12;

Values values_of(const Component& component, std::vector<GivenValue> given) {
  return Values(component, std::move(given));
}

class Steering : public ::testing::Test {
 protected:
  Steering() : device_(Device::cpu({2, "auto"})), context_(*device_) {
    const Component& gptrec = registry().find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
    backbone_ = std::make_unique<Backbone>(*device_, gptrec,
                                           values_of(gptrec, {{"hidden", width, {}},
                                                              {"layers", int64_t{2}, {}},
                                                              {"heads", int64_t{2}, {}},
                                                              {"max_length", int64_t{8}, {}}}),
                                           20);
    backbone_->initialise(context_, 5);
    const Component& l1 = registry().find(HEDDLE_KIND_DICTIONARY, "heddle.l1");
    model_ = std::make_unique<DictionaryModel>(*device_, l1, values_of(l1, {{"width", features, {}}}), width);
    std::vector<float> sample(static_cast<size_t>(width) * 4, 0.5f);
    model_->initialise(context_, 7, sample.data(), 4);
    batch_.offsets = {0, 3, 5};
    batch_.items = {1, 4, 2, 7, 9};
    batch_.positions = {0, 1, 2, 0, 1};
    batch_.users = {0, 1};
    batch_.bind(false);
    std::vector<float> rows(60 * static_cast<size_t>(width));
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.7) * 2 + static_cast<double>(i % width));
    normalizer_ = std::make_unique<Normalizer>(Normalizer::fit(
        Normalization::per_dimension, Activations::in_memory(width, rows, std::vector<int32_t>(60),
                                                             std::vector<int32_t>(60), std::vector<int32_t>(60))));
    site_ = backbone_->site("block.0.out");
  }

  static const Registry& registry() {
    static const Registry registry;
    return registry;
  }

  // Activations at the site after `hook` has acted; the untouched ones with {}.
  std::vector<float> site_after(const Hook& hook) {
    std::vector<float> seen;
    const Hook spy = [&](const HookPoint& point) {
      if (hook) hook(point);
      if (point.site == site_) {
        const auto* data = static_cast<const float*>(point.activations->data);
        seen.assign(data, data + 5 * width);
      }
      return true;
    };
    Tensor hidden(*device_, DType::f32, {5, width});
    backbone_->forward(context_, HEDDLE_PRECISION_F32, batch_.sequences(), spy, hidden);
    return seen;
  }

  const float* parameter(int32_t role) {
    return model_->parameters().tensor(*model_->parameters().with_role(role)).data<float>();
  }

  // The reconstruction of one row of x with feature edits, by definition: relu((z - b) We^T + be), edits, D f + b, de-normalised.
  std::vector<double> by_hand(const float* x, const std::vector<FeatureEdit>& edits) {
    const float *We = parameter(HEDDLE_ROLE_ENCODER), *be = parameter(HEDDLE_ROLE_ENCODER_BIAS),
                *D = parameter(HEDDLE_ROLE_DECODER), *b = parameter(HEDDLE_ROLE_DECODER_BIAS);
    std::vector<double> z(width), f(features, 0), out(width);
    for (size_t i = 0; i < width; ++i)
      z[i] = (static_cast<double>(x[i]) - normalizer_->center()[i]) / normalizer_->scale()[i];
    for (size_t j = 0; j < features; ++j) {
      double p = be[j];
      for (size_t i = 0; i < width; ++i) p += (z[i] - b[i]) * We[j * width + i];
      f[j] = std::max(0.0, p);
    }
    for (const FeatureEdit& edit : edits) f[static_cast<size_t>(edit.feature)] = edit.value;
    for (size_t i = 0; i < width; ++i) {
      double y = b[i];
      for (size_t j = 0; j < features; ++j) y += f[j] * D[j * width + i];
      out[i] = y * normalizer_->scale()[i] + normalizer_->center()[i];
    }
    return out;
  }

  void expect_row(const std::vector<float>& actual, size_t row, const std::vector<double>& expected) {
    for (size_t i = 0; i < width; ++i)
      EXPECT_NEAR(actual[row * width + i], expected[i], 2e-5 * (1 + std::abs(expected[i])))
          << "row " << row << " column " << i;
  }
  Hook hook(Intervention intervention) {
    return make_hook(site_, *device_, model_.get(), *normalizer_, std::move(intervention));
  }

  std::unique_ptr<Device> device_;
  Context context_;
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<DictionaryModel> model_;
  std::unique_ptr<Normalizer> normalizer_;
  Batch batch_;
  int64_t site_ = 0;
};

TEST_F(Steering, reconstruction_replaces_every_row) {
  const auto before = site_after({}), after = site_after(hook({}));
  for (size_t row = 0; row < 5; ++row) expect_row(after, row, by_hand(&before[row * width], {}));
}

TEST_F(Steering, a_feature_is_set_at_the_last_position_of_each_sequence) {
  Intervention intervention;
  intervention.features = {{3, 4.5f}, {7, -2.0f}, {5, 0.0f}};
  const auto before = site_after({}), after = site_after(hook(intervention));
  for (size_t row = 0; row < 5; ++row) {
    const bool last = row == 2 || row == 4;
    expect_row(after, row, by_hand(&before[row * width], last ? intervention.features : std::vector<FeatureEdit>{}));
  }
}

TEST_F(Steering, all_positions_are_edited_when_asked) {
  Intervention intervention;
  intervention.features = {{3, 4.5f}};
  intervention.edit = Positions::all;
  const auto before = site_after({}), after = site_after(hook(intervention));
  for (size_t row = 0; row < 5; ++row) expect_row(after, row, by_hand(&before[row * width], intervention.features));
}

TEST_F(Steering, replacing_the_last_position_leaves_the_others_alone) {
  Intervention intervention;
  intervention.features = {{3, 4.5f}};
  intervention.replace = Positions::last;
  const auto before = site_after({}), after = site_after(hook(intervention));
  for (size_t row : {0u, 1u, 3u})
    for (size_t i = 0; i < width; ++i) EXPECT_EQ(after[row * width + i], before[row * width + i]);
  for (size_t row : {2u, 4u}) expect_row(after, row, by_hand(&before[row * width], intervention.features));
}

TEST_F(Steering, with_the_error_kept_no_edit_changes_nothing_and_an_edit_adds_its_decoder_row) {
  Intervention intervention;
  intervention.keep_error = true;
  const auto before = site_after({});
  const auto same = site_after(hook(intervention));
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(same[i], before[i], 1e-5 * (1 + std::abs(before[i])));
  intervention.features = {{2, 6.0f}};
  const auto after = site_after(hook(intervention));
  for (size_t row : {2u, 4u}) {
    const auto edited = by_hand(&before[row * width], intervention.features), plain = by_hand(&before[row * width], {});
    std::vector<double> expected(width);
    for (size_t i = 0; i < width; ++i) expected[i] = before[row * width + i] + edited[i] - plain[i];
    expect_row(after, row, expected);
  }
}

TEST_F(Steering, a_vector_is_added_on_the_models_scale) {
  Intervention intervention;
  intervention.reconstruct = false;
  for (int64_t i = 0; i < width; ++i) intervention.vector.push_back(static_cast<float>(i) - 3);
  const auto before = site_after({}),
             after = site_after(make_hook(site_, *device_, nullptr, *normalizer_, intervention));
  for (size_t row = 0; row < 5; ++row)
    for (size_t i = 0; i < width; ++i) {
      const double added =
          row == 2 || row == 4 ? static_cast<double>(intervention.vector[i]) * normalizer_->scale()[i] : 0;
      EXPECT_NEAR(after[row * width + i], before[row * width + i] + added, 1e-5 * (1 + std::abs(added)));
    }
}

TEST_F(Steering, impossible_interventions_are_refused) {
  Intervention outside;
  outside.features = {{features, 1.0f}};
  EXPECT_THROW(hook(outside), Error);
  Intervention nan;
  nan.features = {{0, std::nanf("")}};
  EXPECT_THROW(hook(nan), Error);
  Intervention lost;
  lost.features = {{0, 1.0f}};
  lost.edit = Positions::all;
  lost.replace = Positions::last;
  EXPECT_THROW(hook(lost), Error);
  Intervention wide;
  wide.reconstruct = false;
  wide.vector.assign(width + 1, 0.f);
  EXPECT_THROW(hook(wide), Error);
}

TEST(AttributeShares, by_hand) {
  AttributeTable table;
  table.items = 4;
  table.attributes = {{"g:a", "g", HEDDLE_ATTRIBUTE_BINARY, 2},
                      {"g:b", "g", HEDDLE_ATTRIBUTE_BINARY, 1},
                      {"n:x", "n", HEDDLE_ATTRIBUTE_NUMERIC, 4}};
  table.offsets = {0, 1, 3, 3, 3};  // item 0: a; item 1: a, b
  table.labels = {0, 0, 1};
  Recommendations lists;
  lists.k = 2;
  lists.users = {0, 1};
  lists.targets = {3, 3};
  lists.lists = {0, 1, 2, -1};  // the second list is short: k stays the denominator
  const auto shares = attribute_shares(lists, table);
  EXPECT_DOUBLE_EQ(shares[0], 0.5);
  EXPECT_DOUBLE_EQ(shares[1], 0.25);
  EXPECT_TRUE(std::isnan(shares[2]));
}

}  // namespace
}  // namespace heddle
