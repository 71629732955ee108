#include "core/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/report/browser.h"
#include "core/report/case_figures.h"
#include "core/report/score_figures.h"
#include "core/report/steering_figures.h"
#include "core/report/summary.h"
#include "core/report/tables.h"
#include "core/store/atomic_file.h"

namespace heddle {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

ReportWishes wishes_of(const ReportRun& run) {
  ReportWishes wishes;
  const json& resolved = run.record().resolved;
  if (!resolved.contains("report")) return wishes;
  const json& table = resolved.at("report");
  wishes.title = table.value("title", "");
  wishes.file = table.value("file", "");
  wishes.figures = table.value("figures", std::vector<std::string>{});
  wishes.histograms = table.value("histograms", std::vector<std::string>{});
  wishes.sequences = table.value("sequences", std::vector<std::string>{});
  wishes.highlight = table.value("highlight", std::vector<std::string>{});
  return wishes;
}

ReportWishes wishes_of(const RunSet& set) {
  ReportWishes all = wishes_of(set.main());
  for (const ReportRun* run : set.by_interest()) {
    const ReportWishes own = wishes_of(*run);
    // Each experiment may ask for its own figure: a page about several shows all that any of them asks for.
    if (own.figures.empty() != all.figures.empty() || own.figures != all.figures) {
      if (own.figures.empty()) all.figures.clear();
      else if (!all.figures.empty()) all.figures.insert(all.figures.end(), own.figures.begin(), own.figures.end());
    }
  }
  return all;
}

namespace {

std::string whole(double value) { return thousands(std::llround(value)); }

std::string percent(double share) {
  const std::string text = fmt::format("{:+.1f} %", share * 100);
  return text == "-0.0 %" || text == "+0.0 %" ? "±0.0 %" : text;
}

ordered_json headline(const std::string& value, const std::string& label, const std::string& note) {
  return {{"value", value}, {"label", label}, {"note", note}};
}

ordered_json headlines_of(const Focus& focus, const std::vector<AttributeTableOf>& attributes,
                          const std::vector<SteeringTable>& steering) {
  ordered_json out = ordered_json::array();
  const StageResults* untouched = focus.run->results("evaluation");
  const StageResults* replaced =
      focus.dictionary.empty() ? nullptr : focus.run->results("evaluation", focus.dictionary);
  const auto ndcg = untouched == nullptr ? std::nullopt : find_value(*untouched, "ndcg");
  if (ndcg) {
    const auto hits = find_value(*untouched, "hit_rate");
    out.push_back(
        headline(fmt::format("{:.4f}", *ndcg), fmt::format("NDCG@{}", untouched->protocol.value("k", 10)),
                 fmt::format("untouched model{}, {} users", hits ? fmt::format(", HitRate {:.3f}", *hits) : "",
                             whole(untouched->protocol.value("users", 0.0)))));
  }
  if (ndcg && *ndcg > 0 && replaced != nullptr)
    if (const auto after = find_value(*replaced, "ndcg")) {
      const auto variance = find_value(*replaced, "ev_var"), active = find_value(*replaced, "l0");
      out.push_back(headline(percent(*after / *ndcg - 1), "NDCG with the layer reconstructed",
                             fmt::format("{}{}", variance ? fmt::format("explained variance {:.3f}", *variance) : "",
                                         active ? fmt::format(", {:.1f} features active", *active) : "")));
    }
  if (!attributes.empty()) {
    const AttributeTableOf& table = attributes.front();
    double features = 0, neurons = 0, probes = 0;
    size_t count = 0, both = 0, ahead = 0, probed = 0;
    for (const AttributeRow& row : table.rows) {
      const auto score = row.metrics.find(table.best_by);
      if (score == row.metrics.end()) continue;
      const double own = row.over_seeds ? row.over_seeds->mean : score->second;
      features += own, ++count;
      if (row.neuron) neurons += *row.neuron, ++both, ahead += own > *row.neuron ? 1 : 0;
      if (row.probe) probes += *row.probe, ++probed;
    }
    const std::string by = metric_words(table.best_by);
    if (count > 0) {
      features /= static_cast<double>(count);
      std::string note = fmt::format("of {} attributes with their best features", count);
      if (both > 0) note += fmt::format("; neurons {:.3f}", neurons / static_cast<double>(both));
      if (probed > 0) note += fmt::format(", probe {:.3f}", probes / static_cast<double>(probed));
      if (table.seeds > 1) note += fmt::format("; mean of {} seeds", table.seeds);
      out.push_back(headline(fmt::format("{:.3f}", features), "mean " + by, note));
    }
    if (both > 0)
      out.push_back(headline(fmt::format("{} of {}", ahead, both), "features ahead of neurons",
                             "best feature against best neuron"));
  }
  if (const auto control = summary_of(steering)) {
    out.push_back(headline(fmt::format("{:.3f}", control->lowest_spearman),
                           "lowest rank correlation of value and share",
                           fmt::format("over {} steered targets ({})", control->targets, control->worst_target)));
    if (control->ndcg_loss)
      out.push_back(
          headline(percent(-*control->ndcg_loss), "NDCG at worst within |value| ≤ 2", "when one feature is set"));
  }
  return out;
}

// "hidden 64, layers 3"
std::string options_text(const json& table) {
  std::string out;
  if (table.is_object())
    for (const auto& [name, value] : table.items()) {
      if (value.is_object() || value.is_array() || name == "path") continue;
      out += (out.empty() ? "" : ", ") + name + " " + setting_text(value);
    }
  return out;
}

std::string component_text(const json& section) {
  if (!section.is_object() || !section.contains("plugin")) return "";
  const std::string options = options_text(section.value("params", json::object()));
  return section.at("plugin").get<std::string>() + (options.empty() ? "" : " (" + options + ")");
}

ordered_json protocol_of(const RunSet& set, const Focus& focus) {
  ordered_json rows = ordered_json::array();
  const ReportRun& run = *focus.run;
  const json& resolved = run.record().resolved;
  auto add = [&](const std::string& what, const std::string& text) {
    if (!text.empty()) rows.push_back({what, text});
  };
  if (const StageResults* split = run.results("split")) {
    auto count = [&](const char* metric) { return whole(find_value(*split, metric).value_or(0)); };
    add("Data", fmt::format("{}: {} interactions of {} users with {} items",
                            resolved.value("/interactions/plugin"_json_pointer, ""), count("interactions"),
                            count("users"), count("items")));
    add("Split", fmt::format("{}: {} users train the model, {} the dictionary, {} test",
                             resolved.value("/split/kind"_json_pointer, ""), count("train_users"),
                             count("dictionary_users"), count("test_users")));
  }
  if (resolved.contains("attributes")) {
    std::string text;
    for (const auto& [prefix, section] : resolved.at("attributes").items())
      text += (text.empty() ? "" : "; ") + prefix + ": " + section.value("plugin", "");
    add("Attributes", text);
  }
  if (resolved.contains("backbone")) {
    std::string text = component_text(resolved.at("backbone"));
    if (const StageResults* training = run.results("backbone")) {
      const auto epochs = find_value(*training, "epochs"), best = find_value(*training, "best_epoch");
      if (epochs) text += fmt::format("; {:g} epochs{}", *epochs, best ? fmt::format(", best {:g}", *best) : "");
    }
    add("Model", text);
  }
  if (!focus.dictionary.empty()) {
    const json section = resolved.value("dictionary", json::object()).value(focus.dictionary, json::object());
    const json training = section.value("training", json::object());
    add("Dictionary", fmt::format("{} on {}; {} steps of {} vectors, learning rate {}", component_text(section),
                                  focus.site, whole(training.value("steps", 0.0)), whole(training.value("batch", 0.0)),
                                  setting_text(training.value("learning_rate", json(0)))));
  }
  if (const StageResults* evaluation = run.results("evaluation")) {
    const json& protocol = evaluation->protocol;
    add("Ranking",
        fmt::format("top {} of the {}, seen items {}, {} users of {}, generation {}", protocol.value("k", 10),
                    protocol.value("ranking", "catalogue"), protocol.value("filter_seen", true) ? "left out" : "kept",
                    whole(protocol.value("users", 0.0)), protocol.value("split", ""),
                    protocol.value("generation", "top_k")));
  }
  if (!focus.dictionary.empty())
    if (const StageResults* found = run.results("interpretation", focus.dictionary))
      add("Interpretation",
          fmt::format("{} data points of {}; label of a point: {}; best by {}",
                      whole(found->protocol.value("points", 0.0)),
                      found->protocol.value("users", "") == "test_users" ? "test users" : "dictionary users",
                      found->protocol.value("label", ""), metric_words(focus.best_by)));
  add("Seed", std::to_string(run.record().seed));
  add("Run", fmt::format(
                 "{}{}", run.name(),
                 set.runs().size() > 1 ? fmt::format(" (features and lists; {} runs in all)", set.runs().size()) : ""));
  return rows;
}

// The run whose [report] says what a figure is to show, with what it knows of its features.
struct Chosen {
  Focus focus;
  ReportWishes wishes;
  const Interpreted* shared;            // of the main run
  std::optional<Interpreted> separate;  // of another
  const Interpreted& found() const { return separate ? *separate : *shared; }
};

// The main run, or the first other one that names something when the main run does not.
Chosen asking(const RunSet& set, const Focus& focus, const Interpreted& main,
              std::vector<std::string> ReportWishes::*what) {
  Chosen chosen{focus, wishes_of(*focus.run), &main, std::nullopt};
  if (!(chosen.wishes.*what).empty()) return chosen;
  for (const ReportRun* run : set.by_interest()) {
    const ReportWishes wishes = wishes_of(*run);
    const auto names = run->dictionaries();
    if ((wishes.*what).empty() || names.empty()) continue;
    const bool same = std::find(names.begin(), names.end(), focus.dictionary) != names.end();
    const std::string name = same ? focus.dictionary : names.front();
    auto found = open_interpreted(*run, name);
    if (!found) continue;
    chosen.focus.run = run, chosen.focus.dictionary = name, chosen.focus.site = run->record().sites.at(name);
    chosen.focus.best_by = run->record().best_by;
    chosen.wishes = wishes, chosen.separate = std::move(found);
    break;
  }
  return chosen;
}

// "fig8" asks for fig8a and fig8b, "table2" also for the other families.
bool asks_for(const std::string& wish, const std::string& id) {
  if (!id.starts_with(wish)) return false;
  const char next = id.size() > wish.size() ? id[wish.size()] : '-';
  return next == '-' || std::isalpha(static_cast<unsigned char>(next)) != 0;
}

// All figures, or those that are asked for in the order of asking.
std::vector<Figure> chosen(std::vector<Figure> all, const std::vector<std::string>& wishes) {
  if (wishes.empty()) return all;
  std::vector<Figure> out;
  std::vector<bool> taken(all.size(), false);
  for (const std::string& wish : wishes)
    for (size_t i = 0; i < all.size(); ++i)
      if (!taken[i] && asks_for(wish, all[i].id)) taken[i] = true, out.push_back(std::move(all[i]));
  return out;
}

}  // namespace

ReportContent collect_report(const RunSet& set, size_t browsers) {
  const Focus focus = focus_of(set);
  const ReportWishes wishes = wishes_of(set);
  const auto points = dictionary_points(set);
  const auto axes = axes_of(points);
  ReportContent content;
  content.title = !wishes.title.empty() ? wishes.title : focus.run->record().experiment;
  const auto attributes = attribute_tables(focus, points);
  const auto steering = steering_tables(set, focus);
  content.headlines = headlines_of(focus, attributes, steering);
  content.protocol = protocol_of(set, focus);
  content.settings = focus.run->record().resolved;

  std::vector<Interpreted> dictionaries;
  for (const std::string& name : focus.run->dictionaries()) {
    if (dictionaries.size() >= browsers) break;
    if (auto found = open_interpreted(*focus.run, name)) {
      // The focus's own comes first.
      if (name == focus.dictionary) dictionaries.insert(dictionaries.begin(), std::move(*found));
      else dictionaries.push_back(std::move(*found));
    }
  }
  std::vector<Figure> all;
  for (const FidelityTable& table : fidelity_tables(focus, points, axes)) all.push_back(figure_of(table));
  bool first = true;
  for (const AttributeTableOf& table : attributes) all.push_back(figure_of(table, std::exchange(first, false)));
  if (!dictionaries.empty()) {
    const Interpreted& found = dictionaries.front();
    if (const auto map = heat_map(found, focus)) all.push_back(figure_of(*map));
  }
  all.push_back(sweep_figure(focus, axes));
  all.push_back(comparison_with_neurons(attributes));
  if (!dictionaries.empty()) {
    // Who asks for certain attributes or features knows that its own run has them.
    const Chosen histograms = asking(set, focus, dictionaries.front(), &ReportWishes::histograms),
                 sequences = asking(set, focus, dictionaries.front(), &ReportWishes::sequences);
    all.push_back(histogram_figure(histograms.found(), histograms.focus, histograms.wishes.histograms));
    all.push_back(sequence_figure(
        sequences.found(), sequences.focus,
        feature_cases(sequences.found(), sequences.focus, sequences.wishes.sequences, sequences.wishes.highlight)));
  }
  if (const auto files = example_files(set, focus); !files.empty()) {
    if (const auto items = items_of(*focus.run)) all.push_back(example_figure(files, *items, focus));
  } else {
    all.push_back(example_figure({}, {}, focus));
  }
  for (Figure& figure : control_figures(steering, focus)) all.push_back(std::move(figure));
  all.push_back(probe_figure(steering));
  content.figures = chosen(std::move(all), wishes.figures);
  content.runs = comparison_of(set, focus);
  content.browser = browser_json(dictionaries, focus);
  return content;
}

fs::path default_page(const RunSet& set) {
  const ReportRun& run = set.main();
  const std::string file = wishes_of(run).file;
  return file.empty() ? run.output() / ("report-" + run.record().experiment + ".html") : fs::path(file);
}

void write_page(const fs::path& file, const ReportContent& content) {
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
  write_file(file, report_page(content));
}

}  // namespace heddle
