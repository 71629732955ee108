#include "core/report/score_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle {

namespace {

constexpr size_t most_attributes = 40;  // rows that a heat map can hold on a page

const char* users_text(const std::string& users) { return users == "test_users" ? "test users" : "dictionary users"; }

}  // namespace

std::shared_ptr<const ItemData> items_of(const ReportRun& run) {
  if (const auto attributes = run.artefact("attributes")) return load_items(*attributes);
  // An experiment without attributes has no titles either: its items are their ids.
  const auto split = run.artefact("split");
  return split ? bare_items(*load_log(*split)) : nullptr;
}

std::optional<Interpreted> open_interpreted(const ReportRun& run, const std::string& dictionary) {
  const auto artefact = run.artefact("interpretation", dictionary);
  if (!artefact || !artefact->contains("features.json")) return std::nullopt;
  const auto items = items_of(run);
  if (!items) return std::nullopt;
  Interpreted found{dictionary, run.record().sites.at(dictionary), FeatureFile::load(*artefact), std::nullopt, items};
  if (FeatureDetails::present(*artefact)) found.details = FeatureDetails::load(*artefact);
  return found;
}

std::optional<HeatMap> heat_map(const Interpreted& found, const Focus& focus) {
  HeatMap map{focus.best_by, focus.prefix, {}, {}, {}, 0};
  struct Best {
    std::string name;
    int64_t attribute, feature;
    double score;
  };
  std::vector<Best> best;
  for (size_t a = 0; a < found.file.attributes.size(); ++a) {
    if (prefix_of(found.file.attributes[a]) != focus.prefix) continue;
    const auto attribute = static_cast<int64_t>(a);
    const auto top = found.file.best_features(focus.best_by, attribute, 1);
    if (!top.empty()) best.push_back({found.file.attributes[a], attribute, top[0].feature, top[0].score});
  }
  if (best.size() < 2) return std::nullopt;
  if (best.size() > most_attributes) {
    std::stable_sort(best.begin(), best.end(), [](const Best& a, const Best& b) { return a.score > b.score; });
    map.left_out = best.size() - most_attributes;
    best.resize(most_attributes);
  }
  std::sort(best.begin(), best.end(), [](const Best& a, const Best& b) { return a.name < b.name; });
  for (const Best& row : best) {
    map.attributes.push_back(row.name), map.features.push_back(row.feature);
    for (const Best& column : best)
      map.scores.push_back(found.file.score(focus.best_by, row.feature, column.attribute));
  }
  return map;
}

Figure figure_of(const HeatMap& map) {
  Figure figure;
  const std::string by = metric_words(map.metric);
  figure.id = "fig2", figure.spec = "fig2";
  figure.title = fmt::format("Figure 2. {} of best features with every {}", metric_title(map.metric), map.prefix);
  figure.caption = fmt::format(
      "Each row is one feature, the one of largest {} with the {} that the row is named after (its number beside it); "
      "the row shows its "
      "{} with every {}. A bright diagonal alone means that features stand for one {} each.{}",
      by, map.prefix, by, map.prefix, map.prefix,
      map.left_out > 0
          ? fmt::format(" The {} with the best features; {} are left out.", map.attributes.size(), map.left_out)
          : "");
  figure.columns = {
      {"row", map.prefix, -1, ""}, {"feature", "feature", 0, ""}, {"column", map.prefix, -1, ""}, {"score", by, 3, ""}};
  double largest = 0.1;
  const size_t n = map.attributes.size();
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      const double score = map.scores[i * n + j];
      if (!std::isnan(score)) largest = std::max(largest, std::abs(score));
      figure.rows.push_back({short_name(map.attributes[i]), map.features[i], short_name(map.attributes[j]),
                             std::isnan(score) ? nlohmann::ordered_json(nullptr) : cell(rounded(score, 4))});
    }
  figure.params = {{"metric", metric_title(map.metric)}, {"largest", rounded(largest, 3)}, {"count", n}};
  return figure;
}

