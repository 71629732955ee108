// One batch of users under interventions that treat unedited rows alike: the run that they share, and what each adds.
//
// Construction runs the batch once: up to and through the site with forward_caching where edits act at the last position
// of a causal backbone (every earlier token's keys and values are then kept), else only up to the site. run() edits copies
// of the site's rows and goes on behind the site, several interventions in one call.
// Ownership: borrows everything; owns the kept activations and the cache. One thread. Errors: those of the backbone.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/data/batcher.h"
#include "core/steer/site_rows.h"
#include "core/steer/steered_lists.h"

namespace heddle {

class ResumedBatch {
 public:
  // `like`: reconstruct, keep_error, edit and replace of all interventions to come; features and vectors may differ.
  ResumedBatch(Backbone& backbone, Context& context, int32_t precision, const Batch& batch, const SteeredSite& site,
               const Intervention& like);

  // All of them edit the same features in the same order. finished(i, states [n, hidden]) is called once for each, in
  // order, with the states that its lists are made of.
  void run(const std::vector<const Intervention*>& interventions,
           const std::function<void(size_t, DLTensor*)>& finished);

 private:
  void keep_rows(const HookPoint& point);
  void copy(const heddle_call& call, const DLTensor* from, DLTensor* to) const;
  // The site's values [rows_, width_] under one intervention.
  void edit(const Intervention& intervention, DLTensor* out);
  // Behind the site: `copies` times the sequences of the batch, whose activations stand copy by copy.
  void go_on(int64_t copies, const DLTensor* activations, DLTensor* hidden);
  std::vector<int32_t> state_rows(int64_t i, int64_t copies) const;

  Backbone& backbone_;
  Context& context_;
  int32_t precision_;
  const Batch& batch_;
  SteeredSite site_;
  Intervention like_;  // without features and vector: what happens to rows that are not edited
  SiteRows rows_of_site_;
  bool tails_;                    // suffixes are last rows, else whole sequences
  std::vector<int32_t> last_;     // row of the last token of each sequence
  int64_t width_, rows_;          // of the site; rows per intervention that go behind it
  std::unique_ptr<Codes> codes_;  // of the edited rows; null when nothing is reconstructed
  Tensor edited_;                 // [edited rows, width] as the backbone made them
  Tensor error_;                  // [edited rows, width], only with keep_error
  Tensor base_;                   // [T, width] around the edited rows; only where whole sequences have last edits
  Tensor cache_;                  // [T, cache_width]
};

}  // namespace heddle
