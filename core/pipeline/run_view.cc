#include "core/pipeline/run_view.h"

#include <charconv>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/batcher.h"
#include "core/pipeline/session.h"
#include "core/pipeline/stages.h"

namespace heddle {

RunView::RunView(const std::string& text, const Registry& registry, const ComputeOptions& compute)
    : registry_(registry), store_("") {
  const auto file = find_run(text);
  output_ = file.parent_path().parent_path();
  if (output_.empty()) output_ = ".";
  record_ = load_run_record(file);
  store_ = ArtefactStore(output_);
  device_ = open_device(registry, compute);
  context_ = std::make_unique<Context>(*device_);
}

bool RunView::has(const std::string& stage, const std::string& part) const {
  return record_.stages.count({stage, part}) != 0;
}

Artefact RunView::artefact(const std::string& stage, const std::string& part) const {
  const auto key = record_.stages.find({stage, part});
  if (key == record_.stages.end())
    fail(HEDDLE_NOT_FOUND, "run {} has no stage {} {}; its experiment does not ask for it", record_.run, stage, part);
  auto found = store_.open(stage, key->second, ArtefactStore::Verify::sizes);
  if (!found)
    fail(HEDDLE_NOT_FOUND, "{} is missing; `heddle run` makes it again", store_.folder(stage, key->second).string());
  return *found;
}

std::vector<std::string> RunView::dictionaries() const {
  std::vector<std::string> names;
  for (const auto& [name, site] : record_.sites) names.push_back(name);
  return names;
}

std::string RunView::dictionary_name(const std::string& name) const {
  const auto names = dictionaries();
  if (names.empty()) wrong_use("run {} has no dictionary", record_.run);
  if (name.empty() && names.size() == 1) return names[0];
  if (name.empty())
    wrong_use("run {} has several dictionaries, name one with --dictionary: {}", record_.run, fmt::join(names, ", "));
  if (record_.sites.count(name) == 0)
    wrong_use("run {} has no dictionary '{}'{}; there are: {}", record_.run, name, did_you_mean(name, names),
              fmt::join(names, ", "));
  return name;
}

const LogData& RunView::log() {
  if (!log_) log_ = load_log(artefact("split"));
  return *log_;
}

const ItemData& RunView::items() {
  if (!items_) items_ = has("attributes") ? load_items(artefact("attributes")) : bare_items(log());
  return *items_;
}

Backbone& RunView::backbone() {
  if (!backbone_) backbone_ = open_backbone(artefact("backbone"), registry_, *device_);
  return *backbone_;
}

DictionaryModel& RunView::dictionary(const std::string& name) {
  auto& model = dictionaries_[name];
  if (!model) model = open_dictionary(artefact("dictionary", name), registry_, *device_);
  return *model;
}

const Normalizer& RunView::normalizer(const std::string& name) {
  auto& normalizer = normalizers_[name];
  if (!normalizer)
    normalizer = std::make_unique<Normalizer>(
        Normalizer::load(artefact("activations", record_.sites.at(name)).file("normalizer.safetensors")));
  return *normalizer;
}

const FeatureFile& RunView::features(const std::string& name) {
  auto& file = features_[name];
  if (!file) {
    if (!has("interpretation", name))
      wrong_use("run {} was not interpreted: its experiment has no [interpret]", record_.run);
    file = std::make_unique<FeatureFile>(FeatureFile::load(artefact("interpretation", name)));
  }
  return *file;
}

RankingMetrics RunView::ranking_metrics() const {
  RankingMetrics metrics;
  for (const RankingUse& use : record_.metrics) {
    const Component& component = registry_.find(HEDDLE_KIND_RANKING_METRIC, use.plugin);
    metrics.push_back(std::make_unique<RankingMetric>(
        use.name, component, values_from_json(component, use.params, "the record of run " + record_.run)));
  }
  return metrics;
}

RankingProtocol RunView::ranking_protocol() {
  RankingProtocol protocol;
  protocol.k = record_.top;
  protocol.filter_seen = record_.filter_seen;
  protocol.precision = record_.precision;
  protocol.generation = record_.generation;
  protocol.counted = coverage_mask(record_.coverage, items().catalogue);
  protocol.split = to_string(log().split.options.kind) + "/test";
  return protocol;
}

int64_t RunView::find_feature(const std::string& name, const std::string& text) {
  int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const int64_t count = dictionary(name).features();
  if (error == std::errc() && end == text.data() + text.size()) {
    if (index < 0 || index >= count)
      wrong_use("feature {} is not in dictionary {}; accepted: 0 to {}", index, name, count - 1);
    return index;
  }
  const FeatureFile& file = features(name);
  const auto best = file.best_features(record_.best_by, file.attribute(text), 1);
  if (best.empty()) wrong_use("no feature of dictionary {} has a {} with {}", name, record_.best_by, text);
  return best.front().feature;
}

std::vector<RecommendedItem> RunView::recommend(const RecommendRequest& request) {
  Backbone& model = backbone();
  if (request.history.empty()) wrong_use("the history is empty; give at least one item");
  for (int32_t item : request.history)
    if (item < 0 || item >= model.items())
      wrong_use("item index {} is not in the catalogue of {} items", item, model.items());
  if (request.top < 1 || request.top > model.items())
    wrong_use("top {}: accepted: 1 to {}", request.top, model.items());

  // A log of one user without a target: the same path as evaluation, whatever way the backbone has to a list.
  Interactions one;
  one.user_ids = {"?"};
  one.item_ids.resize(static_cast<size_t>(model.items()));
  one.items = request.history;
  one.times.resize(one.items.size());
  one.offsets = {0, static_cast<int64_t>(one.items.size())};
  const auto length = static_cast<int64_t>(request.history.size());
  Part part;
  part.users.push_back({0, 0, length, -1});

  Hook hook;
  if (!request.sliders.empty()) {
    Intervention intervention;
    const std::string& name = request.sliders.front().dictionary;
    for (const Slider& slider : request.sliders) {
      if (slider.dictionary != name)
        wrong_use("sliders of two dictionaries at once ({} and {}); accepted: one dictionary", name, slider.dictionary);
      intervention.features.push_back({slider.feature, slider.value});
    }
    hook = make_hook(model.site(record_.sites.at(name)), *device_, &dictionary(name), normalizer(name),
                     std::move(intervention));
  }
  RankingProtocol protocol;
  protocol.k = request.top;
  protocol.filter_seen = request.filter_seen;
  protocol.batch_users = 1;
  protocol.precision = record_.precision;
  protocol.generation = record_.generation;
  const Recommendations lists = recommend_part(model, *context_, one, part, hook, protocol);
  std::vector<RecommendedItem> out;
  for (size_t i = 0; i < lists.lists.size(); ++i)
    if (lists.lists[i] >= 0) out.push_back({lists.lists[i], lists.scores[i]});
  return out;
}

}  // namespace heddle
