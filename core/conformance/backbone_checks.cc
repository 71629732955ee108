// Checks of backbones, on a catalogue of 53 items and packed sequences of odd lengths.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/conformance/backbone_subject.h"
#include "core/conformance/bits.h"
#include "core/conformance/checks.h"
#include "core/conformance/gradient.h"
#include "core/conformance/scratch_file.h"

namespace heddle::conformance {
namespace {

struct Outputs {
  std::vector<float> hidden, scores;
};

Outputs infer(BackboneSubject& subject, const Histories& histories) {
  Outputs out;
  out.hidden = subject.forward(histories);
  out.scores = subject.score(subject.last_states(histories));
  return out;
}

void require_same(const Outputs& a, const Outputs& b, const char* when) {
  if (!same_bits(a.hidden, b.hidden)) fail_check("hidden states differ {}", when);
  if (!same_bits(a.scores, b.scores)) fail_check("scores differ {}", when);
}

bool same(const BackboneTrainResult& a, const BackboneTrainResult& b) {
  return a.losses == b.losses && same_bits(a.gradients, b.gradients);
}

void train_a_little(BackboneSubject& subject) {
  for (uint64_t step = 1; step <= 3; ++step) {
    subject.params().zero_gradients();
    subject.train(test_histories(subject, 50 + step), step);
    subject.params().descend(0.01f);
  }
}

std::string outputs(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given);
  const Histories histories = test_histories(subject, 2);
  infer(subject, histories);
  const BackboneTrainResult result = subject.train(histories);
  int64_t size = 0;
  for (size_t i = 0; i < subject.params().count(); ++i) size += subject.params().size(i);
  return fmt::format("{} tensors of {} numbers, {} sites, loss {:.3f}", subject.params().count(), size,
                     subject.sites().size(), result.total);
}

std::string nothing(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given);
  subject.forward({});
  subject.score({});
  const BackboneTrainResult result = subject.train({});
  for (const Loss& loss : result.losses) {
    if (!std::isfinite(loss.value)) fail_check("the loss '{}' of nothing is {}", loss.name, loss.value);
  }
  subject.train(test_histories(subject, 3), 1, false);  // sequences without a single target
  return {};
}

std::string one_token(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given);
  infer(subject, {{5}});
  subject.train({{5}});
  return {};
}

// Items that are in no catalogue must end in an error, not in memory of somebody else.
std::string foreign_items(const Component& component, const GivenText& given) {
  for (int32_t item : {-5, static_cast<int32_t>(test_items) + 1000, INT32_MAX}) {
    BackboneSubject subject(component, given);
    ErrorBuffer error;
    const int32_t status = subject.forward_status({{1, item, 2}}, error);
    require_error(status, error, fmt::format("forward with item {} of {}", item, test_items));
  }
  return {};
}

std::string hooks(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given);
  const Histories histories = test_histories(subject, 4);
  const std::vector<float> untouched = subject.forward(histories);
  const int64_t tokens = static_cast<int64_t>(untouched.size()) / subject.info().hidden;
  std::vector<int64_t> seen;
  std::string problem;  // nothing may be thrown through the plugin
  const AtSite look = [&](int64_t site, DLTensor* x) -> int32_t {
    seen.push_back(site);
    if (site < 0 || site >= static_cast<int64_t>(subject.sites().size())) {
      problem = fmt::format("the hook is called for site {}", site);
      return HEDDLE_CANCELLED;
    }
    const heddle_site& declared = subject.sites()[static_cast<size_t>(site)];
    if (x == nullptr || x->ndim != 2 || x->shape[0] != tokens || x->shape[1] != declared.width) {
      problem = fmt::format("the activations at '{}' are not [{},{}]", declared.name, tokens, declared.width);
      return HEDDLE_CANCELLED;
    }
    return HEDDLE_OK;
  };
  ErrorBuffer looking;
  std::vector<float> looked;
  const int32_t look_status = subject.forward_status(histories, looking, &look, &looked);
  if (!problem.empty()) throw Failure{problem};
  require_ok(look_status, looking, "forward with a hook");
  if (!same_bits(looked, untouched)) fail_check("a hook that only looks changes the result");
  for (size_t i = 0; i < subject.sites().size(); ++i) {
    if (i >= seen.size() || seen[i] != static_cast<int64_t>(i))
      fail_check("the sites are not reached once each, in the order of sites()");
  }
  if (seen.size() != subject.sites().size())
    fail_check("the hook is called {} times for {} sites", seen.size(), subject.sites().size());
  for (size_t stop = 0; stop < subject.sites().size(); ++stop) {
    const char* name = subject.sites()[stop].name;
    int64_t calls = 0;
    const AtSite cancel = [&](int64_t site, DLTensor*) -> int32_t {
      ++calls;
      return site == static_cast<int64_t>(stop) ? HEDDLE_CANCELLED : HEDDLE_OK;
    };
    ErrorBuffer error;
    if (subject.forward_status(histories, error, &cancel) != HEDDLE_CANCELLED)
      fail_check("the hook's status at '{}' is not handed on", name);
    if (calls != static_cast<int64_t>(stop) + 1)
      fail_check("the hook is called again after it said stop at '{}'", name);
    const AtSite overwrite = [&](int64_t site, DLTensor* x) -> int32_t {
      if (site != static_cast<int64_t>(stop)) return HEDDLE_OK;
      for (int64_t r = 0; r < x->shape[0]; ++r) {
        auto* row = reinterpret_cast<float*>(static_cast<char*>(x->data) + x->byte_offset) + r * x->strides[0];
        for (int64_t c = 0; c < x->shape[1]; ++c) row[c] = static_cast<float>(c % 3) - static_cast<float>(r % 2);
      }
      return HEDDLE_OK;
    };
    if (same_bits(subject.forward(histories, &overwrite), untouched))
      fail_check("what the hook writes at '{}' has no effect", name);
  }
  return fmt::format("{} sites", subject.sites().size());
}

