#include "core/config/example.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/config/feature_reader.h"
#include "core/config/judgement_readers.h"
#include "core/config/option_table.h"

namespace heddle {

const OptionTable& example_table() {
  using namespace option;
  static const ExampleOptions d;
  static const std::vector<heddle_param> params = {
      text("dictionary", "", "NAME of a [dictionary.NAME]; not needed when there is one.", HEDDLE_PARAM_NOT_NUMERIC),
      text("feature", "",
           "The feature that is set: a number, an attribute such as \"genre:Horror\" (its best feature), or { top = "
           "\"genre:Horror\", by = METRIC, rank = 1 }.",
           HEDDLE_PARAM_REQUIRED),
      reals("values", nullptr, -infinity, infinity,
            "What the feature is set to: a list, or { from = -10, to = 10, step = 5 }."),
      texts("users", nullptr, "Test users by their id in the log; default: those whose lists change most."),
      integer("count", d.count, 1, 1000, "How many users are looked for, when none is named."),
      integer("history", d.history, 1, 10000, "Items of the user's history that are shown, the last ones.")};
  static const OptionTable table =
      option_table("[[example]]",
                   "Recommendation lists of a few users before and after a feature is set at the last position. May be "
                   "given several times.",
                   params);
  return table;
}

TableRead<ExampleOptions> read_example(const SectionReader& reader, const ConfigNode& section,
                                       const Experiment& experiment) {
  constexpr const char* owner = "[[example]]";
  reader.table(section, owner);
  ExampleOptions o;
  std::vector<GivenValue> canonical;
  if (const ConfigNode* feature = section.find("feature"); feature != nullptr) {
    const std::vector<FeatureReference> features = read_features(*feature, owner);
    if (features.size() != 1 || features[0].attribute.ends_with(":*"))
      wrong_use("{}'feature' of [[example]] must be one feature; write a table for each", feature->where.prefix());
    check_feature(features[0], feature->where, experiment);
    o.feature = features[0];
    canonical.push_back({"feature", o.feature.text(), feature->where});
  } else {
    wrong_use("{}[[example]] needs 'feature': a number, \"source:attribute\" or {{ top = \"source:attribute\" }}",
              section.where.prefix());
  }
  if (const ConfigNode* values = section.find("values"); values != nullptr)
    canonical.push_back(read_sweep_values(*values, owner));
  if (const ConfigNode* users = section.find("users"); users != nullptr)
    canonical.push_back(as_text_list(*users, owner, true));
  const Values v = reader.host(example_table(), &section, {"feature", "values", "users"}, {}, std::move(canonical));
  const auto values = v.reals("values");
  o.values.assign(values.begin(), values.end());
  if (o.values.empty())
    wrong_use("{}[[example]] needs 'values': a list, or {{ from = -10, to = 10, step = 5 }}", section.where.prefix());
  o.users = v.texts("users");
  o.users_where = v.where("users");
  for (auto user = o.users.begin(); user != o.users.end(); ++user)
    if (std::find(o.users.begin(), user, *user) != user)
      wrong_use("{}'users' of [[example]] names {} twice", o.users_where.prefix(), *user);
  if (!o.users.empty() && v.given("count"))
    wrong_use("{}[[example]] has both 'users' and 'count'; users who are named need no count",
              v.where("count").prefix());
  o.count = v.integer("count");
  o.history = v.integer("history");
  o.dictionary = resolve_dictionary(v.text("dictionary"), v.where("dictionary"), section.where, owner, experiment);
  TableRead<ExampleOptions> read{std::move(o), v.resolved(), v.numeric_key()};
  read.resolved["dictionary"] = read.options.dictionary;
  return read;
}

}  // namespace heddle
