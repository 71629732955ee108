// Checks of dictionaries. Sizes are odd on purpose: 37 rows of 13 inputs fill no tile.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/compute/rng.h"
#include "core/conformance/bits.h"
#include "core/conformance/checks.h"
#include "core/conformance/dictionary_subject.h"
#include "core/conformance/gradient.h"
#include "core/conformance/scratch_file.h"

namespace heddle::conformance {
namespace {

constexpr int64_t rows = 37;

bool same_codes(const PlainCodes& a, const PlainCodes& b) {
  return a.width == b.width && a.offsets == b.offsets && a.indices == b.indices && same_bits(a.values, b.values);
}
bool same_training(const TrainResult& a, const TrainResult& b) {
  return a.losses == b.losses && same_codes(a.codes, b.codes) && same_bits(a.gradients, b.gradients);
}

// Everything that inference gives for x.
struct Outputs {
  PlainCodes codes;
  std::vector<float> y;
};
Outputs infer(DictionarySubject& subject, const std::vector<float>& x) {
  Outputs out;
  out.codes = subject.encode(x);
  out.y = subject.decode_last();
  return out;
}
void require_same(const Outputs& a, const Outputs& b, const char* when) {
  if (!same_codes(a.codes, b.codes)) fail_check("codes differ {}", when);
  if (!same_bits(a.y, b.y)) fail_check("reconstructions differ {}", when);
}

// A few steps of training by plain descent, so that the parameters are no longer those of the start.
void train_a_little(DictionarySubject& subject) {
  for (int64_t step = 1; step <= 3; ++step) {
    subject.params().zero_gradients();
    subject.train(normal_rows(rows, 50 + static_cast<uint64_t>(step)), step);
    subject.params().descend(0.01f);
  }
}

std::string outputs(const Component& component, const GivenText& given) {
  DictionarySubject subject(component, given);
  const auto x = normal_rows(rows, 2);
  const Outputs out = infer(subject, x);
  const TrainResult trained = subject.train(x);
  return fmt::format("{} parameters, L0 {:.1f}, {} losses", subject.params().count(),
                     static_cast<double>(out.codes.values.size()) / rows, trained.losses.size());
}

std::string zero_rows(const Component& component, const GivenText& given) {
  DictionarySubject subject(component, given);
  infer(subject, {});
  subject.train({}, 1, false);
  for (size_t i = 0; i < subject.params().count(); ++i) {
    const int64_t size = subject.params().is_buffer(i) ? 0 : subject.params().size(i);
    const float* gradient = subject.params().gradient(i);
    if (std::any_of(gradient, gradient + size, [](float g) { return std::isnan(g); })) {
      fail_check("training on no rows makes the gradient of '{}' NaN", subject.params().declared(i).name);
    }
  }
  return {};
}

std::string one_row(const Component& component, const GivenText& given) {
  DictionarySubject subject(component, given);
  infer(subject, normal_rows(1, 3));
  subject.train(normal_rows(1, 3));
  return {};
}

// NaN, infinities, zeros, the very large and the very small: an error or any numbers, but no crash and no hang.
std::string unusual_input(const Component& component, const GivenText& given) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  size_t refusals = 0;
  for (float value : {nan, infinity, -infinity, 0.0f, 1e30f, -1e30f, 1e-40f}) {
    for (bool everywhere : {false, true}) {
      DictionarySubject subject(component, given);
      std::vector<float> x = normal_rows(5, 4);
      if (everywhere) std::fill(x.begin(), x.end(), value);
      else x[7] = value;
      const bool finite = value == 0;
      try {
        subject.encode(x, finite);
        subject.decode_last(finite);
        subject.train(x, 1, finite);
      } catch (const Skip&) {
        ++refusals;  // refusing is as good as computing
      }
    }
  }
  return refusals == 0 ? std::string() : fmt::format("{} of 14 refused", refusals);
}

std::string threads(const Component& component, const GivenText& given) {
  const auto x = normal_rows(1031, 5);
  std::vector<Outputs> inferred;
  std::vector<TrainResult> trained;
  for (int count : {1, 1, 2, 3}) {
    DictionarySubject subject(component, given, count);
    inferred.push_back(infer(subject, x));
    trained.push_back(subject.train(x));
  }
  for (size_t i = 1; i < inferred.size(); ++i) {
    const char* when = i == 1   ? "when the same call is repeated"
                       : i == 2 ? "between 1 and 2 threads"
                                : "between 1 and 3 threads";
    require_same(inferred[0], inferred[i], when);
    if (!same_training(trained[0], trained[i])) fail_check("losses or gradients differ {}", when);
  }
  return {};
}

std::string split(const Component& component, const GivenText& given) {
  const auto x = normal_rows(rows, 6);
  DictionarySubject subject(component, given);
  const Outputs whole = infer(subject, x);
  for (const std::vector<int64_t>& sizes :
       {std::vector<int64_t>{1, 36}, {20, 17}, {5, 1, 0, 31}, std::vector<int64_t>(37, 1)}) {
    Outputs joined;
    joined.codes.width = subject.features();
    joined.codes.offsets = {0};
    int64_t at = 0;
    for (int64_t size : sizes) {
      const Outputs part = infer(subject, {x.begin() + at * test_inputs, x.begin() + (at + size) * test_inputs});
      const int64_t base = joined.codes.offsets.back();
      for (size_t r = 1; r < part.codes.offsets.size(); ++r)
        joined.codes.offsets.push_back(base + part.codes.offsets[r]);
      joined.codes.indices.insert(joined.codes.indices.end(), part.codes.indices.begin(), part.codes.indices.end());
      joined.codes.values.insert(joined.codes.values.end(), part.codes.values.begin(), part.codes.values.end());
      joined.y.insert(joined.y.end(), part.y.begin(), part.y.end());
      at += size;
    }
    require_same(whole, joined, fmt::format("when 37 rows are split into {}", fmt::join(sizes, "+")).c_str());
  }
  return {};
}

std::string save_and_load(const Component& component, const GivenText& given) {
  const ScratchFile file;
  const auto x = normal_rows(rows, 7);
  DictionarySubject trained(component, given);
  train_a_little(trained);
  const Outputs before = infer(trained, x);
  trained.params().save(file.path());
  DictionarySubject loaded(component, given);
  loaded.params().load(file.path());
  require_same(before, infer(loaded, x), "after save and load: something that matters is not among the parameters");
  trained.params().zero_gradients();
  if (!same_training(trained.train(x, 4), loaded.train(x, 4)))
    fail_check("training goes on differently after save and load");
  return fmt::format("{} tensors", trained.params().count());
}

std::string isolation(const Component& component, const GivenText& given) {
  const auto x = normal_rows(rows, 8);
  DictionarySubject first(component, given);
  const Outputs before = infer(first, x);
  {
    DictionarySubject second(component, given);
    train_a_little(second);
    require_same(before, infer(first, x), "after another instance was trained");
  }
  require_same(before, infer(first, x), "after another instance was destroyed");
  return {};
}

uint64_t pattern_of(const PlainCodes& codes) {
  uint64_t hash = 1;
  for (int64_t offset : codes.offsets) hash = mix64(hash ^ static_cast<uint64_t>(offset));
  for (int32_t index : codes.indices) hash = mix64(hash ^ static_cast<uint64_t>(index));
  return hash;
}

std::string gradients(const Component& component, const GivenText& given) {
  DictionarySubject subject(component, given, 1, 0.05f);
  // Few rows: each is a chance more for a step to change the pattern of the codes.
  const auto x = normal_rows(7, 9);
  return check_gradients(subject.params(), [&] {
    const TrainResult result = subject.train(x, 50);
    return Evaluation{result.total, pattern_of(result.codes)};
  });
}

std::string revival(const Component& component, const GivenText& given) {
  DictionarySubject subject(component, given, 1, 0.05f);
  std::vector<uint8_t> dead(static_cast<size_t>(subject.features()), 0);
  for (size_t i = 0; i < dead.size(); i += 2) dead[i] = 1;
  const TrainResult result = subject.train(normal_rows(rows, 10), 50, true, &dead);
  for (const Loss& loss : result.losses) {
    if (loss.name == "auxk") return {};
  }
  skip_check("it adds no loss 'auxk': revival = \"auxk\" does nothing here");
}

}  // namespace

std::vector<Check> dictionary_checks() {
  return {{"outputs", outputs},
          {"zero rows", zero_rows},
          {"one row", one_row},
          {"unusual input", unusual_input},
          {"threads", threads},
          {"batch split", split},
          {"save and load", save_and_load},
          {"two instances", isolation},
          {"gradients", gradients},
          {"auxk", revival}};
}

}  // namespace heddle::conformance
