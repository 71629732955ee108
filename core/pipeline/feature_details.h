// What a page about the features of a dictionary shows beside their scores: interpretation-KEY/details.json.
//
//   histogram            positive activations of a feature in equal bins over (0, maximum]; bin i holds
//                        (i/bins, (i+1)/bins] of the maximum
//   attribute histogram  the same bins of an attribute's best feature, only the points whose item has the attribute; points
//                        without it are the difference to the feature's histogram
//   sequences            where a feature is strongest: the events around the peak, of different users
//   promoted, demoted    items whose score one unit of the feature moves most when its direction reaches the item table
//                        unchanged: score(item) = (decoder row * scale of the normaliser) . row of the item table. A view
//                        "through the decoder": layers between the site and the output are left out
//   similar              other features by the cosine of their decoder rows
// Items are indices of the catalogue, users those of the log. Numbers are those of the data points that were interpreted
// ([interpret] points). Plain data. [any thread] Errors: DATA_LOSS for a damaged file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/store/artefact.h"

namespace heddle {

struct FeatureSequence {
  int32_t user = 0;
  std::string user_id;  // raw id
  int32_t first = 0;    // position of items[0] in the user's window (0: its oldest event)
  int32_t peak = 0;     // index into items of the largest activation
  std::vector<int32_t> items;
  std::vector<float> activations;  // same length; 0 where the feature is not active
};

struct ItemEffect {
  int32_t item;
  float effect;  // change of the item's score per unit of activation
};

struct SimilarFeature {
  int64_t feature;
  float cosine;
};

struct FeatureDetail {
  float maximum = 0;                       // upper edge of the last bin; 0: the feature never fires
  std::vector<int64_t> histogram;          // [bins]; empty when the feature never fires
  std::vector<FeatureSequence> sequences;  // by falling activation at the peak
  std::vector<ItemEffect> promoted;        // by falling effect
  std::vector<ItemEffect> demoted;         // by rising effect
  std::vector<SimilarFeature> similar;     // by falling cosine
};

// One per binary attribute that has a best feature, in the order of the attributes.
struct AttributeHistogram {
  std::string attribute;         // "genre:Sci-Fi"
  int64_t feature = 0;           // its best feature by `best_by`
  std::vector<int64_t> present;  // [bins] points of the feature's histogram whose item has the attribute
};

struct FeatureDetails {
  int64_t bins = 0;
  std::string best_by;         // metric that chose the attributes' features
  std::string effects_absent;  // why no feature has promoted and demoted items; "" when they have
  std::string similar_absent;  // why no feature has similar ones; "" when they have
  std::vector<AttributeHistogram> attributes;
  std::vector<FeatureDetail> features;  // [features of the dictionary]

  // nullptr when the attribute has no best feature.
  const AttributeHistogram* of(const std::string& attribute) const;

  void save(const ArtefactWriter& writer) const;
  static FeatureDetails load(const Artefact& artefact);
  // Folders made before there were details have none.
  static bool present(const Artefact& artefact) { return artefact.contains(file_name); }
  static constexpr const char* file_name = "details.json";
};

}  // namespace heddle
