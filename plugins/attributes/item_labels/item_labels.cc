// heddle.item_labels: labels, numbers and titles of items from any delimited table, plain or gzip. An item may stand in
// several rows; a cell of the label column may hold several labels.
#include <algorithm>
#include <map>
#include <set>

#include "../../common/content_hash.h"
#include "../../common/fields.h"
#include "../../common/files.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

enum class Header { yes, no };
enum class OnBadRow { error, skip };

struct ItemLabels : Attributes<ItemLabels> {
  static constexpr About about{"heddle.item_labels", "Labels, numbers and titles of items from a delimited table."};
  struct Options {
    std::string_view path = "";
    std::string_view separator = ",";
    Header header = Header::yes;
    std::string_view item = "1", label = "2", title = "";
    std::string_view label_separator = "";
    std::vector<std::string> numbers;
    int64_t min_items = 1;
    bool quotes = true;
    Encoding encoding = Encoding::utf8;
    OnBadRow on_bad_row = OnBadRow::error;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path).path().required().doc("The file."),
      field("separator", &Options::separator)
          .doc("Between fields, of one or more characters; \"tab\" and \"space\" may be written out."),
      field("header", &Options::header).choices("yes", "no").doc("Whether the first line names the columns."),
      field("item", &Options::item).doc("Column of the item: its name, or its number from 1."),
      field("label", &Options::label).doc("Column of the labels; empty: the table has none."),
      field("title", &Options::title).doc("Column of the titles; empty: the table has none."),
      field("label_separator", &Options::label_separator)
          .doc("Between several labels in one cell; empty: a cell is one label."),
      field("numbers", &Options::numbers)
          .by_default("")
          .doc("Columns with a number per item, each a numeric attribute; empty cells have no value."),
      field("min_items", &Options::min_items)
          .range(1)
          .doc("Labels that fewer items of the catalogue have are left out; 1: none is."),
      field("quotes", &Options::quotes).doc("Whether a field may stand in double quotes."),
      field("encoding", &Options::encoding).choices("utf-8", "latin-1").doc("Encoding of the file."),
      field("on_bad_row", &Options::on_bad_row)
          .choices("error", "skip")
          .doc("A row that cannot be read: stop with its line, or skip it and warn.")};

  static void check(const Options& o) {
    if (o.separator.empty()) raise(HEDDLE_INVALID_ARGUMENT, "separator is empty; expected one or more characters");
    if (o.item.empty()) raise(HEDDLE_INVALID_ARGUMENT, "item is empty; expected a column's name or number");
    if (o.label.empty() && o.title.empty() && o.numbers.empty())
      raise(HEDDLE_INVALID_ARGUMENT, "none of label, title and numbers names a column: there is nothing to read");
  }

  void read(const Catalogue& catalogue, Labels& labels) {
    read_table();
    std::set<std::string, std::less<>> known;
    for (int64_t i = 0; i < catalogue.items(); ++i) known.emplace(catalogue.raw_id(i));
    for (const auto& [label, items] : items_of_) {  // in the order of the names
      const auto inside =
          std::count_if(items.begin(), items.end(), [&](const std::string& item) { return known.contains(item); });
      if (options.min_items > 1 && inside < options.min_items) continue;
      const Attribute attribute = labels.binary(label);
      for (const std::string& item : items) labels.label(item, attribute);
    }
    for (const auto& [name, values] : numbers_of_) {
      const Attribute attribute = labels.numeric(name);
      for (const auto& [item, value] : values) labels.label(item, attribute, value);
    }
    for (const auto& [item, title] : titles_) labels.title(item, title);
    if (bad_rows_ > 0) host.warning(options.path, ": ", bad_rows_, " bad rows skipped; the first: ", first_bad_row_);
  }
  std::string fingerprint() const { return content_fingerprint(std::string(options.path)); }

 private:
  struct Columns {
    int item, label, title;
    std::vector<int> numbers;
    std::vector<std::string> number_names;
  };

  void read_table() {
    items_of_.clear();
    numbers_of_.clear();
    titles_.clear();
    bad_rows_ = 0;
    LineReader lines(std::string(options.path), options.encoding);
    FieldSplitter splitter(options.separator == "tab"     ? "\t"
                           : options.separator == "space" ? " "
                                                          : std::string(options.separator),
                           options.quotes);
    Columns columns{-1, -1, -1, {}, {}};
    std::size_t width = 0;
    for (;;) {
      try {
        std::string_view line;
        if (!lines.next(line)) break;
        if (line.empty()) continue;
        const std::vector<std::string_view>& fields = splitter.split(line);
        if (width == 0) {
          width = fields.size();
          columns = find_columns(fields, lines);
          if (options.header == Header::yes) continue;
        }
        if (fields.size() != width)
          throw BadRow{
              text(fields.size(), " fields; expected ", width, ", separated by ", quoted(splitter.separator()))};
        add(fields, columns);
      } catch (const BadRow& bad) {
        if (options.on_bad_row == OnBadRow::error) lines.fail(bad.message);
        if (bad_rows_++ == 0) first_bad_row_ = lines.bad_row(bad.message);
      }
    }
    if (width == 0) raise(HEDDLE_INVALID_ARGUMENT, options.path, ": the file is empty");
  }

  Columns find_columns(const std::vector<std::string_view>& first, const LineReader& lines) const {
    const auto column = [&](std::string_view wanted) {
      if (wanted.empty()) return -1;
      int64_t number;
      if (parse_integer(wanted, number)) {
        if (number < 1 || number > static_cast<int64_t>(first.size()))
          lines.fail(text("column ", number, " is asked for, but there are ", first.size(), " fields separated by ",
                          quoted(options.separator)));
        return static_cast<int>(number - 1);
      }
      if (options.header == Header::no)
        lines.fail(text("column '", wanted, "' is asked for by name, but header = \"no\"; give its number"));
      const auto at = std::find(first.begin(), first.end(), wanted);
      if (at == first.end()) {
        std::string names;
        for (const std::string_view name : first) names += text(names.empty() ? "" : ", ", name);
        lines.fail(text("column '", wanted, "' is not in the header, which has: ", names));
      }
      return static_cast<int>(at - first.begin());
    };
    Columns c{column(options.item), column(options.label), column(options.title), {}, {}};
    for (const std::string& wanted : options.numbers) {
      c.numbers.push_back(column(wanted));
      c.number_names.push_back(options.header == Header::yes
                                   ? std::string(first[static_cast<std::size_t>(c.numbers.back())])
                                   : text("column ", wanted));
    }
    return c;
  }

  // The whole row is read before any of it is kept.
  void add(const std::vector<std::string_view>& fields, const Columns& c) {
    const auto at = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
    const std::string item(text_id(at(c.item), "item"));
    std::vector<double> values;
    for (std::size_t i = 0; i < c.numbers.size(); ++i)
      values.push_back(at(c.numbers[i]).empty() ? 0 : real_value(at(c.numbers[i]), c.number_names[i].c_str()));
    if (c.label >= 0) {
      const std::string_view cell = at(c.label);
      if (options.label_separator.empty()) {
        keep_label(item, cell);
      } else {
        FieldSplitter splitter(std::string(options.label_separator), false);
        for (const std::string_view label : splitter.split(cell)) keep_label(item, label);
      }
    }
    for (std::size_t i = 0; i < c.numbers.size(); ++i)
      if (!at(c.numbers[i]).empty()) numbers_of_[c.number_names[i]][item] = values[i];
    if (c.title >= 0 && !at(c.title).empty()) titles_.emplace(item, at(c.title));
  }
  void keep_label(const std::string& item, std::string_view label) {
    while (label.starts_with(' ')) label.remove_prefix(1);
    while (label.ends_with(' ')) label.remove_suffix(1);
    if (!label.empty()) items_of_[std::string(label)].insert(item);
  }

  std::map<std::string, std::set<std::string>> items_of_;            // label -> items
  std::map<std::string, std::map<std::string, double>> numbers_of_;  // column -> item -> value
  std::map<std::string, std::string> titles_;                        // of the item's first row that has one
  int64_t bad_rows_ = 0;
  std::string first_bad_row_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.item_labels", "1.0.0", ItemLabels)
