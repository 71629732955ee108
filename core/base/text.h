// Small helpers for messages and terminal tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heddle {

// Optimal-string-alignment distance (insert, delete, substitute, transpose neighbours).
size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `names` when it is near enough to be a typing error, else "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

// "; did you mean 'hidden'?" or "".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

// Number of columns of UTF-8 text on a terminal, counting code points (wide characters count one).
size_t display_width(std::string_view text);
// Cut to at most `width` columns, with "…" in the last one when something was cut.
std::string fit(std::string_view text, size_t width);

// Aligned text table: columns of numbers flush right. Cells are UTF-8.
class Table {
 public:
  explicit Table(std::vector<std::string> header, std::vector<bool> right_aligned = {});
  void add(std::vector<std::string> row);
  void add_rule();
  // Widest column is cut first when the table would exceed `width` columns; 0 = no limit.
  std::string text(size_t width = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

}  // namespace heddle
