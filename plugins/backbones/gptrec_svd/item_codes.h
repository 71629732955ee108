// Item codes from a truncated SVD of the training log (Petrov & Macdonald 2023, "Generative sequential recommendation
// with GPTRec", section 3): component k of an item is its entry of the k-th right singular vector of the binary
// user x item matrix, scaled to [0,1] over the items, with a little Gaussian noise, cut into quantiles.
//
// Deterministic in the log and the random key; host memory. Threads: one call at a time, on the pool of its Ops.
#pragma once

#include <heddle/backbone.hpp>

#include "quantiles.h"
#include "truncated_svd.h"

namespace gptrec_svd {

struct CodeOptions {
  int64_t tokens_per_item, values_per_token;
  double noise;
};

// tokens [items,t]: value of code k plus k * values_per_token. Returns what was found, for the log.
inline TruncatedSvd make_tokens(heddle::sdk::Ops& ops, heddle_rng_key key, const heddle::sdk::TrainingLog& log,
                                const CodeOptions& options, const heddle::sdk::Tensor& tokens) {
  using heddle::sdk::Tensor;
  const int64_t items = tokens.rows(), count = options.tokens_per_item;
  const InteractionMatrix matrix(log.users(), items, [&](int64_t user) { return log.items_of(user); });
  const SvdOptions svd{.rank = count};
  const int64_t width = subspace_width(matrix, svd);
  const Tensor start = ops.tensor({items, width}), noise = ops.tensor({count, items});
  ops.random_normal(heddle::sdk::rng_stream(key, 0), 1, start);
  ops.random_normal(heddle::sdk::rng_stream(key, 1), options.noise, noise);
  const auto normal = start.span<float>();
  TruncatedSvd found =
      truncated_svd(matrix, svd, std::vector<double>(normal.begin(), normal.end()), [&](int64_t n, auto&& task) {
        if (ops.cancelled()) heddle::sdk::raise(HEDDLE_CANCELLED, "stopped on request");
        ops.parallel_for(n, task);
      });
  for (int64_t k = 0; k < count; ++k) {
    const auto n = static_cast<std::size_t>(items), begin = static_cast<std::size_t>(k) * n;
    std::vector<double> component(found.vectors.begin() + static_cast<std::ptrdiff_t>(begin),
                                  found.vectors.begin() + static_cast<std::ptrdiff_t>(begin + n));
    scale_to_unit(component);
    for (int64_t i = 0; i < items; ++i)
      component[static_cast<std::size_t>(i)] += static_cast<double>(noise.row<float>(k)[static_cast<std::size_t>(i)]);
    const std::vector<int64_t> bins = quantile_bins(component, options.values_per_token);
    for (int64_t i = 0; i < items; ++i)
      tokens.row<float>(i)[static_cast<std::size_t>(k)] =
          static_cast<float>(k * options.values_per_token + bins[static_cast<std::size_t>(i)]);
  }
  return found;
}

}  // namespace gptrec_svd
