// Quality of a dictionary on held-out activations, each definition by name. e = x - x_hat on the
// normalised scale, N rows, d dimensions, all sums in f64 in row order:
//   rmse_global  sqrt( mean over rows and dimensions of e^2 )
//   l2_mean      mean over rows of ||e|| / sqrt(d)
//   ev_var       1 - sum_d Var(e_d) / sum_d Var(x_d)      (a constant error is forgiven)
//   ev_r2        1 - E||e||^2 / E||x - mean x||^2
//   l0           mean number of features with a value != 0 per row
//   dead_share   share of features that are 0 in all N rows
#pragma once

#include "core/train/activations.h"
#include "core/train/dictionary_model.h"
#include "core/train/normalizer.h"

namespace heddle {

struct DictionaryQuality {
  int64_t rows = 0;
  double rmse_global = 0, l2_mean = 0, ev_var = 0, ev_r2 = 0, l0 = 0, dead_share = 0;
  std::vector<int64_t> fired;  // per feature: rows in which it is active
};

DictionaryQuality evaluate_dictionary(DictionaryModel& model, Context& context, const Activations& held_out,
                                      const Normalizer& normalizer, int64_t batch = 4096,
                                      int32_t precision = HEDDLE_PRECISION_F32);

// The sums behind it, fed block by block.
class QualitySums {
 public:
  explicit QualitySums(int64_t width);
  void add(const float* x, const float* reconstruction, int64_t rows);
  void finish(DictionaryQuality& out) const;

 private:
  int64_t width_, rows_ = 0;
  double norms_ = 0;
  std::vector<double> x_, xx_, e_, ee_;
};

}  // namespace heddle
