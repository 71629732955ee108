// heddle.synthetic_interests: the planted groups of heddle.synthetic as labels, and titles such as "item 12 (Jazz)".
// Its options must be those of the interactions.
#include "../../common/planted_world.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

struct SyntheticInterests : Attributes<SyntheticInterests> {
  static constexpr About about{"heddle.synthetic_interests",
                               "The planted groups of heddle.synthetic as labels; give it the same options."};
  using Options = WorldOptions;
  Options options;
  static constexpr Schema schema{
      field("preset", &Options::preset).choices("small", "ml-20m").doc("As given to heddle.synthetic."),
      field("seed", &Options::seed).doc("As given to heddle.synthetic."),
      field("items", &Options::items).range(0, 1000000).doc("As given to heddle.synthetic."),
      field("groups", &Options::groups).range(0, 1000).doc("As given to heddle.synthetic.")};

  void read(const Catalogue&, Labels& labels) {
    const World world(options);
    std::vector<Attribute> groups;
    for (int32_t g = 0; g < world.groups; ++g) groups.push_back(labels.binary(World::group_name(g)));
    for (int64_t item = 0; item < world.items; ++item) {
      const std::string id = text(item + 1);
      for (const int32_t g : world.groups_of[static_cast<std::size_t>(item)])
        labels.label(id, groups[static_cast<std::size_t>(g)]);
      labels.title(id, world.title(item));
    }
  }
  std::string fingerprint() const {
    return text("synthetic 1: preset ", static_cast<int>(options.preset), ", ", options.items, " items, ",
                options.groups, " groups, seed ", options.seed);
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.synthetic_interests", "1.0.0", SyntheticInterests)
