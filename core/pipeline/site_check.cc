#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "core/base/error.h"
#include "core/config/section_reader.h"
#include "core/pipeline/pipeline.h"
#include "core/plugin/host.h"
#include "core/plugin/normalise.h"

namespace heddle {
namespace {

// The sites of a backbone with these parameters; nullopt when no instance can be made of so small a catalogue. That is
// no verdict on the experiment: the run makes it with the real one.
std::optional<std::vector<std::string>> sites_of(const ComponentUse& use) {
  const CallGuard guard(*use.component);
  const auto& table = use.component->table<heddle_backbone_vtable>();
  const heddle_backbone_plan plan{sizeof plan, 0, 2};
  ErrorBuffer error;
  heddle_backbone* made = nullptr;
  if (table.create(&host(), use.values.raw(), &plan, &made, error) != HEDDLE_OK || made == nullptr) return std::nullopt;
  const std::unique_ptr<heddle_backbone, void (*)(heddle_backbone*)> self(made, table.destroy);
  heddle_sites declared{sizeof declared, 0, 0, nullptr};
  check(table.sites(self.get(), &declared, error), error, use.component->id);
  std::vector<std::string> names;
  const std::string what = use.component->id + ": sites";
  for (const heddle_site& site : normalise_array(declared.items, declared.count, what, sizeof(heddle_site)))
    if (site.name != nullptr) names.push_back(site.name);
  return names;
}

}  // namespace

void check_sites(const std::vector<Experiment>& experiments) {
  std::set<std::string> checked;  // the points of a sweep mostly agree
  for (const Experiment& experiment : experiments) {
    if (!experiment.backbone || (experiment.dictionaries.empty() && experiment.steer.empty() && !experiment.probe))
      continue;
    const ComponentUse& use = experiment.backbone->plugin;
    std::string question = use.component->id + use.values.resolved().dump();
    for (const auto& [name, section] : experiment.dictionaries) question += "\n" + section.site;
    for (const SteerOptions& steer : experiment.steer) question += "\n" + experiment.site_of(steer);
    if (experiment.probe)
      for (const std::string& site : experiment.probe->sites) question += "\n" + site;
    if (!checked.insert(question).second) continue;
    const auto sites = sites_of(use);
    if (!sites) continue;
    const auto check_one = [&](const std::string& site, const SourcePosition& where, const std::string& owner) {
      if (std::find(sites->begin(), sites->end(), site) != sites->end()) return;
      wrong_use("{}'site' of {} is \"{}\", which {} does not have{} its sites: {}", where.prefix(), owner, site,
                use.component->id, hint(site, *sites), fmt::join(*sites, ", "));
    };
    for (const auto& [name, section] : experiment.dictionaries)
      check_one(section.site, section.site_where, "[dictionary." + name + "]");
    if (experiment.probe)
      for (const std::string& site : experiment.probe->sites) check_one(site, experiment.probe->site_where, "[probe]");
    for (const SteerOptions& steer : experiment.steer)
      if (!steer.site.empty()) check_one(steer.site, steer.site_where, "[[steer]]");
  }
}

}  // namespace heddle
