#include "core/steer/steered_lists.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/steer/resumed_batch.h"
#include "core/train/batching.h"

namespace heddle {
namespace {

// Interventions that share the run of a batch, and within it those that share their codes.
using Groups = std::vector<std::vector<std::vector<size_t>>>;

Groups group(std::span<const Intervention> interventions, const std::vector<size_t>& chosen) {
  const auto run_of = [](const Intervention& i) { return std::tuple(i.reconstruct, i.keep_error, i.edit, i.replace); };
  const auto features_of = [](const Intervention& i) {
    std::vector<int64_t> out;
    for (const FeatureEdit& edit : i.features) out.push_back(edit.feature);
    return out;
  };
  std::map<decltype(run_of(interventions[0])), std::map<std::vector<int64_t>, std::vector<size_t>>> sorted;
  for (const size_t at : chosen) sorted[run_of(interventions[at])][features_of(interventions[at])].push_back(at);
  Groups out;
  for (auto& [run, families] : sorted) {
    out.emplace_back();
    for (auto& [features, members] : families) out.back().push_back(std::move(members));
  }
  return out;
}

}  // namespace

bool resumes(Backbone& backbone, int64_t site, const Intervention& intervention, const RankingProtocol& protocol) {
  if (backbone.ranks() || protocol.generation != Generation::top_k || !backbone.can_resume(site)) return false;
  // Where only the last rows are reconstructed, but all get the vector, the edited rows are of two kinds.
  return !(intervention.reconstruct && intervention.edit == Positions::all && intervention.replace == Positions::last);
}

std::vector<Recommendations> steered_lists(Backbone& backbone, Context& context, const Interactions& log,
                                           const Part& part, const SteeredSite& site,
                                           std::span<const Intervention> interventions, const RankingProtocol& protocol,
                                           const std::function<void(uint64_t, uint64_t)>& progress) {
  if (protocol.k < 1) wrong_use("a list of {} recommendations; at least 1 is needed", protocol.k);
  const Batcher batcher(log, part, inference_batches(backbone, protocol.batch_users));
  const auto users = static_cast<uint64_t>(batcher.windows()), all = users * interventions.size();
  uint64_t done = 0;
  const auto advance = [&](uint64_t lists) {
    done += lists;
    if (progress) progress(done, all);
  };
  for (const Intervention& intervention : interventions) validate(intervention, site.model, site.normalizer);

  std::vector<Recommendations> out(interventions.size());
  std::vector<size_t> short_ways;
  for (size_t i = 0; i < interventions.size(); ++i) {
    if (resumes(backbone, site.index, interventions[i], protocol)) {
      short_ways.push_back(i);
      continue;
    }
    throw_if_cancelled();
    const Hook hook = make_hook(site.index, backbone.device(), site.model, site.normalizer, interventions[i]);
    out[i] = recommend_part(backbone, context, log, part, hook, protocol);
    advance(users);
  }
  if (short_ways.empty()) return out;

  const Groups groups = group(interventions, short_ways);
  const Batcher::Plan plan = batcher.plan();
  Batch batch;
  for (int64_t b = 0; b < plan.size(); ++b) {
    batcher.fill(plan, b, batch);
    const SeenItems seen = protocol.filter_seen ? seen_items(log, part, batch.ranges) : SeenItems{};
    for (const size_t i : short_ways) {
      out[i].k = protocol.k;
      for (const int64_t index : batch.ranges) {
        const UserRange& range = part.users[static_cast<size_t>(index)];
        out[i].users.push_back(range.user);
        out[i].targets.push_back(range.target < 0 ? -1 : log.items[static_cast<size_t>(range.target)]);
      }
      out[i].lists.resize(static_cast<size_t>(out[i].rows() * protocol.k));
      out[i].scores.resize(out[i].lists.size());
    }
    for (const auto& families : groups) {
      throw_if_cancelled();
      ResumedBatch resumed(backbone, context, protocol.precision, batch, site, interventions[families[0][0]]);
      for (const auto& members : families) {
        std::vector<const Intervention*> same_features;
        for (const size_t i : members) same_features.push_back(&interventions[i]);
        resumed.run(same_features, [&](size_t member, DLTensor* states) {
          throw_if_cancelled();
          Recommendations& lists = out[members[member]];
          const size_t at = lists.lists.size() - static_cast<size_t>(batch.count() * protocol.k);
          top_lists(backbone, context, protocol.precision, states, protocol.k,
                    protocol.filter_seen ? seen.offsets.data() : nullptr, seen.items.data(), lists.lists.data() + at,
                    lists.scores.data() + at);
          advance(static_cast<uint64_t>(batch.count()));
        });
      }
    }
  }
  return out;
}

}  // namespace heddle
