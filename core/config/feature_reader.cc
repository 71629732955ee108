#include "core/config/feature_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle {

const char* const feature_forms =
    "a whole number, \"source:attribute\", { top = \"source:attribute\" }, or a list of these";

namespace {

using Kind = ConfigNode::Kind;

void check_keys(const ConfigNode& table, const std::string& owner, const std::vector<std::string>& accepted) {
  for (const ConfigNode& child : table.children)
    if (std::find(accepted.begin(), accepted.end(), child.name) == accepted.end())
      wrong_use("{}{}", child.where.prefix(), unknown_key_text(child.name, owner, accepted));
}

// Edits are made in single precision: what does not fit into it would be infinite there.
bool fits(double value) { return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()); }

FeatureReference by_number(const ConfigNode& node, int64_t index) {
  if (index < 0 || index > INT32_MAX)
    wrong_use("{}feature {} is no feature's number; they begin at 0", node.where.prefix(), index);
  FeatureReference feature;
  feature.index = index;
  return feature;
}

void read_best(const ConfigNode& node, const std::string& owner, std::vector<FeatureReference>& out) {
  check_keys(node, "'feature' of " + owner, {"top", "by", "rank"});
  const ConfigNode *top = node.find("top"), *by = node.find("by"), *rank = node.find("rank");
  if (top == nullptr) wrong_use("{}'feature' of {} needs top = \"source:attribute\"", node.where.prefix(), owner);
  if (by != nullptr && by->kind != Kind::text)
    wrong_use("{}'by' is {}; expected the name of a metric", by->where.prefix(), by->kind_text());
  if (rank != nullptr && (rank->kind != Kind::integer || rank->integer < 1 || rank->integer > INT32_MAX))
    wrong_use("{}'rank' of a feature must be a whole number from 1", rank->where.prefix());
  std::vector<const ConfigNode*> attributes{top};
  if (top->kind == Kind::array) {
    attributes.clear();
    for (const ConfigNode& child : top->children) attributes.push_back(&child);
  }
  for (const ConfigNode* attribute : attributes) {
    if (attribute->kind != Kind::text)
      wrong_use("{}'top' is {}; expected \"source:attribute\" or a list of them", attribute->where.prefix(),
                attribute->kind_text());
    FeatureReference feature;
    feature.attribute = attribute->text;
    if (by != nullptr) feature.by = by->text;
    if (rank != nullptr) feature.rank = rank->integer;
    out.push_back(std::move(feature));
  }
}

void read_feature(const ConfigNode& node, const std::string& owner, std::vector<FeatureReference>& out) {
  if (node.kind == Kind::integer) {
    out.push_back(by_number(node, node.integer));
  } else if (node.kind == Kind::text) {
    int64_t index = 0;
    const char *begin = node.text.data(), *end = begin + node.text.size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error == std::errc() && stop == end) {
      out.push_back(by_number(node, index));
      return;
    }
    FeatureReference feature;
    feature.attribute = node.text;
    out.push_back(std::move(feature));
  } else if (node.kind == Kind::array) {
    for (const ConfigNode& child : node.children) {
      if (child.kind == Kind::array)
        wrong_use("{}'feature' of {} is a list of lists; accepted: {}", child.where.prefix(), owner, feature_forms);
      read_feature(child, owner, out);
    }
  } else if (node.is_table()) {
    read_best(node, owner, out);
  } else {
    wrong_use("{}'feature' of {} is {}; accepted: {}", node.where.prefix(), owner,
              node.kind == Kind::real ? number_text(node.real) : std::string(node.kind_text()), feature_forms);
  }
}

double number(const ConfigNode& table, const std::string& owner, const char* key, std::optional<double> otherwise) {
  const ConfigNode* node = table.find(key);
  if (node == nullptr && otherwise) return *otherwise;
  if (node == nullptr) wrong_use("{}'values' of {} needs '{}'", table.where.prefix(), owner, key);
  const double value = node->kind == Kind::integer ? static_cast<double>(node->integer) : node->real;
  if ((node->kind != Kind::integer && node->kind != Kind::real) || !fits(value))
    wrong_use("{}'{}' of 'values' must be a finite number, at most 3.4e38", node->where.prefix(), key);
  return value;
}

// { from, to, step } as a list. Values are rounded to 12 digits, so that 3 * 0.1 is 0.3 in tables and keys.
std::vector<double> expand(const ConfigNode& table, const std::string& owner) {
  check_keys(table, "'values' of " + owner, {"from", "to", "step"});
  const double from = number(table, owner, "from", {}), to = number(table, owner, "to", {}),
               step = number(table, owner, "step", 1.0);
  if (step == 0 || (to - from) / step < 0)
    wrong_use("{}'values' of {}: step {} does not lead from {} to {}", table.where.prefix(), owner, number_text(step),
              number_text(from), number_text(to));
  const double count = std::floor((to - from) / step + 1e-9) + 1;
  if (!(count <= static_cast<double>(most_values)))
    wrong_use("{}'values' of {} would be {} values; at most {} are accepted", table.where.prefix(), owner,
              number_text(count), most_values);
  std::vector<double> values;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i)
    values.push_back(std::strtod(fmt::format("{:.12g}", from + static_cast<double>(i) * step).c_str(), nullptr));
  return values;
}

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& entry : map) names.push_back(entry.first);
  return names;
}

