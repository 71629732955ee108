#include "core/config/steer_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/config/feature_reader.h"

namespace heddle {
namespace {

// Keys that go with one kind of intervention only.
void check_kind(const SteerOptions& o, const Values& v) {
  const bool adds = o.kind == SteerKind::add_vector;
  if (adds) {
    for (const char* key : {"replace", "error"})
      if (v.given(key)) wrong_use("{}'{}' of [[steer]] needs kind = \"set_feature\"", v.where(key).prefix(), key);
    return;
  }
  for (const char* key : {"vector", "direction", "scale"})
    if (v.given(key) && (key != std::string_view("vector") || !o.vector.empty()))
      wrong_use("{}'{}' of [[steer]] needs kind = \"add_vector\"", v.where(key).prefix(), key);
}

// direction = "probe": attributes by name, at one of the probe's sites.
void check_probe_direction(SteerOptions& o, const Values& v, const SourcePosition& at, const Experiment& experiment) {
  if (!experiment.probe)
    wrong_use("{}direction = \"probe\" of [[steer]] needs a [probe] in the experiment", v.where("direction").prefix());
  const ProbeOptions& probe = *experiment.probe;
  for (const FeatureReference& feature : o.features) {
    if (feature.index >= 0 || feature.rank != 1 || !feature.by.empty())
      wrong_use(
          "{}feature {}: a probe belongs to an attribute, so direction = \"probe\" takes \"source:attribute\" "
          "or \"source:*\" alone",
          v.where("feature").prefix(), feature.text());
    const bool all = feature.attribute.ends_with(":*");
    if (!all && !probe.covers(feature.attribute))
      wrong_use("{}feature \"{}\" has no probe; 'attributes' of [probe] are: {}", v.where("feature").prefix(),
                feature.attribute, fmt::join(probe.attributes, ", "));
  }
  if (o.site.empty() && !o.dictionary.empty())
    o.site =
        experiment.dictionaries.at(resolve_dictionary(o.dictionary, v.where("dictionary"), at, "[[steer]]", experiment))
            .site;
  if (o.site.empty() && probe.sites.size() == 1) o.site = probe.sites[0];
  if (o.site.empty())
    wrong_use("{}[[steer]] needs 'site', one of [probe]'s: {}", at.prefix(), fmt::join(probe.sites, ", "));
  if (std::find(probe.sites.begin(), probe.sites.end(), o.site) == probe.sites.end())
    wrong_use("{}[[steer]]: there is no probe at \"{}\"{} accepted: {}", v.where("site").prefix(), o.site,
              hint(o.site, probe.sites), fmt::join(probe.sites, ", "));
  o.dictionary.clear();  // nothing of it is used
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
  if (const ConfigNode* feature = section.find("feature"); feature != nullptr) {
    o.features = read_features(*feature, "[[steer]]");
    std::vector<std::string> texts;
    for (const FeatureReference& reference : o.features) {
      check_feature(reference, feature->where, experiment);
      texts.push_back(reference.text());
    }
    canonical.push_back({"feature", texts, feature->where});
  }
  if (const ConfigNode* values = section.find("values"); values != nullptr)
    canonical.push_back(read_sweep_values(*values, "[[steer]]"));
  if (const ConfigNode* vector = section.find("vector"); vector != nullptr)
    check_finite(*vector, "'vector' of [[steer]]");
  const Values v = reader.host(steering_table(), &section, {"feature", "values"}, {}, std::move(canonical));
  o.kind = static_cast<SteerKind>(v.choice("kind"));
  o.direction = static_cast<SteerDirection>(v.choice("direction"));
  o.scale = static_cast<SteerScale>(v.choice("scale"));
  const auto vector = v.reals("vector"), list = v.reals("values");
  o.vector.assign(vector.begin(), vector.end());
  o.values.assign(list.begin(), list.end());
  o.site = v.text("site");
  o.site_where = v.where("site");
  o.positions = static_cast<Positions>(v.choice("positions"));
  o.replace = static_cast<Positions>(v.choice("replace"));
  o.error = static_cast<SteerError>(v.choice("error"));
  o.users = v.integer("users");
  o.dictionary = v.text("dictionary");

  const std::string at = section.where.prefix();
  const bool probes = o.direction == SteerDirection::probe;
  if (o.values.empty()) wrong_use("{}[[steer]] needs 'values': a list, or {{ from = -10, to = 10, step = 1 }}", at);
  check_kind(o, v);
  if (!o.vector.empty() && v.given("direction"))
    wrong_use("{}[[steer]] has both 'direction' and 'vector'; give one", v.where("direction").prefix());
  if (!o.vector.empty() && !o.features.empty()) wrong_use("{}[[steer]] has both 'feature' and 'vector'; give one", at);
  if (o.vector.empty() && o.features.empty()) wrong_use("{}[[steer]] needs 'feature': {}", at, feature_forms);
  if (!o.site.empty() && o.vector.empty() && !probes)
    wrong_use("{}'site' of [[steer]] goes with 'vector'; a feature's site is its dictionary's",
              v.where("site").prefix());
  if (probes) check_probe_direction(o, v, section.where, experiment);
  else if (!o.dictionary.empty() || o.vector.empty() || o.site.empty())
    o.dictionary = resolve_dictionary(o.dictionary, v.where("dictionary"), section.where, "[[steer]]", experiment);
  return {std::move(o), v};
}

}  // namespace heddle
