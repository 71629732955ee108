// Parts that [[steer]], [[example]], [probe] and [report] share: references to features and attributes, lists of
// values. `owner` is the table's heading in messages. Internal to core/config. Pure functions.
// [any thread] Errors: wrong_use at the place in the file.
#pragma once

#include <string>
#include <vector>

#include "core/config/section_reader.h"
#include "core/config/steering.h"

namespace heddle {

// What a `feature` accepts, for messages.
extern const char* const feature_forms;

// "genre:Horror", 17, { top = …, by = …, rank = … }, or a list of these.
std::vector<FeatureReference> read_features(const ConfigNode& node, const std::string& owner);
// Attribute sources and metrics that a reference names are there, and [interpret] when it has to be found.
void check_feature(const FeatureReference& feature, const SourcePosition& where, const Experiment& experiment);
// "source:attribute" with a source of the experiment; `what` begins the message: "feature", "'histograms' of [report]".
void check_attribute(const std::string& text, const SourcePosition& where, const std::string& what,
                     const Experiment& experiment);

// `values`: finite numbers as a list, one number, or { from, to, step }; at most most_values of them.
inline constexpr size_t most_values = 10000;
GivenValue read_sweep_values(const ConfigNode& node, const std::string& owner);
// Every number in a list, or the one that stands alone, is finite in single precision; wrong_use at its place
// otherwise.
void check_finite(const ConfigNode& node, const std::string& owner);

// Text alone stands for a list of one; with `numbers`, whole numbers are taken as text, as ids of users are.
GivenValue as_text_list(const ConfigNode& node, const std::string& owner, bool numbers = false);

// The name of a dictionary: the given one, or "" and the experiment's only one. wrong_use when there is no such.
std::string resolve_dictionary(const std::string& name, const SourcePosition& where, const SourcePosition& table,
                               const std::string& owner, const Experiment& experiment);

}  // namespace heddle
