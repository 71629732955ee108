// Attributes of items, joined from any number of sources: binary labels as rows of attribute indices, numeric values
// dense.
//
// Names are "PREFIX:name", PREFIX being the section of the experiment ("genre:Horror"). Every attribute has one type.
// A binary attribute that an item has not is 0; a numeric one without a value is NaN and the item is left out of its
// metrics. Labels of items that are not in the catalogue are counted, not fatal. Plain data. [any thread]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/catalogue.h"
#include "heddle/abi.h"

namespace heddle {

struct Attribute {
  std::string name;    // "genre:Horror"
  std::string prefix;  // "genre"
  int32_t type;        // HEDDLE_ATTRIBUTE_*
  int64_t items = 0;   // with this label, or with a value
};

// What one source gave.
struct AttributeSourceReport {
  std::string prefix, plugin;
  int64_t attributes = 0, labels = 0, titles = 0;
  int64_t unknown_items = 0;     // distinct items that the catalogue lacks
  int64_t unknown_labels = 0;    // labels and titles of those
  int64_t unlabelled_items = 0;  // items of the catalogue without any label or value of this source
};

struct AttributeTable {
  int64_t items = 0;
  std::vector<Attribute> attributes;
  std::vector<int64_t> offsets;             // [items + 1], rows of binary labels
  std::vector<int32_t> labels;              // attribute indices, ascending within an item
  std::vector<std::vector<float>> numeric;  // [attributes]: empty for binary, else [items], NaN = no value
  std::vector<AttributeSourceReport> sources;

  int64_t size() const { return static_cast<int64_t>(attributes.size()); }
  std::span<const int32_t> labels_of(int32_t item) const;
  bool has(int32_t item, int32_t attribute) const;
  // Index by full name ("genre:Horror") or -1.
  int32_t find(std::string_view name) const;
  // As find; throws wrong_use listing the nearest names when there is none.
  int32_t require(std::string_view name) const;
  // One bit per item: 1 where the item has the binary attribute. [(items + 63) / 64] words.
  std::vector<uint64_t> bits_of(int32_t attribute) const;
};

// One opened-by-need attribute component of an experiment.
struct AttributeSource {
  std::string prefix;  // of the attribute names
  std::string plugin;  // component id, for messages
  const heddle_attributes_vtable* table;
  const heddle_values* values;
};

// Opens, reads and closes every source in order; fills catalogue.titles (the first source that has a title wins).
// Throws when a source fails, when an attribute is declared with two types, on values that are not finite or, for
// binary attributes, not 0 or 1.
AttributeTable read_attributes(std::span<const AttributeSource> sources, Catalogue& catalogue, const heddle_host& host);

// Text for the cache key of one source.
std::string attribute_fingerprint(const AttributeSource& source, const heddle_host& host);

}  // namespace heddle
