// Quality of a dictionary on held-out activations, each definition by name. e = x - x_hat on the
// normalised scale, N rows, d dimensions, mean x over the N rows (a pass of its own), all sums in f64 in row order,
// variances as sums of squared
// differences (Var(x) from mean x, Var(e) by Welford's recurrence), so that a large mean cancels nothing:
//   rmse_global  sqrt( mean over rows and dimensions of e^2 )
//   l2_mean      mean over rows of ||e|| / sqrt(d)
//   ev_var       1 - sum_d Var(e_d) / sum_d Var(x_d)      (a constant error is forgiven)
//   ev_r2        1 - E||e||^2 / E||x - mean x||^2
//   ev_legacy    mean over rows of 1 - ||e_b||^2 / ||x_b - mean x||^2, rows that are the mean itself left out
//   nmse         mean over rows of ||e_b||^2 / ||x_b||^2, rows of zeros left out
//   l0           mean number of features with a value != 0 per row
//   dead_share   share of features that are 0 in all N rows
// A mean over no rows is NaN, which results show as undefined.
#pragma once

#include "core/train/activations.h"
#include "core/train/dictionary_model.h"
#include "core/train/normalizer.h"

namespace heddle {

struct DictionaryQuality {
  int64_t rows = 0;
  double rmse_global = 0, l2_mean = 0, ev_var = 0, ev_r2 = 0, ev_legacy = 0, nmse = 0, l0 = 0, dead_share = 0;
  std::vector<int64_t> fired;  // per feature: rows in which it is active
};

DictionaryQuality evaluate_dictionary(DictionaryModel& model, Context& context, const Activations& held_out,
                                      const Normalizer& normalizer, int64_t batch = 4096,
                                      int32_t precision = HEDDLE_PRECISION_F32);

// The sums behind it, fed block by block, with mean x known.
class QualitySums {
 public:
  explicit QualitySums(std::vector<double> mean_x);
  void add(const float* x, const float* reconstruction, int64_t rows);
  void finish(DictionaryQuality& out) const;

 private:
  int64_t rows_ = 0, legacy_rows_ = 0, nmse_rows_ = 0;
  double norms_ = 0, squares_ = 0, legacy_ = 0, nmse_ = 0;
  double variance_x_ = 0;                       // sum over rows of ||x - mean x||^2
  std::vector<double> mean_x_, mean_e_, m2_e_;  // m2: sum over rows of (e_d - mean e_d)^2
};

}  // namespace heddle
