// Results as text: an aligned table for people, CSV (RFC 4180: CRLF, quotes doubled) and JSON for programs. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/store/results_db.h"

namespace heddle {

enum class ResultFormat { table, csv, json };

// "table", "csv" or "json"; wrong_use otherwise.
ResultFormat parse_result_format(std::string_view name);

// Table: columns that are equal in all rows are said once above the table; at most `width` columns wide (0: no limit).
// Further coordinates come behind the fixed columns; one that has the name of a fixed column is prefixed (the value that a
// feature is set to: steer_value).
// CSV and JSON: all columns, numbers with the digits needed to read back the same double, absent values empty / null.
std::string print_results(const std::vector<ResultRecord>& records, ResultFormat format, size_t width = 80);

// A CSV field, quoted by RFC 4180 when it needs to be.
std::string csv_field(std::string_view text);

}  // namespace heddle
