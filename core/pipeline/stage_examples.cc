// Examples: one [[example]] table, lists of a few users before and after its feature is set to each value.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/example_file.h"
#include "core/pipeline/stages.h"
#include "core/pipeline/steering_targets.h"
#include "core/steer/steered_lists.h"

namespace heddle {
namespace {

ExampleList list_of(const Recommendations& lists, int64_t row) {
  ExampleList out;
  for (int64_t i = row * lists.k; i < (row + 1) * lists.k; ++i) {
    const auto at = static_cast<size_t>(i);
    if (lists.lists[at] < 0) break;  // nothing is left
    out.items.push_back(lists.lists[at]);
    out.scores.push_back(lists.scores[at]);
  }
  return out;
}

int64_t new_items(const ExampleList& before, const ExampleList& after) {
  return std::count_if(after.items.begin(), after.items.end(), [&](int32_t item) {
    return std::find(before.items.begin(), before.items.end(), item) == before.items.end();
  });
}

class Examples {
 public:
  Examples(Session& session, const Job& job, const ExampleOptions& options)
      : session_(session),
        job_(job),
        options_(options),
        data_(session.log(job)),
        items_(session.items(job)),
        backbone_(session.backbone(job)),
        model_(session.dictionary(job, options.dictionary)),
        site_(job.experiment.dictionaries.at(options.dictionary).site),
        normalizer_(session.normalizer(job, site_)),
        protocol_(make_protocol(job, *items_, *data_)) {}

  ExampleFile run() {
    ExampleFile file;
    file.dictionary = options_.dictionary;
    file.target = options_.feature.index >= 0 ? std::to_string(options_.feature.index) : options_.feature.attribute;
    file.attribute = options_.feature.attribute;
    file.values = options_.values;
    file.automatic = options_.users.empty();
    FeatureFinder finder(session_, job_, options_.dictionary, "[[example]]");
    feature_ = file.feature = finder.find(options_.feature, file.absent);
    if (file.feature < 0) {
      log_line(HEDDLE_LOG_WARNING, "examples", fmt::format("{}: {}", file.target, file.absent));
      return file;
    }
    const Part part = file.automatic ? found_users(file.attribute) : named_users();
    const Recommendations before = untouched(part);
    const std::vector<Recommendations> after = steered(part, options_.values);
    for (int64_t row = 0; row < before.rows(); ++row) {
      const UserRange& range = part.users[static_cast<size_t>(row)];
      ExampleUser user;
      user.user = range.user;
      user.user_id = data_->log.user_ids[static_cast<size_t>(range.user)];
      const auto shown = data_->log.items_of(std::max(range.begin, range.end - options_.history), range.end);
      user.history.assign(shown.begin(), shown.end());
      user.history_length = range.length();
      user.target = before.targets[static_cast<size_t>(row)];
      user.before = list_of(before, row);
      for (size_t v = 0; v < after.size(); ++v) {
        ExampleList list = list_of(after[v], row);
        list.value = options_.values[v];
        list.new_items = new_items(user.before, list);
        user.after.push_back(std::move(list));
      }
      file.users.push_back(std::move(user));
    }
    return file;
  }

  const RankingProtocol& protocol() const { return protocol_; }
  const AttributeTable& attributes() const { return items_->attributes; }
  const std::string& site() const { return site_; }

 private:
  Recommendations untouched(const Part& part) {
    return recommend_part(*backbone_, session_.context(), data_->log, part, {}, protocol_);
  }
  std::vector<Recommendations> steered(const Part& part, const std::vector<double>& values) {
    std::vector<Intervention> interventions;
    for (double value : values) {
      Intervention intervention;
      intervention.features.push_back({feature_, static_cast<float>(value)});
      interventions.push_back(std::move(intervention));
    }
    const SteeredSite site{backbone_->site(site_), model_.get(), *normalizer_};
    return steered_lists(*backbone_, session_.context(), data_->log, part, site, interventions, protocol_);
  }

  // Users with a history, of whom lists can be made.
  bool usable(const UserRange& range) const { return range.length() > 0; }

