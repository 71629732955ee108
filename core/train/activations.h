// Activations of a site with the user, position and item of each row: written as one file or kept in memory, read by
// rows.
//
// File: safetensors "activations" [N,d] f32 or bf16, "users", "positions", "items" i32 [N], written streaming through
// an atomic file and read by mmap, so that N*d may exceed memory. Ownership: Activations owns map or memory. Reading:
// any thread. Errors: HEDDLE_DATA_LOSS for a damaged file.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/data/split.h"
#include "core/train/backbone.h"

namespace heddle {

enum class ActivationFormat { f32, bf16 };

// Round to nearest, ties to even; NaN stays NaN.
uint16_t to_bf16(float value);
float from_bf16(uint16_t bits);

class Activations {
 public:
  static Activations open(const std::filesystem::path& path);
  // In memory, f32: data [N*width].
  static Activations in_memory(int64_t width, std::vector<float> data, std::vector<int32_t> users,
                               std::vector<int32_t> positions, std::vector<int32_t> items);
  ~Activations();
  Activations(Activations&&) noexcept;
  Activations& operator=(Activations&&) noexcept;

  int64_t rows() const { return rows_; }
  int64_t width() const { return width_; }
  ActivationFormat format() const { return format_; }
  std::span<const int32_t> users() const { return {users_, static_cast<size_t>(rows_)}; }
  std::span<const int32_t> positions() const { return {positions_, static_cast<size_t>(rows_)}; }
  std::span<const int32_t> items() const { return {items_, static_cast<size_t>(rows_)}; }
  const nlohmann::json& metadata() const { return metadata_; }
  // out [index.size(), width] f32.
  void gather(std::span<const int64_t> index, float* out) const;
  // Rows begin .. begin+count-1.
  void read(int64_t begin, int64_t count, float* out) const;

 private:
  Activations() = default;
  struct Backing;
  std::unique_ptr<Backing> backing_;
  int64_t rows_ = 0, width_ = 0;
  ActivationFormat format_ = ActivationFormat::f32;
  const void* data_ = nullptr;
  const int32_t *users_ = nullptr, *positions_ = nullptr, *items_ = nullptr;
  nlohmann::json metadata_;
};

// Where extraction puts its rows.
class ActivationSink {
 public:
  virtual ~ActivationSink() = default;
  virtual void begin(int64_t rows, int64_t width) = 0;
  virtual void append(int64_t rows, const float* data, const int32_t* users, const int32_t* positions,
                      const int32_t* items) = 0;
  virtual void finish() = 0;
};

// A file; whole or absent.
class ActivationFileSink : public ActivationSink {
 public:
  ActivationFileSink(std::filesystem::path path, ActivationFormat format, nlohmann::json metadata);
  ~ActivationFileSink() override;
  void begin(int64_t rows, int64_t width) override;
  void append(int64_t rows, const float* data, const int32_t* users, const int32_t* positions,
              const int32_t* items) override;
  void finish() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Memory; take() after finish().
class ActivationMemorySink : public ActivationSink {
 public:
  void begin(int64_t rows, int64_t width) override;
  void append(int64_t rows, const float* data, const int32_t* users, const int32_t* positions,
              const int32_t* items) override;
  void finish() override {}
  Activations take();

 private:
  int64_t width_ = 0;
  std::vector<float> data_;
  std::vector<int32_t> users_, positions_, items_;
};

struct Extraction {
  std::string site;
  bool last_position_only = false;
  int64_t batch_sequences = 128;  // changes no number
  int32_t precision = HEDDLE_PRECISION_F32;
};

// Runs the inputs of a part through the backbone and takes the activations of a site: every event of a user's window is
// one row (user, position in the window, input item). A part's users are visited in their order.
void extract_activations(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                         const Extraction& extraction, ActivationSink& sink);

}  // namespace heddle
