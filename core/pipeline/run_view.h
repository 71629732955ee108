// A finished run, opened for use: recommend, steer, look at features. Needs only the output folder and the plugins of the
// models, neither the experiment file nor its data.
//
//   RunView run("results/quickstart", registry);
//   auto list = run.recommend({.history = {3, 17}, .sliders = {{"l1", 42, 5.0f}}, .top = 10});
//
// Ownership: owns device, models and data; opened when first asked for. Threads: one at a time.
// Errors: NOT_FOUND / DATA_LOSS for missing or damaged artefacts; wrong_use for names that are not there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/pipeline/data_files.h"
#include "core/pipeline/feature_file.h"
#include "core/pipeline/models.h"
#include "core/pipeline/run_record.h"
#include "core/steer/sweep.h"

namespace heddle {

// One feature of one dictionary set to a value at the last position of the history.
struct Slider {
  std::string dictionary;
  int64_t feature;
  float value;
};

struct RecommendRequest {
  std::vector<int32_t> history;  // item indices, oldest first
  std::vector<Slider> sliders;   // all of one dictionary
  int64_t top = 10;
  bool filter_seen = true;
};

struct RecommendedItem {
  int32_t item;
  float score;
};

class RunView {
 public:
  // text: see find_run.
  RunView(const std::string& text, const Registry& registry, const ComputeOptions& compute = {});

  const RunRecord& record() const { return record_; }
  const std::filesystem::path& output() const { return output_; }
  bool has(const std::string& stage, const std::string& part = "") const;
  Artefact artefact(const std::string& stage, const std::string& part = "") const;
  std::vector<std::string> dictionaries() const;
  // "" when there is exactly one; throws wrong_use listing them when the name is unknown or missing.
  std::string dictionary_name(const std::string& name) const;

  const LogData& log();
  const ItemData& items();
  Backbone& backbone();
  DictionaryModel& dictionary(const std::string& name);
  const Normalizer& normalizer(const std::string& name);
  const FeatureFile& features(const std::string& name);
  Context& context() { return *context_; }
  // Metrics and protocol of the run's [evaluate]: numbers made with them compare with those of the run.
  RankingMetrics ranking_metrics() const;
  RankingProtocol ranking_protocol();

  // "17" or "genre:Horror" (the best feature of the attribute by the run's metric). wrong_use for anything else.
  int64_t find_feature(const std::string& dictionary, const std::string& text);

  std::vector<RecommendedItem> recommend(const RecommendRequest& request);

 private:
  const Registry& registry_;
  std::filesystem::path output_;
  RunRecord record_;
  ArtefactStore store_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Context> context_;
  std::shared_ptr<const LogData> log_;
  std::shared_ptr<const ItemData> items_;
  std::unique_ptr<Backbone> backbone_;
  std::map<std::string, std::unique_ptr<DictionaryModel>> dictionaries_;
  std::map<std::string, std::unique_ptr<Normalizer>> normalizers_;
  std::map<std::string, std::unique_ptr<FeatureFile>> features_;
};

}  // namespace heddle
