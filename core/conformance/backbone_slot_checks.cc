// Checks of what a backbone may do besides: preparation, looking back only, inference again behind a site, lists of its own.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/conformance/backbone_subject.h"
#include "core/conformance/bits.h"
#include "core/conformance/checks.h"

namespace heddle::conformance {
namespace {

using Rows = std::vector<float>;

// Rows [begin, end) of a matrix.
Rows rows_of(const Rows& matrix, int64_t width, int64_t begin, int64_t end) {
  return {matrix.begin() + begin * width, matrix.begin() + end * width};
}
void append(Rows& to, const Rows& more) { to.insert(to.end(), more.begin(), more.end()); }

std::string preparation(const Component& component, const GivenText& given) {
  if (!component.provides("prepare")) skip_check("it does not prepare itself");
  const auto made = [&](int threads, const Histories& log) {
    return BackboneSubject(component, given, threads, 0, log).params().copy();
  };
  const auto once = made(1, test_log(1));
  for (int threads : {1, 2, 3}) {
    if (!same_bits(once, made(threads, test_log(1))))
      fail_check("it prepares other values {}",
                 threads == 1 ? "when the same call is repeated" : fmt::format("on {} threads", threads));
  }
  made(1, {{}, {5}, {5, 5, 5}});  // hardly any events: other values, but finite ones
  return once == made(1, test_log(2)) ? "the same for another log" : "";
}

// Sequences whose tails differ agree before them.
std::string causality(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given, 1, 0.1f);
  if (!subject.has(HEDDLE_BACKBONE_CAUSAL)) skip_check("it does not say that tokens look back only");
  const Histories histories = test_histories(subject, 9);
  const std::vector<int64_t> offsets = subject.offsets_of(histories);
  const Rows whole = subject.forward(histories);
  const int64_t hidden = subject.info().hidden;
  int64_t compared = 0;
  for (size_t cut = 1; cut < 12; ++cut) {
    Histories changed = histories;
    for (auto& history : changed)
      for (size_t i = cut; i < history.size(); ++i) history[i] = (history[i] + 17) % static_cast<int32_t>(test_items);
    const Rows other = subject.forward(changed);
    for (size_t s = 0; s < histories.size(); ++s) {
      const int64_t same = offsets[s] + static_cast<int64_t>(std::min(cut, histories[s].size()));
      if (!same_bits(rows_of(whole, hidden, offsets[s], same), rows_of(other, hidden, offsets[s], same)))
        fail_check("it says that tokens look back only, but a state changes with the item at place {} behind it", cut);
      compared += same - offsets[s];
    }
  }
  return fmt::format("{} states", compared);
}

// Everything about one site that the comparison needs.
struct SiteRun {
  Rows hidden, activations, cache;
};

SiteRun run_caching(BackboneSubject& subject, const Histories& histories, int64_t site) {
  SiteRun out;
  const AtSite look = [&](int64_t at, DLTensor* x) -> int32_t {
    if (at != site) return HEDDLE_OK;
    for (int64_t r = 0; r < x->shape[0]; ++r) {
      const auto* row =
          reinterpret_cast<const float*>(static_cast<char*>(x->data) + x->byte_offset) + r * x->strides[0];
      out.activations.insert(out.activations.end(), row, row + x->shape[1]);
    }
    return HEDDLE_OK;
  };
  out.hidden = subject.forward_caching(histories, site, &out.cache, &look);
  return out;
}

void check_site(BackboneSubject& subject, BackboneSubject& threaded, int64_t site) {
  const char* name = subject.sites()[static_cast<size_t>(site)].name;
  const int64_t hidden = subject.info().hidden, width = subject.sites()[static_cast<size_t>(site)].width;
  const Histories histories = test_histories(subject, 10);
  const std::vector<int64_t> offsets = subject.offsets_of(histories);
  const Rows plain = subject.forward(histories);
  const SiteRun run = run_caching(subject, histories, site);
  if (!same_bits(plain, run.hidden)) fail_check("forward_caching at '{}' gives other states than forward", name);
  for (const float value : run.cache)
    if (!std::isfinite(value)) fail_check("forward_caching at '{}' leaves {} in the cache", name, value);
  const SiteRun again = run_caching(threaded, histories, site);
  if (!same_bits(run.cache, again.cache)) fail_check("the cache behind '{}' differs between 1 and 3 threads", name);

  const auto resume = [&](const Suffixes& suffixes) {
    Rows out = subject.forward_from(site, suffixes, run.cache);
    if (!same_bits(out, threaded.forward_from(site, suffixes, run.cache)))
      fail_check("forward_from at '{}' differs between 1 and 3 threads", name);
    return out;
  };
  resume({});
  const bool causal = subject.has(HEDDLE_BACKBONE_CAUSAL);
  // Where each suffix begins, seen from the end of its sequence; whole sequences are what every backbone takes.
  for (const int64_t tail : {INT64_MAX, int64_t{1}, int64_t{2}, int64_t{5}}) {
    if (tail != INT64_MAX && !causal) continue;
    Suffixes suffixes;
    Rows expected;
    for (int copy = 0; copy < 2; ++copy) {  // twice: the same prefix may serve several suffixes
      for (size_t s = 0; s < histories.size(); ++s) {
        const int64_t begin = std::max(offsets[s], tail == INT64_MAX ? offsets[s] : offsets[s + 1] - tail);
        const bool whole = tail == INT64_MAX;
        suffixes.prefix_begin.push_back(whole ? 0 : offsets[s]);
        suffixes.prefix_end.push_back(whole ? 0 : begin);
        suffixes.offsets.push_back(suffixes.offsets.back() + offsets[s + 1] - begin);
        append(suffixes.activations, rows_of(run.activations, width, begin, offsets[s + 1]));
        append(expected, rows_of(plain, hidden, begin, offsets[s + 1]));
      }
    }
    if (!same_bits(resume(suffixes), expected))
      fail_check("forward_from at '{}' gives other states than forward, for suffixes of {}", name,
                 tail == INT64_MAX ? "whole sequences" : fmt::format("{} tokens", tail));
  }
}

// Other values at the last token of each sequence: those that a whole run with a hook gives.
void check_edit(BackboneSubject& subject, int64_t site) {
  const char* name = subject.sites()[static_cast<size_t>(site)].name;
  const int64_t hidden = subject.info().hidden, width = subject.sites()[static_cast<size_t>(site)].width;
  const Histories histories = test_histories(subject, 11);
  const std::vector<int64_t> offsets = subject.offsets_of(histories);
  const SiteRun run = run_caching(subject, histories, site);
  const auto edited = [](int64_t row, int64_t column) {
    return static_cast<float>((row * 7 + column * 3) % 5) * 0.5f - 1.0f;
  };
  const AtSite overwrite = [&](int64_t at, DLTensor* x) -> int32_t {
    for (size_t s = 0; at == site && s < histories.size(); ++s) {
      const int64_t row = offsets[s + 1] - 1;
      auto* to = reinterpret_cast<float*>(static_cast<char*>(x->data) + x->byte_offset) + row * x->strides[0];
      for (int64_t c = 0; c < width; ++c) to[c] = edited(row, c);
    }
    return HEDDLE_OK;
  };
  const Rows whole = subject.forward(histories, &overwrite);
  const bool causal = subject.has(HEDDLE_BACKBONE_CAUSAL);
  Suffixes suffixes;
  Rows expected;
  for (size_t s = 0; s < histories.size(); ++s) {
    const int64_t last = offsets[s + 1] - 1, begin = causal ? last : offsets[s];
    suffixes.prefix_begin.push_back(causal ? offsets[s] : 0);
    suffixes.prefix_end.push_back(causal ? last : 0);
    suffixes.offsets.push_back(suffixes.offsets.back() + last + 1 - begin);
    append(suffixes.activations, rows_of(run.activations, width, begin, last));
    for (int64_t c = 0; c < width; ++c) suffixes.activations.push_back(edited(last, c));
    append(expected, rows_of(whole, hidden, begin, last + 1));
  }
  if (!same_bits(subject.forward_from(site, suffixes, run.cache), expected))
    fail_check("forward_from at '{}' with other values at the last token differs from a run with a hook", name);
}

std::string resuming(const Component& component, const GivenText& given) {
  if (!component.provides("forward_from")) skip_check("it does not offer inference again behind a site");
  BackboneSubject subject(component, given, 1, 0.1f), threaded(component, given, 3, 0.1f);
  int64_t tried = 0;
  for (int64_t site = 0; site < static_cast<int64_t>(subject.sites().size()); ++site) {
    if (!subject.can_resume(site)) continue;
    check_site(subject, threaded, site);
    check_edit(subject, site);
    ++tried;
  }
  if (tried == 0) fail_check("it offers inference again, but from none of its sites");
  return fmt::format("{} of {} sites", tried, subject.sites().size());
}

// One list: best first, ties by falling item, nothing twice, nothing masked, -1 and -inf behind its end.
void check_list(const int32_t* items, const float* scores, int64_t k, const std::vector<int32_t>& masked) {
  std::set<int32_t> seen(masked.begin(), masked.end());
  for (int64_t j = 0; j < k; ++j) {
    if (items[j] < -1 || items[j] >= test_items) fail_check("rank lists item {} of {}", items[j], test_items);
    if (items[j] < 0) {
      if (!(std::isinf(scores[j]) && scores[j] < 0)) fail_check("rank gives the score {} to an empty place", scores[j]);
      continue;
    }
    if (j > 0 && items[j - 1] < 0) fail_check("rank lists an item behind an empty place");
    if (!std::isfinite(scores[j])) fail_check("rank gives item {} the score {}", items[j], scores[j]);
    if (std::binary_search(masked.begin(), masked.end(), items[j]))
      fail_check("rank lists item {}, which is seen", items[j]);
    if (!seen.insert(items[j]).second) fail_check("rank lists item {} twice", items[j]);
    const bool ordered = j == 0 || scores[j - 1] > scores[j] || (scores[j - 1] == scores[j] && items[j - 1] > items[j]);
    if (!ordered) fail_check("rank's list is not best first, ties by falling item, at place {}", j + 1);
  }
}

std::string lists(const Component& component, const GivenText& given) {
  if (!component.provides("rank")) skip_check("its lists come from score()");
  constexpr int64_t k = 10;
  BackboneSubject subject(component, given, 1, 0.1f), threaded(component, given, 3, 0.1f);
  const Histories histories = test_histories(subject, 12);
  Histories own = histories, nearly_all(histories.size());
  for (auto& row : own) {
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
  }
  for (size_t s = 0; s < nearly_all.size(); ++s)
    for (int32_t item = 0; item < test_items; ++item)
      if (item % 20 != static_cast<int32_t>(s)) nearly_all[s].push_back(item);
  int64_t listed = 0;
  for (const Histories* seen : {static_cast<const Histories*>(nullptr), static_cast<const Histories*>(&own),
                                static_cast<const Histories*>(&nearly_all)}) {
    const RankedResult all = subject.rank(histories, k, seen), other = threaded.rank(histories, k, seen);
    if (all.items != other.items || !same_bits(all.scores, other.scores))
      fail_check("rank's lists differ between 1 and 3 threads");
    for (size_t s = 0; s < histories.size(); ++s) {
      const int32_t* items = all.items.data() + s * k;
      check_list(items, all.scores.data() + s * k, k, seen == nullptr ? std::vector<int32_t>{} : (*seen)[s]);
      if (seen != &nearly_all && items[0] < 0) fail_check("rank lists nothing for a history");
      listed += std::count_if(items, items + k, [](int32_t item) { return item >= 0; });
      // Alone in its batch.
      const Histories one = {histories[s]}, mask = {seen == nullptr ? std::vector<int32_t>{} : (*seen)[s]};
      const RankedResult alone = subject.rank(one, k, seen == nullptr ? nullptr : &mask);
      if (!std::equal(alone.items.begin(), alone.items.end(), items) ||
          !same_bits(alone.scores, Rows(all.scores.begin() + static_cast<std::ptrdiff_t>(s * k),
                                        all.scores.begin() + static_cast<std::ptrdiff_t>((s + 1) * k))))
        fail_check("rank's lists differ when sequences come one by one");
    }
  }
  subject.rank({}, k, nullptr);
  const AtSite stop = [](int64_t, DLTensor*) -> int32_t { return HEDDLE_CANCELLED; };
  ErrorBuffer error;
  if (subject.rank_status(histories, k, nullptr, &stop, error, nullptr) != HEDDLE_CANCELLED)
    fail_check("the hook's status is not handed on by rank");
  return fmt::format("{} items in {} lists", listed, 3 * histories.size());
}

}  // namespace

std::vector<Check> backbone_slot_checks() {
  return {{"preparation", preparation}, {"causality", causality}, {"inference again", resuming}, {"lists", lists}};
}

}  // namespace heddle::conformance
