#include "core/config/probe.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/config/feature_reader.h"
#include "core/config/judgement_readers.h"
#include "core/config/option_table.h"

namespace heddle {
namespace {

constexpr const char* class_weights[] = {"none", "balanced"};

}  // namespace

bool names_attribute(std::string_view pattern, std::string_view attribute) {
  if (!pattern.ends_with(":*")) return pattern == attribute;
  return attribute.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool ProbeOptions::covers(std::string_view attribute) const {
  return attributes.empty() || std::any_of(attributes.begin(), attributes.end(), [&](const std::string& pattern) {
           return names_attribute(pattern, attribute);
         });
}

const OptionTable& probe_table() {
  using namespace option;
  static const ProbeOptions d;
  static const std::vector<heddle_param> params = {
      texts(
          "attributes", nullptr,
          "Attributes that are probed, like \"genre:Horror\", or \"genre:*\" for a source; default: every binary one."),
      texts("site", nullptr, "Where activations are read, one probe each; default: the sites of the dictionaries."),
      real("l2", d.l2, 0, 1e12,
           "Weight of half the squared norm of the weights against the loss summed over rows; the bias is free."),
      choice("class_weight", class_weights, static_cast<int64_t>(d.class_weight),
             "Rows weigh 1 each, or n / (2 n of their class), so that both classes weigh the same."),
      real("tolerance", d.tolerance, 1e-15, 1,
           "Training has converged when the gradient of (loss + penalty) / rows has a norm of at most this."),
      integer("max_iterations", d.max_iterations, 1, 1e6, "Iterations, at most; a probe that needs more says so.")};
  static const OptionTable table =
      option_table("[probe]",
                   "Linear probes, as a supervised baseline: one L2-regularised logistic regression per attribute on "
                   "the normalised activations of the dictionary users, scored on the points of [interpret]. Left out "
                   "when the table is missing.",
                   params);
  return table;
}

TableRead<ProbeOptions> read_probe(const SectionReader& reader, const ConfigNode& section,
                                   const Experiment& experiment) {
  reader.table(section, "[probe]");
  std::vector<GivenValue> canonical;
  for (const char* key : {"attributes", "site"})
    if (const ConfigNode* node = section.find(key); node != nullptr)
      canonical.push_back(as_text_list(*node, "[probe]"));
  const Values v = reader.host(probe_table(), &section, {"attributes", "site"}, {}, std::move(canonical));
  if (!experiment.interpret)
    wrong_use("{}[probe] needs [interpret]: its metrics and its points are what probes are scored by",
              section.where.prefix());
  ProbeOptions o;
  o.attributes = v.texts("attributes");
  o.attributes_where = v.where("attributes");
  for (const std::string& attribute : o.attributes)
    check_attribute(attribute, o.attributes_where, "'attributes' of [probe]:", experiment);
  o.sites = v.texts("site");
  o.site_where = v.where("site");
  if (o.sites.empty()) o.sites = experiment.activation_sites();  // of the dictionaries: the probe is not set yet
  for (auto site = o.sites.begin(); site != o.sites.end(); ++site) {
    if (site->empty())
      wrong_use("{}'site' of [probe] is empty; expected the name of a site, like \"block.0.out\"",
                o.site_where.prefix());
    if (std::find(o.sites.begin(), site, *site) != site)
      wrong_use("{}'site' of [probe] names \"{}\" twice", o.site_where.prefix(), *site);
  }
  o.l2 = v.real("l2");
  o.class_weight = static_cast<ClassWeight>(v.choice("class_weight"));
  o.tolerance = v.real("tolerance");
  o.max_iterations = v.integer("max_iterations");
  TableRead<ProbeOptions> read{std::move(o), v.resolved(), v.numeric_key()};
  read.resolved["site"] = read.options.sites;
  read.numeric.erase("site");  // each site has a stage of its own
  return read;
}

}  // namespace heddle
