// heddle.release_year: year and decade of items, from titles such as "Heat (1995)" or from a column of years.
#include <map>
#include <optional>
#include <set>

#include "../../common/item_titles.h"
#include "../../common/years.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

struct ReleaseYear : Attributes<ReleaseYear> {
  static constexpr About about{"heddle.release_year",
                               "Year (a number) and decade (labels like 1990s) of items, from titles or a column."};
  struct Options : TableOptions {
    std::string_view column = "";
    bool year = true, decade = true;
    int64_t min_items = 1;
  } options;
  static constexpr auto schema = joined(
      Schema(
          field("path", &Options::path)
              .path()
              .required()
              .doc("A MovieLens data set (folder or movie file), or a table when column is given."),
          field("column", &Options::column)
              .doc("Column of a table: years, or titles that end in one in brackets; empty: the titles of MovieLens."),
          field("item", &Options::item).doc("Column of the item: its name, or its number from 1."),
          field("year", &Options::year).doc("Give the year, as a number."),
          field("decade", &Options::decade).doc("Give the decade, as a label like 1990s."),
          field("min_items", &Options::min_items)
              .range(1)
              .doc("Decades that fewer items of the catalogue have are left out; 1: none is.")),
      table_schema());

  static void check(const Options& o) {
    check_title_options(o, o.column, "column");
    if (!o.year && !o.decade) raise(HEDDLE_INVALID_ARGUMENT, "year and decade are both false: nothing is left to give");
  }

  void open() { titles_.emplace(options, options.column); }

  void read(const Catalogue& catalogue, Labels& labels) {
    std::map<std::string, int64_t> years;
    int64_t rows = 0;
    for (const auto& [item, title] : titles_->read([&](const std::string& text) { host.warning(text); })) {
      ++rows;
      if (const auto year = year_of(title)) years.emplace(item, *year);  // of its first row that has one
    }
    if (rows > 0 && years.empty())
      raise(HEDDLE_INVALID_ARGUMENT, options.path, ": no title ends in a year, as in \"Heat (1995)\", and none is one");
    if (options.year) {
      const Attribute attribute = labels.numeric("year");
      for (const auto& [item, year] : years) labels.label(item, attribute, static_cast<double>(year));
    }
    if (!options.decade) return;
    std::set<std::string, std::less<>> known;
    for (int64_t i = 0; i < catalogue.items(); ++i) known.emplace(catalogue.raw_id(i));
    std::map<int64_t, int64_t> items_of;  // decade -> items of the catalogue
    for (const auto& [item, year] : years) items_of[year / 10] += known.contains(item) ? 1 : 0;
    for (const auto& [decade, items] : items_of) {
      if (options.min_items > 1 && items < options.min_items) continue;
      const Attribute attribute = labels.binary(text(decade * 10, "s"));
      for (const auto& [item, year] : years)
        if (year / 10 == decade) labels.label(item, attribute);
    }
  }
  std::string fingerprint() const { return titles_->fingerprint(); }

 private:
  std::optional<ItemTitles> titles_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.release_year", "1.0.0", ReleaseYear)
