// A delimited table about items, one row per item or several: the engine behind the attribute sources that read tables.
//
// Columns are asked for by name (of the header) or by number from 1. Every row must have as many fields as the first. A
// bad row ends the reading with "file:line: …", or is skipped and told about at the end. It borrows the
// options that it is given. One thread.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fields.h"
#include "files.h"
#include "heddle/schema.hpp"

namespace heddle::plugins {

enum class TableHeader { yes, no };
enum class OnBadTableRow { error, skip };

// Base of the options of such a source.
struct TableOptions {
  std::string_view path = "";
  std::string_view separator = ",";
  TableHeader header = TableHeader::yes;
  std::string_view item = "1";
  bool quotes = true;
  Encoding encoding = Encoding::utf8;
  OnBadTableRow on_bad_row = OnBadTableRow::error;
};

// Their declaration, but for `path` and `item`, whose docs differ from source to source.
constexpr auto table_schema() {
  using sdk::field;
  using O = TableOptions;
  return sdk::Schema(field("separator", &O::separator)
                         .doc("Between fields, of one or more characters; \"tab\" and \"space\" may be written out."),
                     field("header", &O::header).choices("yes", "no").doc("Whether the first line names the columns."),
                     field("quotes", &O::quotes).doc("Whether a field may stand in double quotes."),
                     field("encoding", &O::encoding).choices("utf-8", "latin-1").doc("Encoding of the file."),
                     field("on_bad_row", &O::on_bad_row)
                         .choices("error", "skip")
                         .doc("A row that cannot be read: stop with its line, or skip it and warn."));
}

inline void check_table_options(const TableOptions& o) {
  if (o.separator.empty()) sdk::raise(HEDDLE_INVALID_ARGUMENT, "separator is empty; expected one or more characters");
}

// The fields of one schema after those of another.
template <class... A, class... B>
constexpr auto joined(const sdk::Schema<A...>& first, const sdk::Schema<B...>& second) {
  return std::apply([](auto... fields) { return sdk::Schema(fields...); }, std::tuple_cat(first.fields, second.fields));
}

class ItemTable {
 public:
  // The columns beside that of the item; "" names none.
  ItemTable(const TableOptions& options, std::vector<std::string> columns)
      : options_(options), wanted_(std::move(columns)) {}

  struct Row {
    std::string_view item;
    std::vector<std::string_view> cells;  // as the columns were given; "" where there is none
  };

  // Calls row(Row) for every row; it throws BadRow before it keeps anything. Raises when a column is missing or the
  // file is empty. Whatever was skipped is told by warning(text).
  template <class Each, class Warn>
  void read(Each&& each, Warn&& warning) {
    const std::string path(options_.path);
    LineReader lines(path, options_.encoding);
    FieldSplitter splitter(options_.separator == "tab"     ? "\t"
                           : options_.separator == "space" ? " "
                                                           : std::string(options_.separator),
                           options_.quotes);
    std::size_t width = 0;
    int64_t bad_rows = 0;
    std::string first_bad_row;
    Row row;
    for (;;) {
      try {
        std::string_view line;
        if (!lines.next(line)) break;
        if (line.empty()) continue;
        const std::vector<std::string_view>& fields = splitter.split(line);
        if (width == 0) {
          width = fields.size();
          find_columns(fields, lines);
          if (options_.header == TableHeader::yes) continue;
        }
        if (fields.size() != width)
          throw BadRow{sdk::text(fields.size(), " fields; expected ", width, ", separated by ",
                                 plugins::quoted(splitter.separator()))};
        row.item = text_id(fields[static_cast<std::size_t>(item_)], "item");
        row.cells.clear();
        for (const int column : columns_)
          row.cells.push_back(column < 0 ? std::string_view() : fields[static_cast<std::size_t>(column)]);
        each(static_cast<const Row&>(row));
      } catch (const BadRow& bad) {
        if (options_.on_bad_row == OnBadTableRow::error) lines.fail(bad.message);
        if (bad_rows++ == 0) first_bad_row = lines.bad_row(bad.message);
      }
    }
    if (width == 0) sdk::raise(HEDDLE_INVALID_ARGUMENT, path, ": the file is empty");
    if (bad_rows > 0) warning(sdk::text(path, ": ", bad_rows, " bad rows skipped; the first: ", first_bad_row));
  }

  // After read(): what the header calls the column, or "column 3".
  const std::string& name(std::size_t column) const { return names_[column]; }

 private:
  void find_columns(const std::vector<std::string_view>& first, const LineReader& lines) {
    item_ = column(options_.item, first, lines);
    columns_.clear();
    names_.clear();
    for (const std::string& wanted : wanted_) {
      columns_.push_back(wanted.empty() ? -1 : column(wanted, first, lines));
      names_.push_back(columns_.back() >= 0 && options_.header == TableHeader::yes
                           ? std::string(first[static_cast<std::size_t>(columns_.back())])
                           : sdk::text("column ", wanted));
    }
  }

  int column(std::string_view wanted, const std::vector<std::string_view>& first, const LineReader& lines) const {
    int64_t number;
    if (parse_integer(wanted, number)) {
      if (number < 1 || number > static_cast<int64_t>(first.size()))
        lines.fail(sdk::text("column ", number, " is asked for, but there are ", first.size(), " fields separated by ",
                             plugins::quoted(options_.separator)));
      return static_cast<int>(number - 1);
    }
    if (options_.header == TableHeader::no)
      lines.fail(sdk::text("column '", wanted, "' is asked for by name, but header = \"no\"; give its number"));
    const auto at = std::find(first.begin(), first.end(), wanted);
    if (at == first.end()) {
      std::string names;
      for (const std::string_view name : first) names += sdk::text(names.empty() ? "" : ", ", name);
      lines.fail(sdk::text("column '", wanted, "' is not in the header, which has: ", names));
    }
    return static_cast<int>(at - first.begin());
  }

  const TableOptions& options_;
  std::vector<std::string> wanted_, names_;
  int item_ = 0;
  std::vector<int> columns_;
};

}  // namespace heddle::plugins
