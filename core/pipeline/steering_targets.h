// What a [[steer]] table turns: its features, attributes' best features or probes, or its own vector. [one thread]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/feature_file.h"
#include "core/pipeline/session.h"

namespace heddle {

struct SteeringTarget {
  std::string name;       // "genre:Horror", "17", "vector"
  std::string attribute;  // whose share is watched; "" when the reference is a number
  int64_t feature = -1;   // -1: a vector or a probe
  // add_vector: what one unit of the value adds, scaled as asked for; on the scale of normalised activations where those
  // of the site are normalised.
  std::vector<float> direction;
};

// An attribute of "PREFIX:*" that has no target: stated in the results, no error.
struct MissingTarget {
  std::string attribute, reason;
};

struct SteeringTargets {
  std::vector<SteeringTarget> targets;
  std::vector<MissingTarget> missing;
};

// "PREFIX:*" becomes every binary attribute of the source. wrong_use for names that are not there, and where an attribute
// that is named itself has no feature or probe, unless no feature of the dictionary ever fires. model: of the table's dictionary, null when it names none.
SteeringTargets steering_targets(Session& session, const Job& job, const SteerOptions& options,
                                 const AttributeTable& attributes, DictionaryModel* model);

// Features of a dictionary by what a file says of them; reads the interpretation when first asked for an attribute.
class FeatureFinder {
 public:
  // owner: "[[steer]]", for messages.
  FeatureFinder(Session& session, const Job& job, std::string dictionary, std::string owner)
      : session_(session), job_(job), dictionary_(std::move(dictionary)), owner_(std::move(owner)) {}
  // The number that is stated, or the best feature of the attribute; -1 and `why` when there is none. wrong_use for a
  // number, attribute or metric that is not there.
  int64_t find(const FeatureReference& reference, std::string& why);
  // No feature of the dictionary fires anywhere (too large a penalty): the last find() failed by no fault of the file.
  bool collapsed() const;

 private:
  Session& session_;
  const Job& job_;
  std::string dictionary_, owner_;
  std::optional<FeatureFile> file_;
};

// none: as it is; unit_norm: length 1; unit_variance: entries of standard deviation 1 (population, about their mean).
// False when the direction cannot be scaled so: it has no length, or all its entries are equal.
bool scale_direction(std::vector<float>& direction, SteerScale scale);

}  // namespace heddle
