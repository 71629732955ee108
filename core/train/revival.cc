#include "core/train/revival.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/error.h"

namespace heddle {
namespace {

constexpr double kEncoderShare = 0.2;  // Bricken et al. 2023: revived encoder rows get 0.2 x the mean alive norm

std::vector<float> host_copy(const Tensor& tensor) {
  std::vector<float> out(static_cast<size_t>(tensor.size()));
  tensor.to_host(out.data());
  return out;
}

double norm_of(const float* row, int64_t width) {
  double squares = 0;
  for (int64_t d = 0; d < width; ++d) squares += static_cast<double>(row[d]) * static_cast<double>(row[d]);
  return std::sqrt(squares);
}

// Mean norm of the encoder rows of features that are alive; 1 when none is.
double mean_alive_norm(const std::vector<float>& encoder, int64_t width, const std::vector<uint8_t>& dead) {
  double sum = 0;
  int64_t alive = 0;
  for (size_t j = 0; j < dead.size(); ++j) {
    if (dead[j] != 0) continue;
    sum += norm_of(encoder.data() + j * static_cast<size_t>(width), width);
    ++alive;
  }
  return alive == 0 ? 1 : sum / static_cast<double>(alive);
}

// One of the tensors that revival rewrites: values and both moments on the host, written back together.
struct Rewritten {
  Rewritten(ParameterSet& parameters, Optimizer& optimizer, size_t i)
      : targets{&parameters.tensor(i), &optimizer.first_moments()[i], &optimizer.second_moments()[i]} {
    for (size_t t = 0; t < 3; ++t) hosts[t] = host_copy(*targets[t]);
    width = parameters.info(i).size() / parameters.info(i).shape[0];
  }
  // Row j becomes `row` (width numbers); its moments zero.
  template <class Row>
  void set(int64_t j, Row&& row) {
    for (int64_t d = 0; d < width; ++d) {
      const size_t at = static_cast<size_t>(j * width + d);
      hosts[0][at] = row(d);
      hosts[1][at] = hosts[2][at] = 0;
    }
  }
  void write_back() {
    for (size_t t = 0; t < 3; ++t) targets[t]->from_host(hosts[t].data());
  }
  Tensor* targets[3];
  std::vector<float> hosts[3];
  int64_t width;
};

}  // namespace

DeadFeatures::DeadFeatures(int64_t features, int64_t window)
    : window_(std::max<int64_t>(window, 1)),
      silent_(static_cast<size_t>(features), 0),
      mask_(static_cast<size_t>(features), 0) {}

void DeadFeatures::update(std::span<const int64_t> fired, int64_t rows) {
  for (size_t j = 0; j < silent_.size(); ++j) silent_[j] = fired[j] > 0 ? 0 : silent_[j] + rows;
  recount();
}

void DeadFeatures::recount() {
  count_ = 0;
  for (size_t j = 0; j < silent_.size(); ++j) {
    mask_[j] = silent_[j] >= window_ ? 1 : 0;
    count_ += mask_[j];
  }
}

void DeadFeatures::revive(int64_t feature) {
  silent_[static_cast<size_t>(feature)] = 0;
  count_ -= std::exchange(mask_[static_cast<size_t>(feature)], uint8_t{0});
}

std::vector<int64_t> weighted_sample(std::span<const double> weights, int64_t n, heddle_rng_key key) {
  std::vector<std::pair<double, int64_t>> keys;
  for (size_t row = 0; row < weights.size(); ++row) {
    if (!(weights[row] > 0) || !std::isfinite(weights[row])) continue;
    const double u = (static_cast<double>(philox_word(key, row)) + 0.5) * 0x1p-32;  // in (0,1)
    keys.emplace_back(std::log(u) / weights[row], static_cast<int64_t>(row));
  }
  const size_t take = std::min<size_t>(keys.size(), static_cast<size_t>(std::max<int64_t>(n, 0)));
  std::partial_sort(
      keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(take), keys.end(),
      [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::vector<int64_t> rows;
  for (size_t i = 0; i < take; ++i) rows.push_back(keys[i].second);
  return rows;
}

int64_t resample_dead(DictionaryModel& model, Optimizer& optimizer, DeadFeatures& dead, const float* x,
                      const float* reconstruction, int64_t rows, heddle_rng_key key) {
  if (dead.count() == 0) return 0;
  ParameterSet& parameters = model.parameters();
  const auto encoder_at = parameters.with_role(HEDDLE_ROLE_ENCODER),
             decoder_at = parameters.with_role(HEDDLE_ROLE_DECODER);
  const std::vector<int64_t> wanted{model.features(), model.inputs()};
  if (!encoder_at || !decoder_at || parameters.info(*encoder_at).shape != wanted ||
      parameters.info(*decoder_at).shape != wanted) {
    fail(HEDDLE_UNIMPLEMENTED,
         "{} cannot be resampled: it declares no encoder and decoder of shape {}; revival 'none' or 'auxk' work",
         model.id(), shape_text(wanted));
  }
  const int64_t width = model.inputs();
  std::vector<double> weights(static_cast<size_t>(rows), 0.0);
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t d = 0; d < width; ++d) {
      const double error = static_cast<double>(x[b * width + d]) - static_cast<double>(reconstruction[b * width + d]);
      weights[static_cast<size_t>(b)] += error * error;
    }
  }
  // All rows in the order drawn: a row that gives no direction is passed over for the next one.
  const std::vector<int64_t> chosen = weighted_sample(weights, rows, key);

  std::vector<float> bias(static_cast<size_t>(width), 0.0f);
  if (const auto at = parameters.with_role(HEDDLE_ROLE_DECODER_BIAS); at && parameters.info(*at).size() == width)
    bias = host_copy(parameters.tensor(*at));
  Rewritten encoder(parameters, optimizer, *encoder_at), decoder(parameters, optimizer, *decoder_at);
  const double length = kEncoderShare * mean_alive_norm(encoder.hosts[0], width, dead.mask());
  std::vector<Rewritten> encoder_bias;
  if (const auto at = parameters.with_role(HEDDLE_ROLE_ENCODER_BIAS);
      at && parameters.info(*at).size() == model.features()) {
    encoder_bias.emplace_back(parameters, optimizer, *at);
  }
  size_t next = 0;
  int64_t revived = 0;
  std::vector<float> direction(static_cast<size_t>(width));
  for (int64_t j = 0; j < model.features() && next < chosen.size(); ++j) {
    if (dead.mask()[static_cast<size_t>(j)] == 0) continue;
    double norm = 0;
    while (norm == 0 && next < chosen.size()) {  // an input that is the bias itself gives no direction
      const float* row = x + chosen[next++] * width;
      for (int64_t d = 0; d < width; ++d) direction[static_cast<size_t>(d)] = row[d] - bias[static_cast<size_t>(d)];
      norm = norm_of(direction.data(), width);
    }
    if (norm == 0) break;  // no row is left
    decoder.set(j, [&](int64_t d) {
      return static_cast<float>(static_cast<double>(direction[static_cast<size_t>(d)]) / norm);
    });
    encoder.set(j, [&](int64_t d) {
      return static_cast<float>(static_cast<double>(direction[static_cast<size_t>(d)]) / norm * length);
    });
    for (Rewritten& tensor : encoder_bias) tensor.set(j, [](int64_t) { return 0.0f; });
    dead.revive(j);
    ++revived;
  }
  encoder.write_back();
  decoder.write_back();
  for (Rewritten& tensor : encoder_bias) tensor.write_back();
  return revived;
}

}  // namespace heddle
