// Numbers as they stand on a command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heddle::cli {

// A finite number; wrong_use naming `option` otherwise.
double parse_number(std::string_view text, std::string_view option);
// The same as a float, the precision of models; wrong_use when it is too large for one.
float fit_float(double value, std::string_view option);
// "A,B,C" without blanks around the fields; wrong_use naming `option` and the field when one is empty.
std::vector<std::string> parse_fields(std::string_view text, std::string_view option);
// "A:B" (step 1), "A:B:STEP" or "A,B,C". Both ends are included; at most 1,001 values.
std::vector<double> parse_values(std::string_view text, std::string_view option);

}  // namespace heddle::cli
