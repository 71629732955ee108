#include "core/config/steer_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle {
namespace {

using Kind = ConfigNode::Kind;
constexpr size_t most_values = 10000;

const char* const feature_forms =
    "a whole number, \"source:attribute\", { top = \"source:attribute\" }, or a list of these";

void check_keys(const ConfigNode& table, const std::string& owner, const std::vector<std::string>& accepted) {
  for (const ConfigNode& child : table.children)
    if (std::find(accepted.begin(), accepted.end(), child.name) == accepted.end())
      wrong_use("{}{}", child.where.prefix(), unknown_key_text(child.name, owner, accepted));
}

FeatureReference by_number(const ConfigNode& node, int64_t index) {
  if (index < 0 || index > INT32_MAX)
    wrong_use("{}feature {} is no feature's number; they begin at 0", node.where.prefix(), index);
  FeatureReference feature;
  feature.index = index;
  return feature;
}

void read_feature(const ConfigNode& node, std::vector<FeatureReference>& out) {
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
        wrong_use("{}'feature' of [[steer]] is a list of lists; accepted: {}", child.where.prefix(), feature_forms);
      read_feature(child, out);
    }
  } else if (node.is_table()) {
    check_keys(node, "'feature' of [[steer]]", {"top", "by", "rank"});
    const ConfigNode *top = node.find("top"), *by = node.find("by"), *rank = node.find("rank");
    if (top == nullptr) wrong_use("{}'feature' of [[steer]] needs top = \"source:attribute\"", node.where.prefix());
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
  } else {
    wrong_use("{}'feature' of [[steer]] is {}; accepted: {}", node.where.prefix(),
              node.kind == Kind::real ? number_text(node.real) : std::string(node.kind_text()), feature_forms);
  }
}

double number(const ConfigNode& table, const char* key, std::optional<double> otherwise) {
  const ConfigNode* node = table.find(key);
  if (node == nullptr && otherwise) return *otherwise;
  if (node == nullptr) wrong_use("{}'values' of [[steer]] needs '{}'", table.where.prefix(), key);
  const double value = node->kind == Kind::integer ? static_cast<double>(node->integer) : node->real;
  if ((node->kind != Kind::integer && node->kind != Kind::real) || !std::isfinite(value))
    wrong_use("{}'{}' of 'values' must be a finite number", node->where.prefix(), key);
  return value;
}

