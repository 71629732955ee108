// Lists of the users of a part under many interventions at one site: the same bits as a whole run per intervention, but
// each computes only what its edit reaches.
//
// A batch of users runs once per way of treating the rows that are not edited (left alone, or reconstructed). Then, per
// intervention:
//   edits at the last position, causal backbone   one row per user, attending to the kept states of earlier tokens
//   edits at all positions, or not causal         all rows, but only the layers behind the site
// and codes are encoded once for all values of the same features. Whole runs, one per intervention, are what remains for
// backbones that cannot resume from the site (can_resume(site)), decode by themselves (ranks()), or are asked for next_k
// lists, and for a vector at all positions on reconstructed last ones.
// Memory: per batch of protocol.batch_users the cache of the backbone; per intervention its lists, 8 k bytes per user.
// Threads: one. Errors: those of make_hook and of the backbone; HEDDLE_CANCELLED between interventions.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/steer/intervention.h"
#include "core/train/recommendations.h"

namespace heddle {

struct SteeredSite {
  int64_t index;           // of the backbone
  DictionaryModel* model;  // null when no intervention reconstructs
  const Normalizer& normalizer;
};

// One entry per intervention, in order, rows as recommend_part gives them. progress(done, all) counts users times
// interventions.
std::vector<Recommendations> steered_lists(Backbone& backbone, Context& context, const Interactions& log,
                                           const Part& part, const SteeredSite& site,
                                           std::span<const Intervention> interventions, const RankingProtocol& protocol,
                                           const std::function<void(uint64_t, uint64_t)>& progress = {});

// Whether an intervention can go behind the site without a whole run.
bool resumes(Backbone& backbone, int64_t site, const Intervention& intervention, const RankingProtocol& protocol);

}  // namespace heddle
