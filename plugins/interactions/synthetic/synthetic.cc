// heddle.synthetic: interactions with planted structure. Users have one or more latent interests (groups of items, see
// planted_world.h) and stay with one for a while: interests switch like a Markov chain, and drift, as one is given up
// for a new one. Items of an interest are drawn by popularity, no item twice. heddle.synthetic_interests gives the
// groups as labels.
#include <optional>

#include "../../common/planted_world.h"
#include "heddle/interactions.hpp"
#include "lengths.h"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

constexpr double stay = 0.93;       // chance of staying with the current interest
constexpr double drift = 0.15;      // chance that a switch replaces the interest for good
constexpr double off_topic = 0.06;  // chance of an item by popularity alone

struct Synthetic : Interactions<Synthetic> {
  static constexpr About about{"heddle.synthetic",
                               "Synthetic interactions with planted, drifting interests and heavy-tailed popularity."};
  struct Options : WorldOptions {
    int64_t users = 0, events = 0;
  } options;
  static constexpr Schema schema{
      field("preset", static_cast<Preset Options::*>(&Options::preset))
          .choices("small", "ml-20m")
          .doc("Shape: 2,000 users, 600 items, 120,000 events; or that of MovieLens-20M after 5-core."),
      field("seed", static_cast<int64_t Options::*>(&Options::seed)).doc("Of the data, apart from the experiment's."),
      field("items", static_cast<int64_t Options::*>(&Options::items))
          .range(0, 1000000)
          .doc("Catalogue; 0: the preset's."),
      field("groups", static_cast<int64_t Options::*>(&Options::groups))
          .range(0, 1000)
          .doc("Interests; 0: the preset's (12 or 40)."),
      field("users", &Options::users).range(0, 1000000).doc("0: the preset's."),
      field("events", &Options::events).range(0, 1000000000).doc("Exactly so many; 0: the preset's number per user.")};

  Carries open() {
    world_.emplace(options);
    if (world_->items < 10 || world_->groups > world_->items)
      raise(HEDDLE_INVALID_ARGUMENT, world_->items, " items in ", world_->groups,
            " groups; expected at least 10 items and one per group");
    lengths_ = history_lengths(shape());
    Draws draws(seed(), 0x1E4);
    for (std::size_t i = lengths_.size(); i > 1; --i) std::swap(lengths_[i - 1], lengths_[draws.below(i)]);
    all_.emplace(world_->popularity);
    for (const std::vector<int32_t>& members : world_->members) {
      std::vector<double> weights;
      for (const int32_t item : members) weights.push_back(world_->popularity[static_cast<std::size_t>(item)]);
      by_group_.emplace_back(weights);
    }
    seen_by_.assign(static_cast<std::size_t>(world_->items), -1);
    return {false, false, true, false, std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0})};
  }

  bool next(Events& block) {
    while (user_ < static_cast<int64_t>(lengths_.size()) && block.size() < (1 << 16)) add_user(block);
    return user_ < static_cast<int64_t>(lengths_.size());
  }
  std::string fingerprint() const {
    const LengthShape s = shape();
    return text("synthetic 1: ", s.users, " users, ", s.events, " events, ", world_->items, " items, ", world_->groups,
                " groups, seed ", options.seed);
  }

 private:
  uint64_t seed() const { return static_cast<uint64_t>(options.seed); }

  // The preset's shape, its lengths scaled when users or events are given.
  LengthShape shape() const {
    LengthShape s = options.preset == Preset::small ? LengthShape{2000, 120000, 20, 50, 250}
                                                    : LengthShape{138493, 19984024, 20, 68, 8540};
    const double usual = static_cast<double>(s.events) / static_cast<double>(s.users);
    const bool as_preset = options.users == 0 && options.events == 0;
    if (options.users > 0) s.users = options.users;
    s.events = options.events > 0 ? options.events
               : as_preset        ? s.events
                                  : static_cast<int64_t>(usual * static_cast<double>(s.users));
    const double scale = static_cast<double>(s.events) / static_cast<double>(s.users) / usual;
    if (scale != 1) {
      s.minimum = std::max<int64_t>(1, static_cast<int64_t>(scale * static_cast<double>(s.minimum)));
      s.median = std::max(s.minimum, static_cast<int64_t>(scale * static_cast<double>(s.median)));
      s.maximum = std::max(s.median, static_cast<int64_t>(scale * static_cast<double>(s.maximum)));
    }
    s.maximum = std::min(s.maximum, world_->items * 4 / 5);
    return s;
  }

  void add_user(Events& block) {
    Draws draws(seed(), 0x10000 + static_cast<uint64_t>(user_));
    const auto groups = static_cast<uint64_t>(world_->groups);
    const int64_t length = lengths_[static_cast<std::size_t>(user_)];
    // One to three interests; long histories have more, or they would run dry.
    interests_.resize(std::min<std::size_t>(1 + draws.below(3) + static_cast<std::size_t>(length / 150), groups));
    for (uint32_t& interest : interests_) interest = draws.below(groups);
    std::size_t current = 0;
    int64_t time = 946684800 + static_cast<int64_t>(draws.below(5 * 365 * 86400u));  // users come over five years
    for (int64_t i = 0; i < length; ++i) {
      if (draws.uniform() >= stay) {
        current = draws.below(interests_.size());
        if (draws.uniform() < drift) interests_[current] = draws.below(groups);
      }
      const int32_t item = pick(interests_[current], draws);
      seen_by_[static_cast<std::size_t>(item)] = user_;
      block.add(user_ + 1, int64_t{item} + 1, time);
      // Bursts as in real logs: the same second, some seconds, or the next visit.
      const uint64_t pause = draws.next();
      const auto scale = static_cast<int64_t>(pause & 127);
      time += scale < 24    ? 0
              : scale < 126 ? static_cast<int64_t>(pause >> 32 & 63)
                            : static_cast<int64_t>((pause >> 32) % (14 * 86400));
    }
    ++user_;
  }

  // An item that the user has not had.
  int32_t pick(uint32_t group, Draws& draws) {
    const std::vector<int32_t>& members = world_->members[group];
    const bool anything = draws.uniform() < off_topic;
    for (int attempt = 0; attempt < 12; ++attempt) {
      const int32_t item = anything ? static_cast<int32_t>(all_->draw(draws)) : members[by_group_[group].draw(draws)];
      if (fresh(item)) return item;
    }
    if (!anything) {  // the popular ones are used up: any left of the group
      const std::size_t start = draws.below(members.size());
      for (std::size_t k = 0; k < members.size(); ++k)
        if (const int32_t item = members[(start + k) % members.size()]; fresh(item)) return item;
    }
    int64_t item = draws.below(static_cast<uint64_t>(world_->items));  // at most four fifths are used up
    while (!fresh(static_cast<int32_t>(item))) item = (item + 1) % world_->items;
    return static_cast<int32_t>(item);
  }
  bool fresh(int32_t item) const { return seen_by_[static_cast<std::size_t>(item)] != user_; }

  std::optional<World> world_;
  std::optional<AliasTable> all_;
  std::vector<AliasTable> by_group_;
  std::vector<int64_t> lengths_;  // [users]
  std::vector<int64_t> seen_by_;  // [items], the last user who had it
  std::vector<uint32_t> interests_;
  int64_t user_ = 0;
};

}  // namespace

HEDDLE_PLUGIN("heddle.synthetic", "1.0.0", Synthetic)
