// A finished run as `heddle run` leaves it, made up: folders, records and numbers of the sizes that a test asks for. Film 0 to
// N-1, genres by number (film i has genre i mod G), feature f stands for genre f mod G, so that tests know what must come out.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/pipeline/data_files.h"
#include "core/pipeline/example_file.h"
#include "core/pipeline/feature_details.h"
#include "core/pipeline/feature_file.h"
#include "core/pipeline/run_record.h"
#include "core/pipeline/stages.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle::test {

inline const std::vector<std::string>& genres() {
  static const std::vector<std::string> names = {"Action", "Comedy", "Drama", "Horror", "Sci-Fi", "War"};
  return names;
}

struct FakeRun {
  std::filesystem::path output;
  std::string name = "made-up", experiment = "made-up";
  int64_t items = 60, features = 32, sequence_length = 12;
  double l1 = 0.1;
  int64_t width = 32, seed = 1;
  double mean = 0.6;  // mean best correlation
  bool details = true, steering = true, examples = true, probe = true;
  bool interpreted = true;
  bool dictionary = true;                            // false: a backbone that was trained and judged, nothing else
  nlohmann::json report = nlohmann::json::object();  // [report]; empty: none

  // Keys differ where contents may differ; what two runs of one folder share has one key.
  static std::string key(const std::string& text) {
    return fmt::format("{:016x}{:048x}", std::hash<std::string>{}(text), 0);
  }
  std::string point() const { return fmt::format("{} {} {} {} {}", l1, width, seed, features, mean); }

  ItemData item_data() const {
    ItemData data;
    std::vector<std::string> ids;
    std::vector<int64_t> counts;
    for (int64_t i = 0; i < items; ++i) ids.push_back(fmt::format("i{}", i)), counts.push_back(1000 - i % 1000);
    data.catalogue = Catalogue(ids, counts);
    data.catalogue.titles.clear();
    for (int64_t i = 0; i < items; ++i)
      // The second tries to break out of the page.
      data.catalogue.titles.push_back(i == 1 ? "</script><b>\"Film\" & 'one' ★"
                                             : fmt::format("Film {} ({})", i, 1950 + i % 50));
    data.attributes.items = items;
    for (const std::string& genre : genres())
      data.attributes.attributes.push_back({"genre:" + genre, "genre", HEDDLE_ATTRIBUTE_BINARY, items / 6});
    data.attributes.attributes.push_back({"year:year", "year", HEDDLE_ATTRIBUTE_NUMERIC, items});
    data.attributes.numeric.resize(data.attributes.attributes.size());
    for (int64_t i = 0; i < items; ++i) data.attributes.numeric.back().push_back(static_cast<float>(1950 + i % 50));
    data.attributes.offsets = {0};
    for (int64_t i = 0; i < items; ++i) {
      data.attributes.labels.push_back(static_cast<int32_t>(i % 6));
      data.attributes.offsets.push_back(i + 1);
    }
    return data;
  }

  // Correlation of feature f with genre a: high where it stands for it, falling with f; one pair is undefined.
  double score(int64_t feature, size_t attribute) const {
    const bool own = static_cast<size_t>(feature) % 6 == attribute;
    return own ? mean + 0.1 - 0.2 * static_cast<double>(feature) / static_cast<double>(features) : -0.05;
  }
  bool silent(int64_t feature) const { return feature == features - 1; }

