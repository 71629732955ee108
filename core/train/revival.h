// Dead features: who has been silent for how long, and resampling them.
//
// A feature is dead when it was inactive in at least `window` consecutive training vectors. Resampling (Bricken et al.
// 2023, by parameter roles, so that it works for any dictionary that declares ENCODER, ENCODER_BIAS, DECODER): as many
// inputs as there are dead features (at most the batch) are drawn without replacement with p proportional to ||e||^2,
// the square of the un-squared reconstruction loss; for each
//   decoder row = (x - b)/||x - b||,  encoder row = the same times 0.2 x mean norm of alive encoder rows,  its bias = 0,
// where b is the DECODER_BIAS if declared (an input with x = b gives no direction and is passed over for the next one
// drawn); thresholds stay; Adam's moments of these rows are zeroed; the learning rate's warm-up is not begun again. (Sampling by
// Efraimidis-Spirakis keys log(u)/w, u by counter RNG, so that the draw depends on (key, row) alone.)
// One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/train/dictionary_model.h"
#include "core/train/optimizer.h"

namespace heddle {

class DeadFeatures {
 public:
  DeadFeatures(int64_t features, int64_t window);
  // fired[j] > 0: feature j was active in this batch of `rows` vectors.
  void update(std::span<const int64_t> fired, int64_t rows);
  int64_t count() const { return count_; }
  const std::vector<uint8_t>& mask() const { return mask_; }
  std::vector<int64_t>& silent() { return silent_; }  // vectors since a feature last fired; checkpointed
  void recount();                                     // after silent() was written
  void revive(int64_t feature);

 private:
  int64_t window_, count_ = 0;
  std::vector<int64_t> silent_;
  std::vector<uint8_t> mask_;
};

// Rows drawn without replacement with p proportional to weight; at most `n`, in the order drawn. Rows of weight 0 are
// never drawn.
std::vector<int64_t> weighted_sample(std::span<const double> weights, int64_t n, heddle_rng_key key);

// x and reconstruction [rows, inputs] on the host. Returns how many features were revived.
int64_t resample_dead(DictionaryModel& model, Optimizer& optimizer, DeadFeatures& dead, const float* x,
                      const float* reconstruction, int64_t rows, heddle_rng_key key);

}  // namespace heddle
