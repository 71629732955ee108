// `heddle data FILE`: what the log, its split and its attributes are, and whether the split leaks. [one thread]
#pragma once

#include <string>
#include <vector>

#include "core/data/attributes.h"
#include "core/data/interactions.h"
#include "core/data/split.h"

namespace heddle {

// Re-derived from the parts alone, not from how they were made: each string is one violation; empty = no leak.
//  - a part's range leaves its user's row, or its target is not the event right after the history;
//  - an event is both learnt from (train) and predicted (test target; validation target unless it is the same user's
//  later);
//  - a test, validation (kind users) or dictionary user of a split by users also trains the backbone;
//  - with a boundary T, an event of the training side at or after T.
std::vector<std::string> find_leaks(const Interactions& log, const Split& split);

// Text of at most 80 columns. attributes and catalogue may be null.
std::string data_report(const Interactions& log, const Split& split, const AttributeTable* attributes = nullptr);

}  // namespace heddle
