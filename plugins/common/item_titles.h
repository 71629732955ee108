// Titles of items, from a MovieLens data set or from a column of any table: for the attribute sources that look into
// titles. Errors: those of the readers below. One thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "item_table.h"
#include "movie_file.h"

namespace heddle::plugins {

// `column` empty: the path is MovieLens, whose layout says everything; options of tables have nothing to say then.
inline void check_title_options(const TableOptions& o, std::string_view column, const char* column_option) {
  check_table_options(o);
  if (!column.empty()) return;
  const TableOptions d;
  const char* stray = o.separator != d.separator     ? "separator"
                      : o.header != d.header         ? "header"
                      : o.item != d.item             ? "item"
                      : o.quotes != d.quotes         ? "quotes"
                      : o.encoding != d.encoding     ? "encoding"
                      : o.on_bad_row != d.on_bad_row ? "on_bad_row"
                                                     : nullptr;
  if (stray != nullptr)
    sdk::raise(HEDDLE_INVALID_ARGUMENT, stray, " describes a table, so ", column_option,
               " has to name its column; without it the path is a MovieLens data set");
}

class ItemTitles {
 public:
  ItemTitles(const TableOptions& options, std::string_view column) : options_(options), column_(column) {
    if (column.empty()) movies_.emplace(std::string(options.path));
  }

  // (item, title), in the order of the file.
  template <class Warn>
  std::vector<std::pair<std::string, std::string>> read(Warn&& warning) const {
    std::vector<std::pair<std::string, std::string>> titles;
    if (movies_) {
      for (Movie& movie : movies_->read()) titles.emplace_back(std::move(movie.id), std::move(movie.title));
      return titles;
    }
    ItemTable(options_, {column_})
        .read([&](const ItemTable::Row& row) { titles.emplace_back(row.item, row.cells[0]); }, warning);
    return titles;
  }
  std::string fingerprint() const {
    return movies_ ? movies_->fingerprint() : content_fingerprint(std::string(options_.path));
  }

 private:
  const TableOptions& options_;
  std::string column_;
  std::optional<MovieFile> movies_;
};

}  // namespace heddle::plugins
