// The backbones of tests/conformance/fixtures as components of this program, and batches by hand. Include it in one file of
// a program: it defines the plugin's entry point.
#pragma once

#include "core/plugin/loader.h"
#include "fixture.h"
#include "tests/conformance/fixtures/backbones.cc"

namespace heddle::test {

inline const Component& test_backbone(std::string_view id) {
  static const LoadedPlugin& plugin = adopt_plugin(HEDDLE_ENTRY_NAME(), "of the test");
  for (const Component& one : plugin.components)
    if (one.id == id) return one;
  fail(HEDDLE_INTERNAL, "no test backbone {}", id);
}

// An instance with initial values; hidden 6, windows of at most `max_length`.
struct TestBackbone {
  TestBackbone(Machine& machine, std::string_view id, int64_t items, int64_t max_length = 8, uint64_t seed = 2)
      : model(*machine.device, test_backbone(id), Values(test_backbone(id), {{"max_length", max_length, {}}}), items) {
    model.initialise(machine.context, seed);
  }
  Backbone model;
};

// The best k items for this history, by one forward and a full sort; `masked` is left out.
inline std::vector<int32_t> best_by_hand(Machine& machine, Backbone& model, std::vector<int32_t> history,
                                         const std::vector<int32_t>& masked, size_t k) {
  const size_t most = static_cast<size_t>(model.max_length()) - (model.append_mask() ? 1 : 0);
  if (history.size() > most) history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(most));
  if (model.append_mask()) history.push_back(static_cast<int32_t>(model.items()));
  Batch batch;
  batch.items = history;
  const auto length = static_cast<int64_t>(history.size());
  for (int64_t t = 0; t < length; ++t)
    batch.positions.push_back(static_cast<int32_t>(model.positions_from_end() ? model.max_length() - length + t : t));
  batch.offsets = {0, length};
  batch.users = {0};
  batch.ranges = {0};
  batch.bind(false);
  Tensor hidden(*machine.device, DType::f32, {length, model.hidden()}),
      scores(*machine.device, DType::f32, {1, model.items()});
  model.forward(machine.context, HEDDLE_PRECISION_F32, batch.sequences(), {}, hidden);
  TensorView last = hidden.rows(length - 1, length);
  model.score(machine.context, HEDDLE_PRECISION_F32, last, scores);
  std::vector<int32_t> order;
  for (int32_t item = 0; item < model.items(); ++item)
    if (std::find(masked.begin(), masked.end(), item) == masked.end()) order.push_back(item);
  const float* s = scores.data<float>();
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return s[a] != s[b] ? s[a] > s[b] : a > b; });
  order.resize(k, -1);
  return order;
}

}  // namespace heddle::test
