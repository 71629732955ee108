// Options of the linear probe, as plain data: [probe]. One L2-regularised logistic regression per binary attribute reads
// the normalised activations of the dictionary users; scores are taken on the points of [interpret].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

// "genre:Horror" names that attribute, "genre:*" all of the source.
bool names_attribute(std::string_view pattern, std::string_view attribute);

enum class ClassWeight { none, balanced };

struct ProbeOptions {
  std::vector<std::string> attributes;  // names or "PREFIX:*", as names_attribute() reads them; empty: all binary ones
  SourcePosition attributes_where;      // of 'attributes', or of the table
  std::vector<std::string> sites;       // one probe each; never empty: default are the distinct sites of dictionaries
  SourcePosition site_where;            // of 'site', or of the table
  double l2 = 1;                        // weight of ||w||²/2 against the loss summed over rows; the bias is free
  ClassWeight class_weight = ClassWeight::balanced;  // balanced: a row weighs n / (2 n of its class)
  double tolerance = 1e-6;                           // largest norm of the gradient of (loss + penalty) / rows
  int64_t max_iterations = 200;

  bool covers(std::string_view attribute) const;  // whether `attributes` asks for it
};

const OptionTable& probe_table();

}  // namespace heddle
