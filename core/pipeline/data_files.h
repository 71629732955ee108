// The data stages' artefacts: the log with its split, and the items with their attributes. Formats: docs/formats.md.
//
//   split-KEY/sequences.safetensors  offsets, items, times [, values], one [n,4] tensor per part (user, begin, end, target)
//   split-KEY/ids.json               raw user and item ids; split.json: what was asked for and what came out; report.txt
//   attributes-KEY/items.json        titles, training counts, attributes and labels
// Errors: DATA_LOSS naming file and tensor. [any thread]
#pragma once

#include <memory>

#include "core/data/attributes.h"
#include "core/data/catalogue.h"
#include "core/data/split.h"
#include "core/store/artefact.h"

namespace heddle {

struct LogData {
  Interactions log;
  Split split;
};

struct ItemData {
  Catalogue catalogue;
  AttributeTable attributes;
};

void save_log(const ArtefactWriter& writer, const LogData& data);
std::shared_ptr<const LogData> load_log(const Artefact& artefact);

void save_items(const ArtefactWriter& writer, const ItemData& data);
std::shared_ptr<const ItemData> load_items(const Artefact& artefact);
// The items of an experiment without [attributes]: raw ids for titles, no attribute.
std::shared_ptr<const ItemData> bare_items(const LogData& data);

}  // namespace heddle