std::string listed(const std::vector<std::string>& names, const char* none) {
  return names.empty() ? none : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::vector<FeatureReference> read_features(const ConfigNode& node, const std::string& owner) {
  std::vector<FeatureReference> features;
  read_feature(node, owner, features);
  return features;
}

void check_attribute(const std::string& text, const SourcePosition& where, const std::string& what,
                     const Experiment& experiment) {
  const size_t colon = text.find(':');
  const std::string source = text.substr(0, colon);
  if (colon != std::string::npos && colon + 1 != text.size() && experiment.attributes.count(source) != 0) return;
  const std::vector<std::string> sources = keys_of(experiment.attributes);
  wrong_use("{}{} \"{}\" is no attribute{} expected \"source:attribute\" with one of the sources: {}", where.prefix(),
            what, text, hint(source, sources), listed(sources, "(there is no [attributes.NAME])"));
}

void check_feature(const FeatureReference& feature, const SourcePosition& where, const Experiment& experiment) {
  if (feature.index >= 0) return;
  check_attribute(feature.attribute, where, "feature", experiment);
  if (!experiment.interpret)
    wrong_use("{}feature \"{}\" is found by scoring, so the experiment needs [interpret]", where.prefix(),
              feature.attribute);
  std::vector<std::string> metrics;
  for (const ComponentUse& metric : experiment.interpret->metrics) metrics.push_back(metric.name);
  if (!feature.by.empty() && std::find(metrics.begin(), metrics.end(), feature.by) == metrics.end())
    wrong_use("{}metric '{}' is not one of [interpret]{} accepted: {}", where.prefix(), feature.by,
              hint(feature.by, metrics), fmt::join(metrics, ", "));
}

void check_finite(const ConfigNode& node, const std::string& owner) {
  if (node.kind == Kind::real && !fits(node.real))
    wrong_use("{}{} is {}; a value must be finite, at most 3.4e38", node.where.prefix(), owner, number_text(node.real));
  if (node.kind != Kind::array) return;
  for (const ConfigNode& child : node.children)
    if (child.kind == Kind::real && !fits(child.real))
      wrong_use("{}{} holds {}; every value must be finite, at most 3.4e38", child.where.prefix(), owner,
                number_text(child.real));
}

GivenValue read_sweep_values(const ConfigNode& node, const std::string& owner) {
  const std::string what = "'values' of " + owner;
  if (node.is_table()) return {"values", expand(node, owner), node.where};
  check_finite(node, what);
  GivenValue given = given_value(node, what);
  given.name = "values";
  // One value alone is a sweep of one.
  if (const auto* whole = std::get_if<int64_t>(&given.value))
    given.value = std::vector<double>{static_cast<double>(*whole)};
  else if (const auto* real = std::get_if<double>(&given.value)) given.value = std::vector<double>{*real};
  if (node.kind == Kind::array && node.children.size() > most_values)
    wrong_use("{}{} has {} entries; at most {} are accepted", node.where.prefix(), what, node.children.size(),
              most_values);
  return given;
}

GivenValue as_text_list(const ConfigNode& node, const std::string& owner, bool numbers) {
  const auto text_of = [numbers](const ConfigNode& one) -> std::optional<std::string> {
    if (one.kind == Kind::text) return one.text;
    if (numbers && one.kind == Kind::integer) return std::to_string(one.integer);
    return std::nullopt;
  };
  std::vector<std::string> texts;
  bool all = node.kind == Kind::array;
  if (const auto one = text_of(node)) {
    all = true;
    texts.push_back(*one);
  } else if (all) {
    for (const ConfigNode& child : node.children) {
      const auto text = text_of(child);
      all = all && text.has_value();
      if (text) texts.push_back(*text);
    }
  }
  if (all) return {node.name, std::move(texts), node.where};
  return given_value(node, fmt::format("'{}' of {}", node.name, owner));  // refused by the schema, or here
}

std::string resolve_dictionary(const std::string& name, const SourcePosition& where, const SourcePosition& table,
                               const std::string& owner, const Experiment& experiment) {
  const std::vector<std::string> names = keys_of(experiment.dictionaries);
  if (!name.empty()) {
    if (experiment.dictionaries.count(name) == 0)
      wrong_use("{}there is no [dictionary.{}]{} accepted: {}", where.prefix(), name, hint(name, names),
                listed(names, "(the experiment has none)"));
    return name;
  }
  if (names.empty()) wrong_use("{}{} needs a [dictionary.NAME] in the experiment", table.prefix(), owner);
  if (names.size() > 1) wrong_use("{}{} needs 'dictionary', one of: {}", table.prefix(), owner, fmt::join(names, ", "));
  return names[0];
}

}  // namespace heddle
