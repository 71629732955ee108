// The data stages: log with split, items with attributes.
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/report.h"
#include "core/pipeline/stages.h"
#include "core/plugin/host.h"

namespace heddle {

namespace {

LogData read_data(const Experiment& experiment) {
  const Component& component = *experiment.interactions.component;
  LogData data;
  set_threads(experiment.compute.threads);
  {
    InteractionsSource source(component.table<heddle_interactions_vtable>(), component.id, host(),
                              experiment.interactions.values.raw());
    data.log = read_log(source, experiment.filters);
  }
  const LogReport& report = data.log.report;
  if (report.bad_rows > 0)
    log_line(HEDDLE_LOG_WARNING, component.id, fmt::format("{} bad rows skipped", report.bad_rows));
  data.split = make_split(data.log, experiment.split, experiment.seed);
  return data;
}

ItemData read_items(const Experiment& experiment, const LogData& data) {
  ItemData items;
  items.catalogue = Catalogue(data.log, data.split);
  std::vector<AttributeSource> sources;
  for (const auto& [prefix, use] : experiment.attributes)
    sources.push_back({prefix, use.component->id, &use.component->table<heddle_attributes_vtable>(), use.values.raw()});
  items.attributes = read_attributes(sources, items.catalogue, host());
  return items;
}

}  // namespace

std::string data_report_of(const Experiment& experiment) {
  const LogData data = read_data(experiment);
  const ItemData items = read_items(experiment, data);
  return data_report(data.log, data.split, &items.attributes);
}

void run_split(Session& session, const Job& job) {
  const Experiment& experiment = job.experiment;
  const LogData data = read_data(experiment);
  if (const auto leaks = find_leaks(data.log, data.split); !leaks.empty())
    fail(HEDDLE_INTERNAL, "the split leaks: {}", fmt::join(leaks, "; "));

  auto writer = session.store().create(record_of(job.keys.split()));
  save_log(writer, data);
  StageResults results;
  results.protocol = {{"split", to_string(experiment.split.kind)}};
  results.add("users", static_cast<double>(data.log.user_count()));
  results.add("items", static_cast<double>(data.log.item_count()));
  results.add("interactions", static_cast<double>(data.log.event_count()));
  results.add("train_users", static_cast<double>(data.split.train.user_count()));
  results.add("validation_users", static_cast<double>(data.split.validation.user_count()));
  results.add("dictionary_users", static_cast<double>(data.split.dictionary.user_count()));
  results.add("test_users", static_cast<double>(data.split.test.user_count()));
  save_results(writer, results);
  writer.commit();
}

void run_attributes(Session& session, const Job& job) {
  const auto data = session.log(job);
  const ItemData items = read_items(job.experiment, *data);
  for (const AttributeSourceReport& source : items.attributes.sources) {
    if (source.unknown_items > 0)
      log_line(HEDDLE_LOG_INFO, source.plugin,
               fmt::format("[attributes.{}] items that are not in the log (ignored): {}", source.prefix,
                           source.unknown_items));
    if (source.unlabelled_items == items.catalogue.size())
      log_line(HEDDLE_LOG_WARNING, source.plugin,
               fmt::format("[attributes.{}] labels none of the {} items; do its ids match those of the interactions?",
                           source.prefix, items.catalogue.size()));
  }
  auto writer = session.store().create(record_of(job.keys.attributes()));
  save_items(writer, items);
  writer.commit();
}

}  // namespace heddle