Figure sweep_figure(const Focus& focus, const std::vector<Axis>& axes) {
  const std::string by = metric_words(focus.best_by);
  const std::string title = fmt::format("Figure 3. Mean {} of best features against settings of the dictionary", by);
  Figure figure;
  figure.id = "fig3", figure.spec = "fig3", figure.title = title;
  figure.columns = {{"setting", "setting", -1, ""}, {"title", "", -1, ""},      {"log", "", -1, ""},
                    {"series", "series", -1, ""},   {"value", "value", -1, ""}, {"run", "run", -1, ""},
                    {"score", "mean " + by, 4, ""}};
  std::vector<double> neurons;
  size_t most = 0, panels = 0;
  for (const Axis& axis : axes) {
    // Values over more than a decade are read on a logarithmic axis.
    const auto& longest = axis.series.front().at;
    const double low = longest.begin()->first, high = longest.rbegin()->first;
    const bool log = low > 0 && high / low >= 8;
    bool any = false;
    for (const AxisSeries& series : axis.series) {
      std::string name;
      for (const auto& [key, value] : series.others)
        name += (name.empty() ? "" : ", ") + key + " " + setting_text(value);
      for (const auto& [value, points] : series.at)
        for (const DictionaryPoint* point : points) {
          const StageResults* results = point->results("interpretation");
          const auto score = results == nullptr ? std::nullopt : find_value(*results, focus.mean_metric());
          if (!score || (log && value <= 0)) continue;
          any = true, most = std::max(most, points.size());
          figure.rows.push_back({axis.key, setting_title(axis.key), log, name, value, point->run->name(), cell(score)});
          if (const StageResults* raw = point->run->results("neurons", point->site))
            if (const auto baseline = find_value(*raw, focus.mean_metric())) neurons.push_back(*baseline);
        }
    }
    panels += any ? 1 : 0;
  }
  if (figure.rows.empty())
    return Figure::missing("fig3", title,
                           "needs a sweep over at least three values of a number of the dictionary, e.g. [sweep] "
                           "\"dictionary.l1.l1\" = [.01, .1, 1]");
  figure.caption = fmt::format(
      "Mean over all {} attributes of the {} of their best feature.{}{}", focus.prefix, by,
      most > 1 ? fmt::format(" Points: single dictionaries; line: mean over up to {} seeds; band: ± one standard "
                             "deviation.",
                             most)
               : "",
      neurons.empty() ? "" : " Dashed: the same mean for the best neurons of the layer (absolute values).");
  figure.params = {{"metric", "mean " + by},
                   {"panels", panels},
                   {"baseline", neurons.empty() ? nlohmann::ordered_json(nullptr) : cell(spread_of(neurons)->mean)}};
  return figure;
}

Figure comparison_with_neurons(const std::vector<AttributeTableOf>& tables) {
  const std::string by = tables.empty() ? "score" : metric_title(tables.front().best_by);
  const std::string title = "Figure 4. Best feature against best neuron of each attribute";
  Figure figure;
  figure.id = "fig4", figure.spec = "fig4", figure.title = title;
  figure.columns = {{"family", "family", -1, ""}, {"attribute", "attribute", -1, ""},
                    {"kind", "kind", -1, ""},     {"number", "number", 0, ""},
                    {"score", by, 3, ""},         {"low", "", -1, ""},
                    {"high", "", -1, ""},         {"seeds", "seeds", 0, ""}};
  bool probe = false, any_neuron = false;
  size_t seeds = 1, ahead = 0, of = 0, left_out = 0;
  size_t families = 0;
  for (const AttributeTableOf& table : tables) {
    size_t shown = 0;
    for (const AttributeRow& row : table.rows) {
      const auto score = row.metrics.find(table.best_by);
      if (score == row.metrics.end() || !row.neuron) continue;
      if (++shown > most_attributes) {
        ++left_out;
        continue;
      }
      const std::string name = short_name(row.attribute);
      const double mean = row.over_seeds ? row.over_seeds->mean : score->second;
      const double deviation = row.over_seeds && row.over_seeds->deviation ? *row.over_seeds->deviation : 0;
      const size_t count = row.over_seeds ? row.over_seeds->count : 1;
      seeds = std::max(seeds, count);
      figure.rows.push_back({table.prefix, name, "best feature", row.feature, cell(mean), cell(mean - deviation),
                             cell(mean + deviation), count});
      figure.rows.push_back(
          {table.prefix, name, "best neuron", nullptr, cell(row.neuron), cell(row.neuron), cell(row.neuron), 1});
      any_neuron = true, ++of, ahead += mean > *row.neuron ? 1 : 0;
      if (row.probe) {
        probe = true;
        figure.rows.push_back(
            {table.prefix, name, "probe", nullptr, cell(row.probe), cell(row.probe), cell(row.probe), 1});
      }
    }
    families += shown > 0 ? 1 : 0;
  }
  if (!any_neuron) return Figure::missing("fig4", title, "needs [interpret] with neurons = true");
  figure.caption = fmt::format(
      "{}: of the best feature{}, of the best of the layer’s own dimensions (absolute){}. Features are ahead for {} of "
      "{} attributes.{}{}",
      by, seeds > 1 ? fmt::format(" (mean of {} seeds)", seeds) : "",
      probe ? ", and of a probe trained with the labels" : "", ahead, of,
      seeds > 1 ? " Whiskers: ± one standard deviation over seeds." : "",
      left_out > 0 ? fmt::format(" {} attributes with lower scores are left out.", left_out) : "");
  nlohmann::ordered_json kinds = {"best feature", "best neuron"};
  if (probe) kinds.push_back("probe");
  figure.params = {{"metric", by}, {"kinds", kinds}, {"families", families}};
  return figure;
}