  Part named_users() const {
    const Part& test = data_->split.test;
    Part part;
    for (const std::string& id : options_.users) {
      const int32_t user = data_->log.find_user(id);
      if (user < 0)
        wrong_use("{}'users' of [[example]]: there is no user '{}' in the log (after [filters])",
                  options_.users_where.prefix(), id);
      const auto range =
          std::find_if(test.users.begin(), test.users.end(), [&](const UserRange& one) { return one.user == user; });
      if (range == test.users.end() || !usable(*range)) {
        std::vector<std::string> some;
        for (const UserRange& one : test.users)
          if (usable(one) && some.size() < 5) some.push_back(data_->log.user_ids[static_cast<size_t>(one.user)]);
        wrong_use("{}'users' of [[example]]: user '{}' is no test user with a history; test users are e.g. {}",
                  options_.users_where.prefix(), id, fmt::join(some, ", "));
      }
      part.users.push_back(*range);
    }
    return part;
  }

  // Those whose lists change most when the feature is set to the value of the largest size: first by how many more (for a
  // negative value: fewer) of the items have the attribute, then by new items, then in the order of the part.
  Part found_users(const std::string& attribute) {
    Part test = first_users(data_->split.test, job_.experiment.evaluate.options.users), chosen;
    std::erase_if(test.users, [&](const UserRange& range) { return !usable(range); });
    const auto strongest = *std::max_element(options_.values.begin(), options_.values.end(),
                                             [](double a, double b) { return std::abs(a) < std::abs(b); });
    const Recommendations before = untouched(test);
    const std::vector<Recommendations> after = steered(test, {strongest});
    const int32_t index = attribute.empty() ? -1 : items_->attributes.require(attribute);
    const auto with = [&](const ExampleList& list) {
      return index < 0 ? 0 : std::count_if(list.items.begin(), list.items.end(), [&](int32_t item) {
        return items_->attributes.has(item, index);
      });
    };
    std::vector<std::pair<int64_t, int64_t>> change;
    for (int64_t row = 0; row < before.rows(); ++row) {
      const ExampleList was = list_of(before, row), is = list_of(after.front(), row);
      change.emplace_back((with(is) - with(was)) * (strongest < 0 ? -1 : 1), new_items(was, is));
    }
    std::vector<size_t> order(change.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return change[a] > change[b]; });
    order.resize(std::min(order.size(), static_cast<size_t>(options_.count)));
    for (size_t row : order) chosen.users.push_back(test.users[row]);
    return chosen;
  }

  Session& session_;
  const Job& job_;
  const ExampleOptions& options_;
  std::shared_ptr<const LogData> data_;
  std::shared_ptr<const ItemData> items_;
  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<DictionaryModel> model_;
  const std::string& site_;
  std::shared_ptr<const Normalizer> normalizer_;
  RankingProtocol protocol_;
  int64_t feature_ = -1;
};

}  // namespace

void run_examples(Session& session, const Job& job, size_t index) {
  const ExampleOptions& options = job.experiment.examples.at(index);
  Examples examples(session, job, options);
  const ExampleFile file = examples.run();
  StageResults results;
  results.protocol = {{"site", examples.site()},
                      {"dictionary", options.dictionary},
                      {"positions", "last"},
                      {"replace", "all"},
                      {"error", "drop"},
                      {"split", examples.protocol().split},
                      {"filter_seen", examples.protocol().filter_seen},
                      {"k", examples.protocol().k},
                      {"users", file.automatic ? "largest change" : "as named"}};
  const std::string feature = file.feature >= 0 ? std::to_string(file.feature) : "";
  for (const ExampleUser& user : file.users)
    for (const ExampleList& list : user.after)
      results.values.push_back({"new_items",
                                feature,
                                "",
                                static_cast<double>(list.new_items),
                                "",
                                {{"user", user.user_id}, {"target", file.target}, {"value", list.value}}});
  if (!file.absent.empty())
    results.values.push_back({"new_items", "", "", std::nullopt, file.absent, {{"target", file.target}}});
  auto writer = session.store().create(record_of(job.keys.examples(index)));
  file.save(writer);
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
