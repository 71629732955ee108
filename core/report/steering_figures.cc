#include "core/report/steering_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/report/tables.h"

namespace heddle {

namespace {

constexpr size_t named_others = 5;  // attributes beside the target that get a name in a panel of Fig 8a
constexpr double safe_range = 2;    // |value| up to which the paper calls an intervention safe

std::string target_label(const SteeringCurve& curve) {
  if (!curve.feature.empty() && curve.target == curve.feature) return "feature " + curve.target;
  return short_name(curve.target);
}

const SteeringTable* first_of_kind(const std::vector<SteeringTable>& tables, const std::string& kind) {
  const SteeringTable* first = nullptr;
  for (const SteeringTable& table : tables)
    if (table.kind == kind && !table.curves.empty() && (first == nullptr || table.curves.size() > first->curves.size()))
      first = &table;
  return first;
}

const std::map<double, double>* target_shares(const SteeringCurve& curve) {
  const auto found = curve.shares.find(curve.target);
  return found == curve.shares.end() ? nullptr : &found->second;
}

}  // namespace

SteeringTable read_steering(const StageResults& results) {
  SteeringTable table;
  table.kind = results.protocol.value("kind", "");
  table.dictionary = results.protocol.value("dictionary", "");
  table.positions = results.protocol.value("positions", "");
  table.scale = results.protocol.value("vector_scale", "none");
  table.top = results.protocol.value("k", int64_t{10});
  table.users = results.protocol.value("users", int64_t{0});
  std::map<std::pair<std::string, std::string>, size_t> place;
  for (const ResultValue& value : results.values) {
    if (!value.value) continue;
    const std::string target = value.keys.value("target", "");
    if (target.empty()) {
      if (value.metric == "share") table.shares[value.attribute] = *value.value;
      else table.metrics[value.metric] = *value.value;
      continue;
    }
    if (!value.keys.contains("value")) continue;  // said of the whole curve
    const std::string direction = value.keys.value("direction", "");
    const auto [found, fresh] = place.try_emplace({target, direction}, table.curves.size());
    if (fresh) table.curves.push_back({target, direction, value.feature, {}, {}});
    SteeringCurve& curve = table.curves[found->second];
    const double at = value.keys.at("value").get<double>();
    if (value.metric == "share") curve.shares[value.attribute][at] = *value.value;
    else curve.metrics[value.metric][at] = *value.value;
  }
  return table;
}

std::vector<SteeringTable> steering_tables(const RunSet& set, const Focus& focus) {
  std::vector<SteeringTable> tables;
  std::set<std::string> seen;
  for (const ReportRun* run : set.by_interest()) {
    if (run->key("split") != focus.run->key("split") || run->key("backbone") != focus.run->key("backbone")) continue;
    for (const std::string& part : run->parts("steering")) {
      if (!seen.insert(run->key("steering", part)).second) continue;
      if (const StageResults* results = run->results("steering", part)) tables.push_back(read_steering(*results));
    }
  }
  return tables;
}

namespace {

// The nearest rising numbers (least squares) from 0 on that are at least `gap` apart; `values` rise. Neighbours that collide become a
// block around their mean.
std::vector<double> pushed_apart(const std::vector<double>& values, double gap) {
  struct Block {
    double sum;  // of value - place * gap
    size_t count;
    double mean() const { return sum / static_cast<double>(count); }
  };
  std::vector<Block> blocks;
  for (size_t i = 0; i < values.size(); ++i) {
    blocks.push_back({values[i] - static_cast<double>(i) * gap, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() >= blocks.back().mean()) {
      blocks[blocks.size() - 2].sum += blocks.back().sum, blocks[blocks.size() - 2].count += blocks.back().count;
      blocks.pop_back();
    }
  }
  std::vector<double> out;
  for (const Block& block : blocks)
    for (size_t i = 0; i < block.count; ++i)
      out.push_back(std::max(block.mean(), 0.0) + static_cast<double>(out.size()) * gap);
  return out;
}

Figure shares_figure(const SteeringTable& table, const Focus& focus) {
  Figure figure;
  figure.id = "fig8a", figure.spec = "fig8a";
  figure.title = "Figure 8a. Share of every attribute in the lists when a feature is set";
  figure.columns = {{"panel", "target", -1, ""}, {"feature", "feature", -1, ""}, {"attribute", "attribute", -1, ""},
                    {"role", "role", -1, ""},    {"value", "value", -1, ""},     {"share", "share of the lists", 4, ""},
                    {"label", "", -1, ""},       {"label_y", "", -1, ""}};
  double largest = 0;
  for (const SteeringCurve& curve : table.curves) {
    const std::string prefix = prefix_of(curve.target).empty() ? focus.prefix : prefix_of(curve.target);
    struct Line {
      std::string attribute, role;
      double change, last;
      const std::map<double, double>* points;
    };
    std::vector<Line> lines;
    for (const auto& [attribute, points] : curve.shares) {
      if (prefix_of(attribute) != prefix || points.empty()) continue;
      const auto before = table.shares.find(attribute);
      const double from = before == table.shares.end() ? points.begin()->second : before->second;
      const double change = std::abs(points.rbegin()->second - from) + std::abs(points.begin()->second - from);
      const bool rises = points.rbegin()->second > points.begin()->second;
      lines.push_back({attribute,
                       attribute == curve.target ? "target"
                       : rises                   ? "rises"
                                                 : "falls",
                       attribute == curve.target ? 1e9 : change, points.rbegin()->second, &points});
      for (const auto& [value, share] : points) largest = std::max(largest, share);
    }
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.change > b.change; });
    for (size_t i = named_others + 1; i < lines.size(); ++i) lines[i].role = "other";
    // Names stand at the right end, pushed apart so that they can be read.
    std::vector<size_t> named;
    for (size_t i = 0; i < lines.size(); ++i)
      if (lines[i].role != "other") named.push_back(i);
    std::sort(named.begin(), named.end(), [&](size_t a, size_t b) { return lines[a].last < lines[b].last; });
    std::vector<double> ends;
    for (size_t i : named) ends.push_back(lines[i].last);
    const auto at = pushed_apart(ends, 0.06);
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto where = std::find(named.begin(), named.end(), i);
      for (const auto& [value, share] : *lines[i].points) {
        const bool end = value == lines[i].points->rbegin()->first && where != named.end();
        figure.rows.push_back(
            {target_label(curve), curve.feature, short_name(lines[i].attribute), lines[i].role, value, cell(share),
             end ? nlohmann::ordered_json(short_name(lines[i].attribute)) : nlohmann::ordered_json(nullptr),
             end ? cell(at[static_cast<size_t>(where - named.begin())]) : nlohmann::ordered_json(nullptr)});
      }
    }
  }
  figure.caption = fmt::format(
      "Mean share of each attribute in the top {} of {} users when the feature is set to the value at {}. Thick: the "
      "attribute that "
      "the feature stands for; named: the {} others that change most, solid where they rise and dashed where they "
      "fall.",
      table.top, table.users, table.positions == "last" ? "the last position" : "every position", named_others);
  figure.params = {{"panels", table.curves.size()}, {"top", table.top}};
  return figure;
}