std::string threads(const Component& component, const GivenText& given) {
  std::vector<Outputs> inferred;
  std::vector<BackboneTrainResult> trained;
  for (int count : {1, 1, 2, 3}) {
    BackboneSubject subject(component, given, count);
    Histories histories;
    for (uint64_t i = 0; i < 8; ++i) {
      for (auto& history : test_histories(subject, 60 + i)) histories.push_back(history);
    }
    inferred.push_back(infer(subject, histories));
    trained.push_back(subject.train(histories));
  }
  for (size_t i = 1; i < inferred.size(); ++i) {
    const char* when = i == 1   ? "when the same call is repeated"
                       : i == 2 ? "between 1 and 2 threads"
                                : "between 1 and 3 threads";
    require_same(inferred[0], inferred[i], when);
    if (!same(trained[0], trained[i])) fail_check("losses or gradients differ {}", when);
  }
  return {};
}

// A sequence's result does not depend on which others share its batch.
std::string split(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given);
  const Histories histories = test_histories(subject, 5);
  const Outputs whole = infer(subject, histories);
  for (size_t size : {size_t{1}, size_t{3}}) {
    Outputs joined;
    for (size_t begin = 0; begin < histories.size(); begin += size) {
      const size_t end = std::min(begin + size, histories.size());
      const Outputs part = infer(subject, {histories.begin() + static_cast<std::ptrdiff_t>(begin),
                                           histories.begin() + static_cast<std::ptrdiff_t>(end)});
      joined.hidden.insert(joined.hidden.end(), part.hidden.begin(), part.hidden.end());
      joined.scores.insert(joined.scores.end(), part.scores.begin(), part.scores.end());
    }
    require_same(whole, joined, fmt::format("when 4 sequences come in batches of {}", size).c_str());
  }
  return {};
}

std::string save_and_load(const Component& component, const GivenText& given) {
  const ScratchFile file;
  BackboneSubject trained(component, given);
  const Histories histories = test_histories(trained, 6);
  train_a_little(trained);
  const Outputs before = infer(trained, histories);
  trained.params().save(file.path());
  BackboneSubject loaded(component, given);
  loaded.params().load(file.path());
  require_same(before, infer(loaded, histories),
               "after save and load: something that matters is not among the parameters");
  trained.params().zero_gradients();
  if (!same(trained.train(histories, 4), loaded.train(histories, 4)))
    fail_check("training goes on differently after save and load");
  return fmt::format("{} tensors", trained.params().count());
}

std::string isolation(const Component& component, const GivenText& given) {
  BackboneSubject first(component, given);
  const Histories histories = test_histories(first, 7);
  const Outputs before = infer(first, histories);
  {
    BackboneSubject second(component, given);
    train_a_little(second);
    require_same(before, infer(first, histories), "after another instance was trained");
  }
  require_same(before, infer(first, histories), "after another instance was destroyed");
  return {};
}

std::string gradients(const Component& component, const GivenText& given) {
  BackboneSubject subject(component, given, 1, 0.1f);
  const Histories histories = test_histories(subject, 8);
  return check_gradients(subject.params(), [&] { return Evaluation{subject.train(histories).total, 0}; });
}

}  // namespace

std::vector<Check> backbone_checks() {
  return {{"outputs", outputs},
          {"no sequences", nothing},
          {"one token", one_token},
          {"foreign items", foreign_items},
          {"hooks", hooks},
          {"threads", threads},
          {"batch split", split},
          {"save and load", save_and_load},
          {"two instances", isolation},
          {"gradients", gradients}};
}

}  // namespace heddle::conformance
