// find_leaks: what must hold of any split, checked from its parts alone.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/data/report.h"

namespace heddle {
namespace {

class Checker {
 public:
  Checker(const Interactions& log, const Split& split) : log_(log), split_(split), learnt_(log.items.size(), 0) {}

  std::vector<std::string> run() {
    ranges(split_.train, "train", false);
    ranges(split_.validation, "validation", true);
    ranges(split_.dictionary, "dictionary", true);
    ranges(split_.test, "test", true);
    if (!leaks_.empty()) return leaks_;  // what follows may index by them
    for (const UserRange& range : split_.train.users)
      for (int64_t e = range.begin; e < range.end; ++e) learnt_[static_cast<size_t>(e)] = 1;
    targets(split_.validation, "validation");
    targets(split_.test, "test");
    separate();
    boundary();
    return leaks_;
  }

 private:
  template <class... Args>
  void leak(fmt::format_string<Args...> format, Args&&... args) {
    leaks_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  const std::string& name(int32_t user) const { return log_.user_ids[static_cast<size_t>(user)]; }

  void ranges(const Part& part, const char* what, bool wants_target) {
    int32_t previous = -1;
    for (const UserRange& range : part.users) {
      if (range.user <= previous || range.user >= log_.user_count()) {
        leak("{}: users do not ascend at index {}", what, range.user);
        return;
      }
      previous = range.user;
      const bool inside =
          range.begin == log_.begin(range.user) && range.begin < range.end && range.end <= log_.end(range.user);
      const bool target =
          wants_target ? range.target == range.end && range.target < log_.end(range.user) : range.target == -1;
      if (!inside || !target) leak("{}: the range of user {} does not fit its events", what, name(range.user));
    }
  }

  void targets(const Part& part, const char* what) {
    for (const UserRange& range : part.users)
      if (learnt_[static_cast<size_t>(range.target)])
        leak("{}: the target of user {} (event {}) is also trained on", what, name(range.user), range.target);
  }

  // Users that the backbone must not have seen at all.
  void separate() {
    std::set<int32_t> trained;
    for (const UserRange& range : split_.train.users) trained.insert(range.user);
    const auto apart = [&](const Part& part, const char* what) {
      for (const UserRange& range : part.users)
        if (trained.contains(range.user)) leak("{}: user {} is also trained on", what, name(range.user));
    };
    if (split_.options.kind == SplitKind::new_users) apart(split_.test, "test");
    if (split_.options.activation_users > 0) apart(split_.dictionary, "dictionary");
    if (split_.options.validation != Validation::last_item) apart(split_.validation, "validation");
  }

  void boundary() {
    if (!split_.has_boundary) return;
    const auto late = [&](const Part& part, const char* what, int64_t extra) {
      for (const UserRange& range : part.users)
        for (int64_t e = range.begin; e < range.end + extra; ++e)
          if (log_.times[static_cast<size_t>(e)] >= split_.boundary) {
            leak("{}: user {} has an event at or after the boundary {}", what, name(range.user), split_.boundary);
            break;
          }
    };
    late(split_.train, "train", 0);
    late(split_.validation, "validation", 1);
    late(split_.dictionary, "dictionary", 1);
  }

  const Interactions& log_;
  const Split& split_;
  std::vector<uint8_t> learnt_;
  std::vector<std::string> leaks_;
};

}  // namespace

std::vector<std::string> find_leaks(const Interactions& log, const Split& split) { return Checker(log, split).run(); }

}  // namespace heddle