  FeatureFile feature_file() const {
    FeatureFile file;
    for (const std::string& genre : genres()) file.attributes.push_back("genre:" + genre);
    file.attributes.push_back("year:year");
    file.metrics = {"pearson", "roc_auc", "sensitivity"};
    file.lower_is_better = {false, false, false};
    file.points = 5000;
    for (const std::string& metric : file.metrics)
      for (int64_t f = 0; f < features; ++f)
        for (size_t a = 0; a < file.attributes.size(); ++a) {
          const bool numeric = a == 6;
          double value = silent(f) || (numeric && metric != "pearson") ? std::nan("") : numeric ? 0.01 : score(f, a);
          if (metric == "roc_auc") value = 0.5 + value / 2;
          file.scores[metric].push_back(value);
        }
    for (int64_t f = 0; f < features; ++f) {
      FeatureSummary feature;
      if (!silent(f)) {
        feature.rate = 0.1 / static_cast<double>(f + 1), feature.mean = 0.7, feature.maximum = 3;
        for (int64_t i = 0; i < 10; ++i)
          feature.items.push_back({static_cast<int32_t>((f + 6 * i) % items), 2.0 - 0.1 * static_cast<double>(i), 12});
      }
      file.features.push_back(std::move(feature));
    }
    return file;
  }

  FeatureDetails feature_details() const {
    FeatureDetails out;
    out.bins = 24, out.best_by = "pearson";
    for (size_t a = 0; a < genres().size(); ++a) {
      AttributeHistogram own{"genre:" + genres()[a], static_cast<int64_t>(a), {}};
      for (int64_t bin = 0; bin < out.bins; ++bin) own.present.push_back(20 + bin / 6);
      out.attributes.push_back(std::move(own));
    }
    for (int64_t f = 0; f < features; ++f) {
      FeatureDetail detail;
      if (!silent(f)) {
        detail.maximum = 3;
        for (int64_t bin = 0; bin < out.bins; ++bin) detail.histogram.push_back(500 / (bin + 1) + 24);
        for (int32_t s = 0; s < 3; ++s) {
          FeatureSequence sequence{s, fmt::format("u{}", s), 4, static_cast<int32_t>(sequence_length / 2), {}, {}};
          for (int64_t i = 0; i < sequence_length; ++i) {
            sequence.items.push_back(static_cast<int32_t>((f + s + 5 * i) % items));
            sequence.activations.push_back(i == sequence.peak ? 3.0f : i % 3 == 0 ? 0.37f : 0.0f);
          }
          detail.sequences.push_back(std::move(sequence));
        }
        for (int32_t i = 0; i < 8; ++i) {
          detail.promoted.push_back({static_cast<int32_t>((f + i) % items), 1.5f - 0.1f * static_cast<float>(i)});
          detail.demoted.push_back({static_cast<int32_t>((f + 20 + i) % items), -1.5f + 0.1f * static_cast<float>(i)});
        }
        for (int64_t i = 1; i < 6; ++i) detail.similar.push_back({(f + i) % features, 0.5f});
      }
      out.features.push_back(std::move(detail));
    }
    return out;
  }

  StageResults interpretation_results() const {
    StageResults results;
    results.protocol = {{"site", "block.0.out"},
                        {"points", 5000},
                        {"users", "test_users"},
                        {"label", "attribute of the input item"},
                        {"best_by", "pearson"}};
    for (size_t a = 0; a < genres().size(); ++a) {
      const std::string attribute = "genre:" + genres()[a];
      for (const char* metric : {"pearson", "roc_auc", "sensitivity"})
        results.values.push_back(
            {metric, std::to_string(a), attribute, score(static_cast<int64_t>(a), a), "", {{"best_by", "pearson"}}});
      results.values.push_back(
          {"point_share", "", attribute, 0.1 + 0.05 * static_cast<double>(a), "", nlohmann::json::object()});
    }
    results.values.push_back(
        {"mean_best.genre.pearson", "", "", mean, "", {{"attributes", 6}, {"best_by", "pearson"}}});
    return results;
  }