Figure quality_figure(const SteeringTable& table) {
  Figure figure;
  figure.id = "fig8b", figure.spec = "fig8b";
  figure.title = "Figure 8b–d. Quality and diversity of the lists when a feature is set";
  figure.columns = {{"metric", "metric", -1, ""}, {"order", "", -1, ""},     {"target", "target", -1, ""},
                    {"value", "value", -1, ""},   {"score", "score", 4, ""}, {"untouched", "untouched", 4, ""}};
  size_t order = 0;
  std::vector<std::string> targets;
  for (const char* metric : {"ndcg", "coverage", "inter_list_diversity"}) {
    const auto before = table.metrics.find(metric);
    if (before == table.metrics.end()) continue;
    const std::string title =
        rank_of_metric(metric) < 5 ? fmt::format("{}@{}", metric_title(metric), table.top) : metric;
    for (const SteeringCurve& curve : table.curves) {
      const auto points = curve.metrics.find(metric);
      if (points == curve.metrics.end()) continue;
      for (const auto& [value, score] : points->second)
        figure.rows.push_back({title, order, target_label(curve), value, cell(score), cell(before->second)});
    }
    ++order;
  }
  figure.caption = fmt::format(
      "Each line is one feature; the dashed line is the untouched model, the shaded range |value| ≤ {:g}. {} users.",
      safe_range, table.users);
  figure.params = {{"panels", order}, {"safe", safe_range}};
  return figure;
}

}  // namespace