// { from, to, step } as a list. Values are rounded to 12 digits, so that 3 * 0.1 is 0.3 in tables and keys.
std::vector<double> expand(const ConfigNode& table) {
  check_keys(table, "'values' of [[steer]]", {"from", "to", "step"});
  const double from = number(table, "from", {}), to = number(table, "to", {}), step = number(table, "step", 1.0);
  if (step == 0 || (to - from) / step < 0)
    wrong_use("{}'values' of [[steer]]: step {} does not lead from {} to {}", table.where.prefix(), number_text(step),
              number_text(from), number_text(to));
  const double count = std::floor((to - from) / step + 1e-9) + 1;
  if (!(count <= static_cast<double>(most_values)))
    wrong_use("{}'values' of [[steer]] would be {} values; at most {} are accepted", table.where.prefix(),
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

std::vector<std::string> metric_names(const Experiment& experiment) {
  std::vector<std::string> names;
  if (experiment.interpret)
    for (const ComponentUse& metric : experiment.interpret->metrics) names.push_back(metric.name);
  return names;
}

void check_feature(const FeatureReference& feature, const ConfigNode& where, const Experiment& experiment) {
  if (feature.index >= 0) return;
  const size_t colon = feature.attribute.find(':');
  const std::string source = feature.attribute.substr(0, colon);
  const std::vector<std::string> sources = keys_of(experiment.attributes);
  if (colon == std::string::npos || colon + 1 == feature.attribute.size() || experiment.attributes.count(source) == 0)
    wrong_use("{}feature \"{}\" is no attribute{} expected \"source:attribute\" with one of the sources: {}",
              where.where.prefix(), feature.attribute, hint(source, sources),
              sources.empty() ? "(there is no [attributes.NAME])" : fmt::format("{}", fmt::join(sources, ", ")));
  if (!experiment.interpret)
    wrong_use("{}feature \"{}\" is found by scoring, so the experiment needs [interpret]", where.where.prefix(),
              feature.attribute);
  const std::vector<std::string> metrics = metric_names(experiment);
  if (!feature.by.empty() && std::find(metrics.begin(), metrics.end(), feature.by) == metrics.end())
    wrong_use("{}metric '{}' is not one of [interpret]{} accepted: {}", where.where.prefix(), feature.by,
              hint(feature.by, metrics), fmt::join(metrics, ", "));
}

}  // namespace

std::string FeatureReference::text() const {
  if (index >= 0) return std::to_string(index);
  std::string text = attribute;
  if (rank != 1) text += fmt::format("#{}", rank);
  if (!by.empty()) text += " by " + by;
  return text;
}

SteerRead read_steer(const SectionReader& reader, const ConfigNode& section, const Experiment& experiment) {
  reader.table(section, "[[steer]]");
  SteerOptions o;
  std::vector<GivenValue> canonical;
  const ConfigNode *feature = section.find("feature"), *values = section.find("values");
  if (feature != nullptr) {
    read_feature(*feature, o.features);
    std::vector<std::string> texts;
    for (const FeatureReference& reference : o.features) {
      check_feature(reference, *feature, experiment);
      texts.push_back(reference.text());
    }
    canonical.push_back({"feature", texts, feature->where});
  }
  if (values != nullptr) {
    GivenValue given = values->is_table() ? GivenValue{"values", expand(*values), values->where}
                                          : given_value(*values, "'values' of [[steer]]");
    // One value alone is a sweep of one.
    if (const auto* whole = std::get_if<int64_t>(&given.value))
      given.value = std::vector<double>{static_cast<double>(*whole)};
    else if (const auto* real = std::get_if<double>(&given.value)) given.value = std::vector<double>{*real};
    canonical.push_back(std::move(given));
  }
  const Values v = reader.host(steering_table(), &section, {"feature", "values"}, {}, std::move(canonical));
  o.kind = static_cast<SteerKind>(v.choice("kind"));
  o.dictionary = v.text("dictionary");
  const auto vector = v.reals("vector"), list = v.reals("values");
  o.vector.assign(vector.begin(), vector.end());
  o.values.assign(list.begin(), list.end());
  o.site = v.text("site");
  o.site_where = v.where("site");
  o.positions = static_cast<Positions>(v.choice("positions"));
  o.replace = static_cast<Positions>(v.choice("replace"));
  o.error = static_cast<SteerError>(v.choice("error"));
  o.users = v.integer("users");

  const std::string at = section.where.prefix();
  if (o.values.empty()) wrong_use("{}[[steer]] needs 'values': a list, or {{ from = -10, to = 10, step = 1 }}", at);
  if (o.values.size() > most_values)
    wrong_use("{}'values' of [[steer]] has {} entries; at most {} are accepted", at, o.values.size(), most_values);
  const bool adds = o.kind == SteerKind::add_vector;
  if (!adds && !o.vector.empty())
    wrong_use("{}'vector' of [[steer]] needs kind = \"add_vector\"", v.where("vector").prefix());
  if (!o.vector.empty() && !o.features.empty()) wrong_use("{}[[steer]] has both 'feature' and 'vector'; give one", at);
  if (o.vector.empty() && o.features.empty()) wrong_use("{}[[steer]] needs 'feature': {}", at, feature_forms);
  if (!o.site.empty() && o.vector.empty())
    wrong_use("{}'site' of [[steer]] goes with 'vector'; a feature's site is its dictionary's",
              v.where("site").prefix());
  if (adds)
    for (const char* key : {"replace", "error"})
      if (v.given(key)) wrong_use("{}'{}' of [[steer]] needs kind = \"set_feature\"", v.where(key).prefix(), key);

  const std::vector<std::string> names = keys_of(experiment.dictionaries);
  if (!o.dictionary.empty() && experiment.dictionaries.count(o.dictionary) == 0)
    wrong_use("{}there is no [dictionary.{}]{} accepted: {}", v.where("dictionary").prefix(), o.dictionary,
              hint(o.dictionary, names),
              names.empty() ? "(the experiment has none)" : fmt::format("{}", fmt::join(names, ", ")));
  const bool standalone = !o.vector.empty() && !o.site.empty();
  if (o.dictionary.empty() && !standalone) {
    if (names.empty()) wrong_use("{}[[steer]] needs a [dictionary.NAME] in the experiment", at);
    if (names.size() > 1) wrong_use("{}[[steer]] needs 'dictionary', one of: {}", at, fmt::join(names, ", "));
    o.dictionary = names[0];
  }
  return {std::move(o), v};
}

}  // namespace heddle