Figure histogram_figure(const Interpreted& found, const Focus& focus, const std::vector<std::string>& wanted) {
  const std::string title = "Figure 5. Activations where the attribute is present and where it is not";
  if (!found.details)
    return Figure::missing("fig5", title,
                           "the run was made before histograms were kept; `heddle run` makes the interpretation again");
  const FeatureDetails& details = *found.details;
  std::vector<std::string> names = wanted;
  if (names.empty()) {
    std::vector<std::pair<double, std::string>> scored;
    for (const AttributeHistogram& entry : details.attributes)
      if (prefix_of(entry.attribute) == focus.prefix)
        scored.emplace_back(-found.file.score(focus.best_by, entry.feature, found.file.attribute(entry.attribute)),
                            entry.attribute);
    std::sort(scored.begin(), scored.end());
    for (size_t i = 0; i < scored.size() && i < 2; ++i) names.push_back(scored[i].second);
  }
  Figure figure;
  figure.id = "fig5", figure.spec = "fig5", figure.title = title;
  figure.columns = {{"attribute", "attribute", -1, ""},        {"feature", "feature", 0, ""},
                    {"from", "activation from", -1, ""},       {"to", "to", -1, ""},
                    {"present", "data points with it", 0, ""}, {"absent", "without it", 0, ""}};
  for (const std::string& name : wanted)
    if (std::find(found.file.attributes.begin(), found.file.attributes.end(), name) == found.file.attributes.end())
      wrong_use("[report] histograms: no attribute '{}'{}", name, did_you_mean(name, found.file.attributes));
  for (const std::string& name : names) {
    const AttributeHistogram* entry = details.of(name);
    if (entry == nullptr) continue;
    const FeatureDetail& feature = details.features.at(static_cast<size_t>(entry->feature));
    const double step = feature.maximum / static_cast<double>(std::max<int64_t>(details.bins, 1));
    for (size_t bin = 0; bin < feature.histogram.size() && bin < entry->present.size(); ++bin)
      figure.rows.push_back({short_name(name), entry->feature, cell(step * static_cast<double>(bin)),
                             cell(step * static_cast<double>(bin + 1)), entry->present[bin],
                             feature.histogram[bin] - entry->present[bin]});
  }
  if (figure.rows.empty())
    return Figure::missing("fig5", title, "no attribute of [report] histograms has a best feature");
  const StageResults* results = focus.run->results("interpretation", found.dictionary);
  figure.params = {{"panels", names.size()}};
  figure.caption = fmt::format(
      "Positive activations of the best feature of each attribute on {} data points ({}), split by whether the item "
      "has "
      "the attribute; below, the share of points in each bin that have it.",
      thousands(found.file.points), results == nullptr ? "" : users_text(results->protocol.value("users", "")));
  return figure;
}

}  // namespace heddle
