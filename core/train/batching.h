// How a backbone wants its batches: what its info() says, as options of the batcher. One place, so that training,
// recommendation, extraction and steering cannot disagree on positions or on the mask token. Pure functions.
#pragma once

#include "core/data/batcher.h"
#include "core/train/backbone.h"

namespace heddle {

// Windows of training; the limits per batch are the caller's.
BatchOptions training_batches(const Backbone& backbone, int64_t sequences, int64_t tokens);

// Whole histories, the mask token appended where the backbone asks for it; read from the last token of each.
BatchOptions inference_batches(const Backbone& backbone, int64_t sequences);

}  // namespace heddle