  StageResults evaluation_results(bool reconstructed) const {
    StageResults results;
    results.protocol = {{"k", 10},
                        {"users", 100},
                        {"split", "new_users/test"},
                        {"filter_seen", true},
                        {"ranking", "full catalogue"},
                        {"site", "block.0.out"}};
    if (reconstructed)
      for (const auto& [metric, value] : std::map<std::string, double>{
               {"rmse_global", l1}, {"ev_var", 1 - l1 * l1}, {"l0", 10 / l1}, {"dead_share", 0.03}})
        results.add(metric, value);
    for (const auto& [metric, value] : std::map<std::string, double>{
             {"ndcg", 0.15}, {"hit_rate", 0.27}, {"coverage", 0.36}, {"inter_list_diversity", 0.98}})
      results.values.push_back({metric, "", "", reconstructed ? value * (1 - l1 / 10) : value, "", {{"k", 10}}});
    return results;
  }

  // Two targets over -4 … 4: the target's share rises with the value, another falls; quality falls with |value|.
  StageResults steering_results(const std::string& kind, const std::string& direction) const {
    StageResults results;
    results.protocol = {{"kind", kind}, {"dictionary", "l1"}, {"positions", "last"},
                        {"k", 10},      {"users", 100},       {"vector_scale", "unit_variance"}};
    for (const char* metric : {"ndcg", "coverage", "inter_list_diversity"})
      results.values.push_back({metric, "", "", 0.2, "", {{"k", 10}}});
    for (const std::string& genre : genres())
      results.values.push_back({"share", "", "genre:" + genre, 0.2, "", {{"k", 10}}});
    for (const std::string target : {"genre:Sci-Fi", "genre:War"}) {
      nlohmann::json keys = {{"k", 10}, {"target", target}};
      if (!direction.empty()) keys["direction"] = direction;
      for (int value = -4; value <= 4; ++value) {
        keys["value"] = value;
        for (const char* metric : {"ndcg", "coverage", "inter_list_diversity"})
          results.values.push_back({metric, "4", "", 0.2 - 0.005 * value * value, "", keys});
        for (const std::string& genre : genres()) {
          const bool own = "genre:" + genre == target;
          results.values.push_back(
              {"share", "4", "genre:" + genre, own ? 0.5 + 0.1 * value : 0.2 - 0.01 * value, "", keys});
        }
      }
      keys.erase("value");
      results.values.push_back({"share_spearman", "4", target, 1.0, "", keys});
    }
    return results;
  }

  void write_dictionary(const auto& stage, const auto& numbers) const {
    StageResults trained;
    trained.add("steps", 100);
    numbers("dictionary", "l1", point(), trained);
    numbers("evaluation", "l1", point(), evaluation_results(true));
    if (!interpreted) return;
    stage("interpretation", "l1", point(), [&](ArtefactWriter& writer) {
      feature_file().save(writer);
      if (details) feature_details().save(writer);
      save_results(writer, interpretation_results());
    });
    StageResults neurons, probes;
    for (const std::string& genre : genres()) {
      neurons.values.push_back({"pearson", "3", "genre:" + genre, -0.25, "", nlohmann::json::object()});
      probes.values.push_back({"pearson", "", "genre:" + genre, 0.85, "", nlohmann::json::object()});
    }
    neurons.values.push_back({"mean_best.genre.pearson", "", "", 0.25, "", {{"attributes", 6}}});
    numbers("neurons", "block.0.out", "", neurons);
    if (probe) numbers("probe", "block.0.out", "", probes);
    if (steering) {
      numbers("steering", "0", point(), steering_results("set_feature", ""));
      numbers("steering", "1", point(), steering_results("add_vector", "decoder"));
      numbers("steering", "2", point(), steering_results("add_vector", "probe"));
    }
    if (examples)
      stage("examples", "0", point(), [&](ArtefactWriter& writer) {
        ExampleFile file;
        file.dictionary = "l1", file.feature = 4, file.target = file.attribute = "genre:Sci-Fi", file.values = {2, 5};
        ExampleUser user;
        user.user_id = "u7", user.history = {1, 2, 3}, user.history_length = 33;
        user.before.items = {5, 6, 7}, user.before.scores = {3, 2, 1};
        user.after = {{2, {5, 10, 7}, {3, 2, 1}, 1}, {5, {4, 10, 16}, {3, 2, 1}, 3}};
        file.users.push_back(user);
        file.save(writer);
      });
  }

