// Recommendation lists of a few users before and after a feature is set: examples-KEY/examples.json (the paper's Fig. 7).
//
// Items are indices of the catalogue. "before" is the untouched backbone; each other list has the feature set to `value` at
// the last position, every position being the dictionary's reconstruction. Plain data. [any thread] Errors: DATA_LOSS for a
// damaged file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/store/artefact.h"

namespace heddle {

struct ExampleList {
  double value = 0;            // what the feature is set to; 0 and meaningless for `before`
  std::vector<int32_t> items;  // best first
  std::vector<float> scores;   // same length
  int64_t new_items = 0;       // items that are not in `before`
};

struct ExampleUser {
  int32_t user = 0;              // index of the log
  std::string user_id;           // raw id
  std::vector<int32_t> history;  // the last events of the input, oldest first
  int64_t history_length = 0;    // of the whole input
  int32_t target = -1;           // item that the user chose next; -1: none
  ExampleList before;
  std::vector<ExampleList> after;  // in the order of the values
};

struct ExampleFile {
  std::string dictionary;
  int64_t feature = -1;   // -1: there is none, `absent` says why; users is empty then
  std::string target;     // "genre:Sci-Fi", or the number as text
  std::string attribute;  // "" when the feature was given by number
  std::string absent;
  bool automatic = false;  // users were found: those whose lists change most at the value of the largest size
  std::vector<double> values;
  std::vector<ExampleUser> users;

  void save(const ArtefactWriter& writer) const;
  static ExampleFile load(const Artefact& artefact);
  static constexpr const char* file_name = "examples.json";
};

}  // namespace heddle