std::vector<Figure> control_figures(const std::vector<SteeringTable>& tables, const Focus& focus) {
  const SteeringTable* table = first_of_kind(tables, "set_feature");
  if (table == nullptr)
    return {Figure::missing("fig8", "Figure 8. Lists when a feature is set",
                            "needs a [[steer]] table with kind = \"set_feature\"")};
  return {shares_figure(*table, focus), quality_figure(*table)};
}

Figure probe_figure(const std::vector<SteeringTable>& tables) {
  const std::string title = "Figure 9. Steering by features and by probes";
  Figure figure;
  figure.id = "fig9", figure.spec = "fig9", figure.title = title;
  figure.columns = {{"target", "target", -1, ""},
                    {"direction", "direction", -1, ""},
                    {"value", "factor", -1, ""},
                    {"share", "share of the target in the lists", 4, ""}};
  std::set<std::string> directions, targets, scales;
  int64_t top = 10, users = 0;
  for (const SteeringTable& table : tables) {
    if (table.kind != "add_vector") continue;
    for (const SteeringCurve& curve : table.curves) {
      const auto* shares = target_shares(curve);
      if (shares == nullptr) continue;
      const std::string direction = curve.direction == "probe" ? "probe" : "feature";
      top = table.top, users = table.users;
      directions.insert(direction), targets.insert(curve.target), scales.insert(table.scale);
      for (const auto& [value, share] : *shares)
        figure.rows.push_back({target_label(curve), direction, value, cell(share)});
    }
  }
  if (figure.rows.empty())
    return Figure::missing("fig9", title,
                           "needs [[steer]] tables with kind = \"add_vector\", direction = \"decoder\" and \"probe\"");
  const std::string scale = scales.size() == 1 ? *scales.begin() : "";
  figure.caption = fmt::format(
      "Share of the target in the top {} of {} users when a direction times the factor is added to the layer’s "
      "normalised "
      "activations. Solid: the decoder row of the best feature; dashed: the weights of the probe{}.",
      top, users,
      scale == "unit_variance" ? "; both scaled to entries of standard deviation 1"
      : scale == "unit_norm"   ? "; both scaled to length 1"
                               : "");
  figure.params = {{"panels", targets.size()}, {"top", top}};
  return figure;
}

std::optional<ControlSummary> summary_of(const std::vector<SteeringTable>& tables) {
  const SteeringTable* table = first_of_kind(tables, "set_feature");
  if (table == nullptr) return std::nullopt;
  ControlSummary out;
  const auto before = table->metrics.find("ndcg");
  for (const SteeringCurve& curve : table->curves) {
    const auto* shares = target_shares(curve);
    if (shares == nullptr) continue;
    std::vector<double> x, y;
    for (const auto& [value, share] : *shares) x.push_back(value), y.push_back(share);
    const auto rank = spearman(x, y);
    if (!rank) continue;
    if (out.targets++ == 0 || *rank < out.lowest_spearman)
      out.lowest_spearman = *rank, out.worst_target = short_name(curve.target);
    const auto ndcg = curve.metrics.find("ndcg");
    if (before == table->metrics.end() || before->second <= 0 || ndcg == curve.metrics.end()) continue;
    for (const auto& [value, score] : ndcg->second)
      if (std::abs(value) <= safe_range)
        out.ndcg_loss = std::max(out.ndcg_loss.value_or(-1e9), 1 - score / before->second);
  }
  if (out.targets == 0) return std::nullopt;
  return out;
}

}  // namespace heddle
