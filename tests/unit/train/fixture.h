// What the tests of core/train share: a small log with structure to learn, the in-tree plugins, bits of tensors.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/console.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/train/activations.h"
#include "core/train/backbone.h"
#include "core/train/dictionary_model.h"

namespace heddle::test {

inline const Registry& registry() {
  static const Registry one;
  return one;
}

inline const Component& component(int32_t kind, std::string_view id) { return registry().find(kind, id); }

// `users` users walk through `items` items: the next item is mostly the successor of the last one, sometimes any.
inline Interactions walk_log(int64_t users, int64_t items, uint64_t seed = 1) {
  Interactions log;
  for (int64_t i = 0; i < items; ++i) log.item_ids.push_back(std::to_string(i));
  log.offsets = {0};
  for (int64_t u = 0; u < users; ++u) {
    PhiloxStream random(rng_key(seed, RngPurpose::test, static_cast<uint64_t>(u)));
    log.user_ids.push_back(std::to_string(u));
    const int64_t length = 4 + static_cast<int64_t>(random.below(12));
    int64_t item = static_cast<int64_t>(random.below(static_cast<uint64_t>(items)));
    for (int64_t t = 0; t < length; ++t) {
      log.items.push_back(static_cast<int32_t>(item));
      log.times.push_back(t);
      item = random.uniform() < 0.85 ? (item + 1) % items
                                     : static_cast<int64_t>(random.below(static_cast<uint64_t>(items)));
    }
    log.offsets.push_back(log.event_count());
  }
  return log;
}

// Leave-one-out by hand: training without the last event, which is the target of the other part.
inline Part train_part(const Interactions& log) {
  Part part;
  for (int32_t u = 0; u < log.user_count(); ++u) part.users.push_back({u, log.begin(u), log.end(u) - 1, -1});
  return part;
}
inline Part target_part(const Interactions& log) {
  Part part;
  for (int32_t u = 0; u < log.user_count(); ++u)
    part.users.push_back({u, log.begin(u), log.end(u) - 1, log.end(u) - 1});
  return part;
}

inline Values gptrec_values(double dropout, int64_t hidden = 8, int64_t layers = 2, int64_t heads = 2,
                            int64_t max_length = 10) {
  return Values(component(HEDDLE_KIND_BACKBONE, "heddle.gptrec"), {{"hidden", hidden, {}},
                                                                   {"layers", layers, {}},
                                                                   {"heads", heads, {}},
                                                                   {"max_length", max_length, {}},
                                                                   {"dropout", dropout, {}}});
}

struct Machine {
  explicit Machine(int threads = 2) : device(Device::cpu({threads, "auto"})), context(*device) {}
  std::unique_ptr<Device> device;
  Context context;
};

inline Backbone gptrec(Machine& machine, int64_t items, const Values& values) {
  return Backbone(*machine.device, component(HEDDLE_KIND_BACKBONE, "heddle.gptrec"), values, items);
}

inline std::vector<float> bits(const ParameterSet& parameters) {
  std::vector<float> out;
  for (size_t i = 0; i < parameters.size(); ++i) {
    std::vector<float> one(static_cast<size_t>(parameters.info(i).size()));
    parameters.tensor(i).to_host(one.data());
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// A folder of this test alone, empty.
inline std::filesystem::path scratch_folder() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "heddle-train-tests" /
                                       (std::string(info->test_suite_name()) + "." + info->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// Vectors that are sparse positive mixtures of a few directions, plus an offset.
inline Activations mixtures(int64_t rows, int64_t width, uint64_t seed = 3) {
  const int64_t directions = 2 * width;
  std::vector<float> atoms(static_cast<size_t>(directions * width));
  PhiloxStream random(rng_key(seed, RngPurpose::test, 99));
  for (float& value : atoms) value = static_cast<float>(random.normal());
  std::vector<float> data(static_cast<size_t>(rows * width), 0.5f);
  std::vector<int32_t> users(static_cast<size_t>(rows)), positions(users.size()), items(users.size());
  for (int64_t b = 0; b < rows; ++b) {
    for (int n = 0; n < 3; ++n) {
      const int64_t atom = static_cast<int64_t>(random.below(static_cast<uint64_t>(directions)));
      const double strength = 0.5 + random.uniform();
      for (int64_t d = 0; d < width; ++d) {
        data[static_cast<size_t>(b * width + d)] +=
            static_cast<float>(strength * static_cast<double>(atoms[static_cast<size_t>(atom * width + d)]));
      }
    }
    users[static_cast<size_t>(b)] = static_cast<int32_t>(b / 7);
    positions[static_cast<size_t>(b)] = static_cast<int32_t>(b % 7);
    items[static_cast<size_t>(b)] = static_cast<int32_t>(b % 5);
  }
  return Activations::in_memory(width, std::move(data), std::move(users), std::move(positions), std::move(items));
}

}  // namespace heddle::test
