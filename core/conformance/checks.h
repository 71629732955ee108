// What is checked, by kind. A check is a function that runs in a child of its own, throws Failure or Skip, and returns
// a note.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/conformance/subject.h"

namespace heddle::conformance {

struct Check {
  std::string name;
  std::function<std::string(const Component&, const GivenText&)> body;
};

// For every component (parameter_checks.cc).
std::vector<Check> common_checks();
// Those of one kind.
std::vector<Check> dictionary_checks();
std::vector<Check> backbone_checks();
std::vector<Check> backbone_slot_checks();  // of the optional slots
std::vector<Check> metric_checks();
std::vector<Check> ranking_checks();
std::vector<Check> interactions_checks();
std::vector<Check> attributes_checks();
std::vector<Check> device_checks();

// All that apply to a component of this kind, in the order of the report.
std::vector<Check> checks_for(int32_t kind);

}  // namespace heddle::conformance
