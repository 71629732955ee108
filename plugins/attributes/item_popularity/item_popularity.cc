// heddle.item_popularity: how often an item occurs on the training side, as a numeric attribute.
#include <cmath>

#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;

enum class Scale { log10_count, count };

struct ItemPopularity : Attributes<ItemPopularity> {
  static constexpr About about{"heddle.item_popularity",
                               "Interactions of an item on the training side; items without any have no value."};
  struct Options {
    Scale scale = Scale::log10_count;
  } options;
  static constexpr Schema schema{
      field("scale", &Options::scale)
          .choices("log10_count", "count")
          .doc("Logarithm to base 10 of the count, or the count itself; also the attribute's name.")};

  void read(const Catalogue& catalogue, Labels& labels) {
    const Attribute popularity = labels.numeric(options.scale == Scale::count ? "count" : "log10_count");
    for (int64_t item = 0; item < catalogue.items(); ++item) {
      const auto count = static_cast<double>(catalogue.count(item));
      if (count > 0)
        labels.label(catalogue.raw_id(item), popularity, options.scale == Scale::count ? count : std::log10(count));
    }
  }
  std::string fingerprint() const { return "counts of the catalogue"; }  // which the host's own key covers
};

}  // namespace

HEDDLE_PLUGIN("heddle.item_popularity", "1.0.0", ItemPopularity)
