#include "core/report/case_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "core/base/error.h"

namespace heddle {

namespace {

constexpr size_t most_cases = 5, most_highlights = 2, sequences_of_case = 2;
constexpr double clear_excess = 0.15;

// How clearly a feature stands for an attribute: p_top where the run has it, as in the paper's case studies.
std::string clarity_metric(const FeatureFile& file, const Focus& focus) {
  for (const std::string& metric : file.metrics)
    if (metric == "top_share") return metric;
  return focus.best_by;
}

bool is_binary(const Interpreted& found, int64_t attribute) {
  const auto& attributes = found.items->attributes.attributes;
  const int32_t index = found.items->attributes.find(found.file.attributes[static_cast<size_t>(attribute)]);
  return index >= 0 && attributes[static_cast<size_t>(index)].type == HEDDLE_ATTRIBUTE_BINARY;
}

// attribute -> share of the data points that have it
std::map<std::string, double> popularity_of(const Interpreted& found, const Focus& focus) {
  std::map<std::string, double> out;
  if (const StageResults* results = focus.run->results("interpretation", found.dictionary))
    for (const ResultValue& value : results->values)
      if (value.metric == "point_share" && value.value) out[value.attribute] = *value.value;
  return out;
}

// The attributes that a feature stands for most clearly, of different families. What most points have (English) is on most of
// its strongest points too, and says nothing: only the excess counts.
std::vector<int64_t> highlights_of(const Interpreted& found, const Focus& focus, int64_t feature, int64_t first) {
  const auto popularity = popularity_of(found, focus);
  std::vector<std::pair<double, int64_t>> excess;
  for (const auto& [attribute, score] : found.file.best_attributes(clarity_metric(found.file, focus), feature, 40)) {
    const auto share = popularity.find(found.file.attributes[static_cast<size_t>(attribute)]);
    const double over = score - (share == popularity.end() ? 0 : share->second);
    if (is_binary(found, attribute) && over > clear_excess) excess.emplace_back(-over, attribute);
  }
  std::sort(excess.begin(), excess.end());
  std::vector<int64_t> out;
  std::set<std::string> families;
  auto add = [&](int64_t attribute) {
    if (out.size() < most_highlights &&
        families.insert(prefix_of(found.file.attributes[static_cast<size_t>(attribute)])).second)
      out.push_back(attribute);
  };
  if (first >= 0) add(first);
  for (const auto& [over, attribute] : excess) add(attribute);
  return out;
}

// An attribute that the experiment's [report] names; the message says where.
int64_t named_attribute(const FeatureFile& file, const std::string& name, const char* option) {
  try {
    return file.attribute(name);
  } catch (const Error& error) {
    wrong_use("[report] {}: {}", option, error.what());
  }
}

}  // namespace

std::vector<FeatureCase> feature_cases(const Interpreted& found, const Focus& focus,
                                       const std::vector<std::string>& wanted,
                                       const std::vector<std::string>& highlight) {
  std::vector<int64_t> marks;
  for (const std::string& name : highlight) marks.push_back(named_attribute(found.file, name, "highlight"));
  if (marks.size() > most_highlights) marks.resize(most_highlights);
  std::vector<FeatureCase> cases;
  std::set<int64_t> taken;
  auto add = [&](int64_t feature, int64_t attribute) {
    if (!taken.insert(feature).second) return;
    cases.push_back({feature, marks.empty() ? highlights_of(found, focus, feature, attribute) : marks});
  };
  for (const std::string& text : wanted) {
    const bool number =
        !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (number) {
      const int64_t feature = text.size() < 10 ? std::stoll(text) : found.file.feature_count();
      if (feature >= found.file.feature_count())
        wrong_use("[report] sequences: no feature {} in dictionary {}; accepted: 0 to {}", text, found.dictionary,
                  found.file.feature_count() - 1);
      add(feature, -1);
    } else {
      const int64_t attribute = named_attribute(found.file, text, "sequences");
      const auto best = found.file.best_features(focus.best_by, attribute, 1);
      if (!best.empty()) add(best[0].feature, attribute);
    }
  }
  if (!wanted.empty()) return cases;
  struct Candidate {
    double score;
    int64_t attribute, feature;
    std::string family;
  };
  std::vector<Candidate> candidates;
  for (int64_t a = 0; a < static_cast<int64_t>(found.file.attributes.size()); ++a) {
    if (!is_binary(found, a)) continue;
    const auto best = found.file.best_features(focus.best_by, a, 1);
    if (!best.empty())
      candidates.push_back(
          {best[0].score, a, best[0].feature, prefix_of(found.file.attributes[static_cast<size_t>(a)])});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::set<std::string> families;
  for (const Candidate& candidate : candidates)
    if (cases.size() < most_cases && families.insert(candidate.family).second)
      add(candidate.feature, candidate.attribute);
  for (const Candidate& candidate : candidates)
    if (cases.size() < most_cases && candidate.family == focus.prefix) add(candidate.feature, candidate.attribute);
  return cases;
}

Figure sequence_figure(const Interpreted& found, const Focus& focus, const std::vector<FeatureCase>& cases) {
  const std::string title = "Figure 6. Where features fire in the histories of users";
  if (!found.details)
    return Figure::missing("fig6", title,
                           "the run was made before sequences were kept; `heddle run` makes the interpretation again");
  const std::string metric = clarity_metric(found.file, focus);
  Figure figure;
  figure.id = "fig6", figure.spec = "fig6", figure.title = title;
  figure.columns = {{"panel", "feature", -1, ""},
                    {"heading", "", -1, ""},
                    {"sequence", "sequence", -1, ""},
                    {"user", "user", -1, ""},
                    {"row", "", -1, ""},
                    {"item", "item", -1, ""},
                    {"title", "title", -1, ""},
                    {"activation", "activation", 3, ""},
                    {"shade", "", -1, ""},
                    {"first", "first highlight", -1, ""},
                    {"second", "second highlight", -1, ""}};
  const AttributeTable& attributes = found.items->attributes;
  const Catalogue& catalogue = found.items->catalogue;
  size_t rows = 0;
  nlohmann::ordered_json first_names = nlohmann::ordered_json::array();
  for (const FeatureCase& entry : cases) {
    const FeatureDetail& detail = found.details->features.at(static_cast<size_t>(entry.feature));
    std::string heading;
    std::vector<int32_t> marks;
    for (int64_t attribute : entry.highlights) {
      const std::string& name = found.file.attributes[static_cast<size_t>(attribute)];
      const double score = found.file.score(metric, entry.feature, attribute);
      heading += fmt::format("{}{} {} {:.2f}", heading.empty() ? "" : " · ", short_name(name),
                             metric == "top_share" ? "p_top" : metric_title(metric).c_str(), score);
      marks.push_back(attributes.find(name));
    }
    for (size_t s = 0; s < detail.sequences.size() && s < sequences_of_case; ++s) {
      const FeatureSequence& sequence = detail.sequences[s];
      for (size_t i = 0; i < sequence.items.size(); ++i) {
        const int32_t item = sequence.items[i];
        auto marked = [&](size_t mark) {
          return mark < marks.size() && marks[mark] >= 0 && attributes.has(item, marks[mark]);
        };
        const double shade = detail.maximum > 0 ? sequence.activations[i] / detail.maximum : 0;
        figure.rows.push_back({entry.feature, heading, s, sequence.user_id, i,
                               catalogue.raw_ids[static_cast<size_t>(item)], catalogue.title(item),
                               rounded(sequence.activations[i], 4), rounded(shade, 3), marked(0), marked(1)});
      }
      rows = std::max(rows, sequence.items.size());
    }
  }
  if (figure.rows.empty()) return Figure::missing("fig6", title, "no feature of these fires on the data points");
  figure.caption =
      "Each column is a part of one user’s history around the strongest activation, oldest on top; shading from white "
      "to red is the activation "
      "relative to the feature’s largest. Bars on the left mark items that have the first (green) and second (blue) "
      "attribute of the heading.";
  if (metric == "top_share") figure.caption += " p_top: their share of the feature’s strongest activations.";
  figure.params = {{"rows", rows}};
  return figure;
}

std::vector<ExampleFile> example_files(const RunSet& set, const Focus& focus) {
  std::vector<ExampleFile> files;
  std::set<std::string> seen;
  for (const ReportRun* run : set.by_interest()) {
    if (run->key("split") != focus.run->key("split") || run->key("backbone") != focus.run->key("backbone")) continue;
    for (const std::string& part : run->parts("examples")) {
      const auto artefact = run->artefact("examples", part);
      if (artefact && seen.insert(run->key("examples", part)).second) files.push_back(ExampleFile::load(*artefact));
    }
  }
  return files;
}

Figure example_figure(const std::vector<ExampleFile>& files, const ItemData& items, const Focus& focus) {
  const std::string title = "Figure 7. Lists of users before and after a feature is set";
  if (files.empty()) return Figure::missing("fig7", title, "needs [[example]] tables");
  Figure figure;
  figure.id = "fig7", figure.spec = "fig7", figure.title = title;
  figure.columns = {{"panel", "user", -1, ""},        {"user", "user", -1, ""},
                    {"feature", "feature", 0, ""},    {"order", "", -1, ""},
                    {"list", "list", -1, ""},         {"row", "", -1, ""},
                    {"item", "item", -1, ""},         {"title", "title", -1, ""},
                    {"labels", "attributes", -1, ""}, {"target", "has the attribute", -1, ""},
                    {"fresh", "new", -1, ""}};
  const AttributeTable& attributes = items.attributes;
  std::string why;
  size_t lists = 0;
  for (const ExampleFile& file : files) {
    if (!file.absent.empty()) why = file.absent;
    const int32_t target = file.attribute.empty() ? -1 : attributes.find(file.attribute);
    const std::string what =
        file.attribute.empty() ? fmt::format("feature {}", file.target) : short_name(file.attribute);
    for (const ExampleUser& user : file.users) {
      const std::string panel = fmt::format("User {}, {} (feature {})", user.user_id, what, file.feature);
      const std::set<int32_t> before(user.before.items.begin(), user.before.items.end());
      size_t order = 0;
      auto add = [&](const std::string& name, const std::vector<int32_t>& list, bool compare) {
        for (size_t i = 0; i < list.size(); ++i) {
          std::string labels;
          for (int32_t label : attributes.labels_of(list[i])) {
            const Attribute& attribute = attributes.attributes[static_cast<size_t>(label)];
            if (attribute.prefix == focus.prefix) labels += (labels.empty() ? "" : ", ") + short_name(attribute.name);
          }
          figure.rows.push_back({panel, user.user_id, file.feature, order, name, i,
                                 items.catalogue.raw_ids[static_cast<size_t>(list[i])], items.catalogue.title(list[i]),
                                 labels, target >= 0 && attributes.has(list[i], target),
                                 compare && before.count(list[i]) == 0});
        }
        ++order;
      };
      add(fmt::format("history, last {} of {}", user.history.size(), user.history_length), user.history, false);
      add("untouched", user.before.items, false);
      for (const ExampleList& list : user.after) add(fmt::format("{} = {:g}", what, list.value), list.items, true);
      lists = std::max(lists, order);
    }
  }
  if (figure.rows.empty())
    return Figure::missing("fig7", title, why.empty() ? "no user of [[example]] has a list" : why);
  figure.caption =
      "The end of a user’s history, the untouched list, and the lists with the feature set to a value at the last "
      "position. Green: items with the "
      "attribute that the feature stands for. Bold: items that the untouched list does not hold.";
  figure.params = {{"lists", lists}};
  return figure;
}

}  // namespace heddle
