// Gradients of every form against finite differences of its loss, dropout on and off, and their bits on any number of
// threads. ReLU has kinks, where differences mislead: the forms that have it take GELU here (with ReLU they stand
// against PyTorch in tests/parity).
#include <cmath>

#include "tests/unit/backbones/fixture.h"

namespace heddle::test {
namespace {

double loss_of(Machine& machine, Backbone& backbone, const Batch& batch, TensorList& gradients) {
  LossCollector losses;
  gradients.zero(machine.context);
  backbone.train(machine.context, rng_key(3, RngPurpose::dropout), HEDDLE_PRECISION_F32, batch.sequences(), gradients,
                 losses);
  return losses.total();
}

class BackboneGradients : public testing::TestWithParam<Form> {
 protected:
  void check(double dropout) {
    Machine machine;
    const auto backbone = make(machine, GetParam(), dropout);
    Batch batch;
    fill(batch, *backbone, {5, 1, 9}, 4, true);
    TensorList gradients(*machine.device, backbone->parameters().infos(), true),
        unused(*machine.device, backbone->parameters().infos(), true);
    loss_of(machine, *backbone, batch, gradients);
    for (size_t i = 0; i < backbone->parameters().size(); ++i) {
      Tensor& weights = backbone->parameters().tensor(i);
      // Along a random direction, the derivative is the inner product with the gradient; f32 noise asks for a wide step.
      PhiloxStream random(rng_key(5, RngPurpose::test, i));
      const std::vector<float> before(weights.span<float>().begin(), weights.span<float>().end());
      std::vector<float> direction(before.size());
      double expected = 0, norm = 0;
      for (size_t j = 0; j < direction.size(); ++j) {
        direction[j] = static_cast<float>(random.normal());
        expected += static_cast<double>(direction[j]) * static_cast<double>(gradients[i].data<float>()[j]);
        norm += static_cast<double>(direction[j]) * static_cast<double>(direction[j]);
      }
      const double step = 4e-3 / std::sqrt(norm) * std::sqrt(std::min(16.0, static_cast<double>(direction.size())));
      const auto at = [&](double t) {
        for (size_t j = 0; j < direction.size(); ++j)
          weights.data<float>()[j] = before[j] + static_cast<float>(t * step) * direction[j];
        return loss_of(machine, *backbone, batch, unused);
      };
      const double measured = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
      std::copy(before.begin(), before.end(), weights.data<float>());
      EXPECT_NEAR(measured, expected, 4e-3 * std::max(1.0, std::abs(expected))) << backbone->parameters().info(i).name;
    }
  }
};

TEST_P(BackboneGradients, are_those_of_the_loss) { check(0); }
TEST_P(BackboneGradients, are_those_of_the_loss_under_dropout) { check(0.2); }

TEST_P(BackboneGradients, have_the_same_bits_on_any_number_of_threads) {
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    const auto backbone = make(machine, GetParam(), 0.1);
    Batch batch;
    fill(batch, *backbone, std::vector<int64_t>(40, 9), 4, true);
    TensorList gradients(*machine.device, backbone->parameters().infos(), true);
    std::vector<float> now{static_cast<float>(loss_of(machine, *backbone, batch, gradients))};
    for (size_t i = 0; i < gradients.size(); ++i)
      now.insert(now.end(), gradients[i].span<float>().begin(), gradients[i].span<float>().end());
    if (threads == 1) first = now;
    EXPECT_TRUE(same_bits(first, now)) << threads << " threads";
  }
}

std::vector<Form> smooth_forms() {
  std::vector<Form> out = forms();
  for (Form& form : out) {
    std::erase_if(form.options, [](const GivenValue& value) { return value.name == "activation"; });
    if (form.plugin == "heddle.sasrec") form.options.push_back(choice("activation", "gelu_tanh"));
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Backbones, BackboneGradients, testing::ValuesIn(smooth_forms()), name_of);

}  // namespace
}  // namespace heddle::test
