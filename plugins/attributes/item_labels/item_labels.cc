// heddle.item_labels: labels, numbers and titles of items from any delimited table, plain or gzip. An item may stand in
// several rows; a cell of the label column may hold several labels.
#include <map>

#include "../../common/content_hash.h"
#include "../../common/item_table.h"
#include "../../common/label_choice.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

struct ItemLabels : Attributes<ItemLabels> {
  static constexpr About about{"heddle.item_labels", "Labels, numbers and titles of items from a delimited table."};
  struct Options : TableOptions, LabelOptions {
    std::string_view label = "2", title = "", title_detail = "";
    std::string_view label_separator = "";
    std::vector<std::string> numbers;
  } options;
  static constexpr auto schema =
      joined(joined(Schema(field("path", &Options::path).path().required().doc("The file."),
                           field("item", &Options::item).doc("Column of the item: its name, or its number from 1."),
                           field("label", &Options::label).doc("Column of the labels; empty: the table has none."),
                           field("label_separator", &Options::label_separator)
                               .doc("Between several labels in one cell; empty: a cell is one label."),
                           field("title", &Options::title).doc("Column of the titles; empty: the table has none."),
                           field("title_detail", &Options::title_detail)
                               .doc("Column that is put behind the title in brackets, as the artist of a song."),
                           field("numbers", &Options::numbers)
                               .by_default("")
                               .doc("Columns with a number per item, each a numeric attribute; empty cells have no "
                                    "value.")),
                    label_schema()),
             table_schema());

  static void check(const Options& o) {
    check_table_options(o);
    if (o.item.empty()) raise(HEDDLE_INVALID_ARGUMENT, "item is empty; expected a column's name or number");
    if (o.label.empty() && o.title.empty() && o.numbers.empty())
      raise(HEDDLE_INVALID_ARGUMENT, "none of label, title and numbers names a column: there is nothing to read");
    if (!o.title_detail.empty() && o.title.empty())
      raise(HEDDLE_INVALID_ARGUMENT, "title_detail is put behind a title, but title names no column");
  }

  void read(const Catalogue& catalogue, Labels& labels) {
    LabelChoice choice(options);
    std::vector<std::string> columns{std::string(options.label), std::string(options.title),
                                     std::string(options.title_detail)};
    columns.insert(columns.end(), options.numbers.begin(), options.numbers.end());
    ItemTable table(options, std::move(columns));
    std::map<std::string, std::string> titles;                                   // of the item's first row that has one
    std::vector<std::map<std::string, double>> numbers(options.numbers.size());  // by item
    std::vector<double> values;
    table.read(
        [&](const ItemTable::Row& row) {
          const std::string item(row.item);
          values.assign(numbers.size(), 0);  // the whole row is read before any of it is kept
          for (std::size_t i = 0; i < numbers.size(); ++i)
            if (!row.cells[3 + i].empty()) values[i] = real_value(row.cells[3 + i], table.name(3 + i).c_str());
          add_labels(choice, item, row.cells[0]);
          for (std::size_t i = 0; i < numbers.size(); ++i)
            if (!row.cells[3 + i].empty()) numbers[i][item] = values[i];
          if (!row.cells[1].empty())
            titles.emplace(
                item, row.cells[2].empty() ? std::string(row.cells[1]) : text(row.cells[1], " (", row.cells[2], ")"));
        },
        [&](const std::string& text) { host.warning(text); });
    choice.push(catalogue, labels);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const Attribute attribute = labels.numeric(table.name(3 + i));
      for (const auto& [item, value] : numbers[i]) labels.label(item, attribute, value);
    }
    for (const auto& [item, title] : titles) labels.title(item, title);
  }
  std::string fingerprint() const { return content_fingerprint(std::string(options.path)); }

 private:
  void add_labels(LabelChoice& choice, const std::string& item, std::string_view cell) const {
    if (options.label_separator.empty()) {
      choice.add(item, cell);
      return;
    }
    FieldSplitter splitter(std::string(options.label_separator), false);
    for (const std::string_view label : splitter.split(cell)) choice.add(item, label);
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.item_labels", "1.1.0", ItemLabels)