  void write() const {
    const ArtefactStore store(output);
    RunRecord record;
    record.run = name, record.experiment = experiment, record.seed = 1, record.best_by = "pearson";
    if (dictionary) record.sites = {{"l1", "block.0.out"}};
    auto stage = [&](const std::string& stage_name, const std::string& part, const std::string& what, auto&& fill) {
      const std::string stage_key = key(stage_name + part + what);
      record.stages[{stage_name, part}] = stage_key;
      if (store.has(stage_name, stage_key)) return;
      auto writer = store.create({stage_name, stage_key, nlohmann::ordered_json::object(), {}});
      fill(writer);
      writer.commit();
    };
    auto numbers = [&](const std::string& stage_name, const std::string& part, const std::string& what,
                       const StageResults& results) {
      stage(stage_name, part, what, [&](ArtefactWriter& writer) { save_results(writer, results); });
    };
    StageResults split;
    for (const char* metric : {"users", "items", "interactions", "train_users", "dictionary_users", "test_users"})
      split.add(metric, 1234);
    numbers("split", "", "", split);
    stage("attributes", "", "", [&](ArtefactWriter& writer) { save_items(writer, item_data()); });
    StageResults backbone;
    backbone.add("epochs", 12), backbone.add("best_epoch", 7);
    numbers("backbone", "", "", backbone);
    if (dictionary) write_dictionary(stage, numbers);
    numbers("evaluation", "", "", evaluation_results(false));
    record.resolved = {{"experiment", {{"name", experiment}, {"seed", 1}}},
                       {"interactions", {{"plugin", "made.up"}, {"params", {{"path", "nowhere"}}}}},
                       {"split", {{"kind", "new_users"}}},
                       {"backbone", {{"plugin", "made.backbone"}, {"params", {{"hidden", 64}}}}},
                       {"attributes", {{"genre", {{"plugin", "made.genres"}}}}},
                       {"dictionary",
                        {{"l1",
                          {{"plugin", "heddle.l1"},
                           {"params", {{"width", width}, {"l1", l1}}},
                           {"site", "block.0.out"},
                           {"training", {{"steps", 100}, {"batch", 64}, {"learning_rate", 0.001}, {"seed", seed}}}}}}},
                       {"interpret", {{"best_by", "pearson"}}}};
    if (!dictionary) record.resolved.erase("dictionary");
    if (!report.empty()) record.resolved["report"] = report;
    save_run_record(output, record);
  }
};

// λ × seeds and width × seeds, as for Fig 3: the best mean at λ = 0.1.
inline void write_sweep(const std::filesystem::path& output, int seeds) {
  for (double l1 : {0.01, 0.1, 0.3, 1.0})
    for (int seed = 1; seed <= seeds; ++seed) {
      FakeRun run{.output = output, .name = fmt::format("made-up@l1={:g},seed={}", l1, seed)};
      run.l1 = l1, run.seed = seed, run.mean = 0.7 - 0.15 * std::abs(std::log10(l1) + 1) - 0.01 * seed;
      run.steering = run.examples = run.probe = false;
      run.write();
    }
  for (int64_t width : {16, 64, 128}) {
    FakeRun run{.output = output, .name = fmt::format("wide@width={}", width)};
    run.experiment = "wide", run.width = width, run.mean = 0.5, run.steering = run.examples = run.probe = false;
    run.write();
  }
}

// write_sweep() with two seeds and the run "full", written once per program: every artefact is flushed to the disk, which takes
// its time on a busy machine.
inline const std::filesystem::path& shared_runs() {
  static const TemporaryFolder folder;
  static const bool written = [] {
    write_sweep(folder, 2);
    FakeRun{.output = folder, .name = "full", .experiment = "full"}.write();
    return true;
  }();
  (void)written;
  return folder;
}
inline std::string shared(const std::string& run) { return (shared_runs() / run).string(); }

}  // namespace heddle::test
