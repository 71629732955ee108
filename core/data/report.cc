#include "core/data/report.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "core/base/text.h"

namespace heddle {
namespace {

// 1,000,209
std::string grouped(int64_t n) {
  const std::string digits = std::to_string(n < 0 ? -n : n);
  std::string text;
  if (n < 0) text.push_back('-');
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

// Seconds since 1970 where they can be that, else the bare number.
std::string time_text(int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  if (time < 100000000 || time > 32503680000 || gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

class Report {
 public:
  void head(std::string_view title) { text += fmt::format("{}{}\n", text.empty() ? "" : "\n", title); }
  void line(std::string_view what, std::string_view value) { text += fmt::format("  {:<28} {}\n", what, value); }
  void count(std::string_view what, int64_t n) { line(what, grouped(n)); }
  void if_any(std::string_view what, int64_t n) {
    if (n != 0) count(what, n);
  }
  std::string text;
};

void describe_log(const Interactions& log, Report& out) {
  const LogReport& r = log.report;
  out.head("Log");
  out.count("rows read", r.rows);
  out.if_any("bad rows skipped", r.bad_rows);
  out.if_any("below minimum_value", r.below_minimum_value);
  out.if_any("duplicates dropped", r.duplicates);
  out.if_any("consecutive repeats dropped", r.consecutive);
  if (r.passes > 0)
    out.line("below minimum counts", fmt::format("{} in {} passes", grouped(r.by_minimum_counts), r.passes));
  out.if_any("outside first_n / last_n", r.by_position);
  if (r.users_removed + r.items_removed > 0)
    out.line("left without events",
             fmt::format("{} users, {} items", grouped(r.users_removed), grouped(r.items_removed)));
  out.count("users", log.user_count());
  out.count("items", log.item_count());
  out.count("interactions", log.event_count());
  const double cells = static_cast<double>(log.user_count()) * static_cast<double>(log.item_count());
  out.line("density", fmt::format("{:.4g} %", 100.0 * static_cast<double>(log.event_count()) / cells));
  std::vector<int64_t> lengths;
  for (int64_t user = 0; user < log.user_count(); ++user) lengths.push_back(log.length(user));
  std::sort(lengths.begin(), lengths.end());
  const size_t n = lengths.size();
  const double median =
      n % 2 == 1 ? static_cast<double>(lengths[n / 2]) : 0.5 * static_cast<double>(lengths[n / 2 - 1] + lengths[n / 2]);
  out.line("events per user",
           fmt::format("min {}, median {:g}, mean {:.1f}, max {}", grouped(lengths.front()), median,
                       static_cast<double>(log.event_count()) / static_cast<double>(n), grouped(lengths.back())));
  if (r.has_time) {
    const auto [first, last] = std::minmax_element(log.times.begin(), log.times.end());
    out.line("time", fmt::format("{} to {}", time_text(*first), time_text(*last)));
    out.line("ties in time",
             fmt::format("{} ({:.1f} % of the rows; file order decides)", grouped(r.ties),
                         100.0 * static_cast<double>(r.ties) / static_cast<double>(std::max<int64_t>(r.rows, 1))));
  } else {
    out.line("time", "none: the order of the file is the order of events");
  }
  if (!r.has_value) out.line("values", "none");
}

void describe_split(const Interactions& log, const Split& split, Report& out) {
  const SplitOptions& o = split.options;
  out.head(fmt::format("Split: {}{}", to_string(o.kind),
                       o.kind == SplitKind::leave_one_out ? "" : fmt::format(", test = {:g}", o.test)));
  if (split.has_boundary) out.line("boundary T", fmt::format("{} ({})", time_text(split.boundary), split.boundary));
  out.line("validation", fmt::format("{}, at most {} users", to_string(o.validation), grouped(o.validation_users)));
  out.line("activation_users", o.activation_users > 0 ? fmt::format("{:g} of {} training users", o.activation_users,
                                                                    grouped(split.training_users))
                                                      : "0: dictionaries use the training users");
  out.if_any("train users too short", split.too_short_train);
  out.if_any("test users too short", split.too_short_test);
  out.if_any("events on neither side", split.neither_side);
  out.count("cold items", split.cold_items);
  if (o.drop_cold_items) out.count("cold test events dropped", split.cold_events_dropped);
  out.count("cold test targets", split.cold_targets);
  Table table({"part", "users", "events", "mean", "tokens at 128", "items"}, {false, true, true, true, true, true});
  const auto add = [&](const char* name, const Part& part, bool training) {
    std::vector<uint8_t> items(static_cast<size_t>(log.item_count()), 0);
    for (const UserRange& range : part.users)
      for (int32_t item : log.items_of(range.begin, range.end)) items[static_cast<size_t>(item)] = 1;
    const auto users = static_cast<double>(std::max<int64_t>(part.user_count(), 1));
    table.add({name, grouped(part.user_count()), grouped(part.event_count()),
               fmt::format("{:.1f}", static_cast<double>(part.event_count()) / users),
               grouped(part.token_count(128, training)), grouped(std::count(items.begin(), items.end(), uint8_t{1}))});
  };
  add("train", split.train, true);
  add("validation", split.validation, false);
  add("dictionary", split.dictionary, false);
  add("test", split.test, false);
  out.text += "\n" + table.text(80);
  if (out.text.back() != '\n') out.text += '\n';
}

void describe_leaks(const Interactions& log, const Split& split, Report& out) {
  const std::vector<std::string> leaks = find_leaks(log, split);
  out.head(leaks.empty() ? "Leakage check: passed" : fmt::format("Leakage check: {} FAULTS", leaks.size()));
  for (size_t i = 0; i < std::min<size_t>(leaks.size(), 10); ++i) out.text += "  " + fit(leaks[i], 78) + "\n";
  if (!leaks.empty()) return;
  out.text += "  no predicted event is trained on";
  if (split.has_boundary) out.text += "; no training event at or after T";
  out.text += split.options.activation_users > 0 ? ";\n  dictionary users are unknown to the backbone\n" : "\n";
}

void describe_attributes(const Interactions& log, const AttributeTable& table, Report& out) {
  out.head(fmt::format("Attributes: {}", table.size()));
  for (const AttributeSourceReport& s : table.sources) {
    out.line(s.prefix, s.plugin);
    out.line("", fmt::format("{} attributes, {} labels, {} titles", grouped(s.attributes), grouped(s.labels),
                             grouped(s.titles)));
    if (s.unlabelled_items > 0) out.line("", fmt::format("{} items of the log have none", grouped(s.unlabelled_items)));
    if (s.unknown_items > 0)
      out.line("", fmt::format("{} items are not in the log (ignored)", grouped(s.unknown_items)));
  }
  // Shares over data points: an attribute counts once per event, as it does for the metrics.
  std::vector<int64_t> events(table.attributes.size(), 0);
  for (int32_t item : log.items)
    for (int32_t attribute : table.labels_of(item)) ++events[static_cast<size_t>(attribute)];
  std::vector<size_t> order;
  for (size_t a = 0; a < events.size(); ++a)
    if (table.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY) order.push_back(a);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return events[a] > events[b]; });
  if (order.empty()) return;
  constexpr size_t shown = 24;
  Table shares({"attribute", "items", "share of events"}, {false, true, true});
  for (size_t i = 0; i < std::min(order.size(), shown); ++i)
    shares.add({table.attributes[order[i]].name, grouped(table.attributes[order[i]].items),
                fmt::format("{:.4f}", static_cast<double>(events[order[i]]) / static_cast<double>(log.event_count()))});
  out.text += "\n" + shares.text(80);
  if (order.size() > shown)
    out.text += fmt::format("  and {} more\n", grouped(static_cast<int64_t>(order.size() - shown)));
}

}  // namespace

std::string data_report(const Interactions& log, const Split& split, const AttributeTable* attributes) {
  Report out;
  describe_log(log, out);
  describe_split(log, split, out);
  describe_leaks(log, split, out);
  if (attributes != nullptr) describe_attributes(log, *attributes, out);
  return out.text;
}

}  // namespace heddle
