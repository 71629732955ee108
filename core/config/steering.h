// One [[steer]] table as plain data: an intervention at a dictionary's site and the values that it sweeps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/activations.h"
#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

// A feature by number, or as the best one of an attribute by a metric: rank 1 is the best. "genre:*" stands for every
// binary attribute of that source; it is expanded when the attributes are known, each swept on its own.
struct FeatureReference {
  int64_t index = -1;     // when >= 0
  std::string attribute;  // else "genre:Horror" or "genre:*"
  std::string by;         // metric name; "": best_by of [interpret]
  int64_t rank = 1;
  std::string text() const;  // "17", "genre:Horror", "genre:Horror#2 by roc_auc"
};

enum class SteerKind { set_feature, add_vector };
enum class SteerDirection { decoder, probe };  // add_vector: the feature's decoder row, or the attribute's probe
// add_vector: the direction as it is, of length 1, or with entries of standard deviation 1 (about their mean).
enum class SteerScale { none, unit_norm, unit_variance };
enum class SteerError { drop, keep };  // the reconstruction error of the dictionary: lost, or added back

struct SteerOptions {
  SteerKind kind = SteerKind::set_feature;
  std::string dictionary;                  // name of a [dictionary.NAME]
  std::vector<FeatureReference> features;  // each is swept on its own; may be empty only with `vector`
  // add_vector. With `probe` the features are attributes, "genre:Horror" or "genre:*", rank 1; the site is one of
  // [probe]'s and always stated; `dictionary` is "" then, and the direction is on the scale of normalised activations.
  SteerDirection direction = SteerDirection::decoder;
  SteerScale scale = SteerScale::none;
  std::vector<double> vector;             // add_vector: the direction itself instead of a feature's decoder row
  std::string site;                       // add_vector with `vector` or a probe: where; "": the dictionary's site
  SourcePosition site_where;              // of 'site', or of the table
  std::vector<double> values;             // what the feature is set to / the factors of the vector
  Positions positions = Positions::last;  // which positions are edited
  Positions replace = Positions::all;     // which positions are replaced by the dictionary's reconstruction
  SteerError error = SteerError::drop;
  int64_t users = 0;  // at most this many test users, the first ones; 0: all
};

const OptionTable& steering_table();

}  // namespace heddle
