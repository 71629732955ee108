// heddle.delimited: interactions from any delimited text, plain or gzip.
//
// layout "events": one event per line, columns by name (then the first line is the header) or by number from 1.
// layout "sequences": one user per line, followed by its items in order; no times, no values.
#include <algorithm>
#include <optional>

#include "../../common/content_hash.h"
#include "../../common/delimited_events.h"
#include "../../common/files.h"
#include "sequences.h"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

enum class Layout { events, sequences };
enum class Header { automatic, yes, no };
enum class Ids { automatic, integer, text };

struct Delimited : Interactions<Delimited> {
  static constexpr About about{"heddle.delimited",
                               "Interactions from delimited text with a column map; plain or gzip."};
  struct Options {
    std::string_view path = "";
    Layout layout = Layout::events;
    std::string_view separator = ",";
    Header header = Header::automatic;
    std::string_view user = "1", item = "2", time = "", value = "";
    Ids user_ids = Ids::automatic, item_ids = Ids::automatic;
    bool quotes = true;
    Encoding encoding = Encoding::utf8;
    OnBadRow on_bad_row = OnBadRow::error;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path).path().required().doc("The file."),
      field("layout", &Options::layout)
          .choices("events", "sequences")
          .doc("One event per line, or one user per line followed by its items in order."),
      field("separator", &Options::separator)
          .doc("Between fields, of one or more characters; \"tab\" and \"space\" may be written out."),
      field("header", &Options::header)
          .choices("auto", "yes", "no")
          .doc("Whether the first line names the columns; auto: when a column is asked for by name, or its time or "
               "value is no number."),
      field("user", &Options::user).doc("Column of the user: its name, or its number from 1."),
      field("item", &Options::item).doc("Column of the item: its name, or its number from 1."),
      field("time", &Options::time)
          .doc(
              "Column of the time: a number in any unit, or a date like 2019-01-20 18:05:07 (UTC); empty: the order of "
              "the file is the order of events."),
      field("value", &Options::value).doc("Column of the rating or weight; empty: every event counts 1."),
      field("user_ids", &Options::user_ids)
          .choices("auto", "integer", "text")
          .doc("Kind of the user ids; auto: as the first row has it."),
      field("item_ids", &Options::item_ids)
          .choices("auto", "integer", "text")
          .doc("Kind of the item ids; auto: as the first row has it."),
      field("quotes", &Options::quotes).doc("Whether a field may stand in double quotes."),
      field("encoding", &Options::encoding).choices("utf-8", "latin-1").doc("Encoding of the file."),
      field("on_bad_row", &Options::on_bad_row)
          .choices("error", "skip")
          .doc("A row that cannot be read: stop with its line, or skip and count it.")};

  static void check(const Options& o) {
    if (o.separator.empty()) raise(HEDDLE_INVALID_ARGUMENT, "separator is empty; expected one or more characters");
    if (o.separator.find_first_of("\"\n\r") != o.separator.npos)
      raise(HEDDLE_INVALID_ARGUMENT, "separator must not hold a quote or a line end");
    if (o.user.empty() || o.item.empty())
      raise(HEDDLE_INVALID_ARGUMENT, o.user.empty() ? "user" : "item", " is empty; expected a column's name or number");
    if (o.layout == Layout::sequences && (!o.time.empty() || !o.value.empty()))
      raise(HEDDLE_INVALID_ARGUMENT, "layout = \"sequences\" has no columns, but ", o.time.empty() ? "value" : "time",
            " names one");
  }

  Carries open() {
    const std::string path(options.path);
    if (is_folder(path)) raise(HEDDLE_NOT_FOUND, path, " is a folder; expected a file");
    EventFormat format;
    format.separator = options.separator == "tab"     ? "\t"
                       : options.separator == "space" ? " "
                                                      : std::string(options.separator);
    format.quotes = options.quotes;
    format.encoding = options.encoding;
    format.on_bad_row = options.on_bad_row;
    format.user_hint = " (user_ids = \"text\" allows any)";
    format.item_hint = " (item_ids = \"text\" allows any)";
    look_at_first_rows(path, format);
    if (options.layout == Layout::sequences) {
      sequences_.emplace(path, format);
      return {format.text_users, format.text_items, false, false, 0};
    }
    reader_.emplace(path, format, threads());
    Carries carries = reader_->carries();
    carries.expected_events = expected_;
    return carries;
  }
  bool next(Events& block) { return sequences_ ? sequences_->next(block) : reader_->next(block); }
  std::string fingerprint() const { return content_fingerprint(std::string(options.path)); }

 private:
  // Finds columns, header and kinds of ids.
  void look_at_first_rows(const std::string& path, EventFormat& format) {
    LineReader lines(path, format.encoding);
    FieldSplitter splitter(format.separator, format.quotes);
    try {
      std::string_view line;
      if (!lines.next(line)) raise(HEDDLE_INVALID_ARGUMENT, path, ": the file is empty");
      if (!lines.file().compressed()) expected_ = lines.file().size() / static_cast<int64_t>(line.size() + 1);
      std::vector<std::string> row = copy(splitter.split(line));
      if (options.layout == Layout::events) {
        format.columns = {column(options.user, row, lines), column(options.item, row, lines),
                          column(options.time, row, lines), column(options.value, row, lines)};
        format.header = has_header(format.columns, row);
      } else {
        format.header = options.header == Header::yes;
      }
      if (format.header) {
        if (!lines.next(line)) raise(HEDDLE_INVALID_ARGUMENT, path, ": there is nothing after the header");
        row = copy(splitter.split(line));
      }
      const auto is_text = [&](Ids ids, int at) {
        if (ids != Ids::automatic) return ids == Ids::text;
        // A row that is too short is told about when it is read. "007" is no number: its zeros are part of it.
        const std::string field = static_cast<std::size_t>(at) < row.size() ? row[static_cast<std::size_t>(at)] : "0";
        int64_t number;
        return !parse_integer(field, number) || (field.size() > 1 && field[0] == '0');
      };
      format.text_users = is_text(options.user_ids, format.columns.user);
      format.text_items = is_text(options.item_ids, format.columns.item);
    } catch (const BadRow& bad) {
      lines.fail(bad.message);
    }
  }
  static std::vector<std::string> copy(const std::vector<std::string_view>& fields) {
    return {fields.begin(), fields.end()};
  }

  // A column by name or number; -1 when the option is empty.
  int column(std::string_view wanted, const std::vector<std::string>& row, const LineReader& lines) {
    if (wanted.empty()) return -1;
    int64_t number;
    if (parse_integer(wanted, number)) {
      if (number < 1 || number > static_cast<int64_t>(row.size()))
        lines.fail(text("column ", number, " is asked for, but there are ", row.size(), " fields separated by ",
                        quoted(options.separator)));
      return static_cast<int>(number - 1);
    }
    by_name_ = true;
    const auto at = std::find(row.begin(), row.end(), wanted);
    if (at == row.end() || options.header == Header::no) {
      std::string names;
      for (const std::string& name : row) names += text(names.empty() ? "" : ", ", name);
      lines.fail(text("column '", wanted,
                      options.header == Header::no ? "' is asked for by name, but header = \"no\"; give its number"
                                                   : "' is not in the header, which has: ",
                      options.header == Header::no ? "" : names));
    }
    return static_cast<int>(at - row.begin());
  }
  bool has_header(const EventColumns& columns, const std::vector<std::string>& row) const {
    if (options.header != Header::automatic) return options.header == Header::yes;
    if (by_name_) return true;
    double number;
    int64_t time;
    return (columns.time >= 0 && !parse_time(row[static_cast<std::size_t>(columns.time)], time)) ||
           (columns.value >= 0 && !parse_real(row[static_cast<std::size_t>(columns.value)], number));
  }

  bool by_name_ = false;
  int64_t expected_ = 0;
  std::optional<DelimitedEvents> reader_;
  std::optional<Sequences> sequences_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.delimited", "1.0.0", Delimited)
