#include "core/train/activations.h"

#include <bit>
#include <cstring>

#include "core/base/error.h"
#include "core/store/safetensors.h"

namespace heddle {

uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // NaN stays NaN
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

float from_bf16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

struct Activations::Backing {
  std::unique_ptr<SafeTensors> file;
  std::vector<float> data;
  std::vector<int32_t> users, positions, items;
};

Activations::~Activations() = default;
Activations::Activations(Activations&&) noexcept = default;
Activations& Activations::operator=(Activations&&) noexcept = default;

Activations Activations::open(const std::filesystem::path& path) {
  Activations out;
  out.backing_ = std::make_unique<Backing>();
  out.backing_->file = std::make_unique<SafeTensors>(path);
  const SafeTensors& file = *out.backing_->file;
  const StoredTensor& data = file.find("activations");
  const bool f32 = data.type_name == "F32", bf16 = data.type_name == "BF16";
  if (data.shape.size() != 2 || (!f32 && !bf16)) {
    fail(HEDDLE_DATA_LOSS, "{}: 'activations' is {} {}; a matrix of F32 or BF16 is expected", path.string(),
         data.type_name, shape_text(data.shape));
  }
  out.rows_ = data.shape[0];
  out.width_ = data.shape[1];
  out.format_ = f32 ? ActivationFormat::f32 : ActivationFormat::bf16;
  out.data_ = file.bytes(data).data();
  const auto column = [&](const char* name) {
    const StoredTensor& stored_column = file.find(name);
    if (stored_column.type_name != "I32" || stored_column.shape != std::vector<int64_t>{out.rows_}) {
      fail(HEDDLE_DATA_LOSS, "{}: '{}' is {} {}; I32 [{}] is expected", path.string(), name, stored_column.type_name,
           shape_text(stored_column.shape), out.rows_);
    }
    const char* bytes = file.bytes(stored_column).data();
    if (reinterpret_cast<uintptr_t>(bytes) % alignof(int32_t) != 0)
      fail(HEDDLE_DATA_LOSS, "{}: '{}' is not aligned", path.string(), name);
    return reinterpret_cast<const int32_t*>(bytes);
  };
  if (reinterpret_cast<uintptr_t>(out.data_) % alignof(float) != 0)
    fail(HEDDLE_DATA_LOSS, "{}: 'activations' is not aligned", path.string());
  out.users_ = column("users");
  out.positions_ = column("positions");
  out.items_ = column("items");
  for (const auto& [key, value] : file.metadata()) out.metadata_[key] = value;
  return out;
}

Activations Activations::in_memory(int64_t width, std::vector<float> data, std::vector<int32_t> users,
                                   std::vector<int32_t> positions, std::vector<int32_t> items) {
  Activations out;
  out.rows_ = static_cast<int64_t>(users.size());
  out.width_ = width;
  if (data.size() != users.size() * static_cast<size_t>(width) || positions.size() != users.size() ||
      items.size() != users.size()) {
    fail(HEDDLE_INTERNAL, "activations in memory: {} numbers for {} rows of {}", data.size(), users.size(), width);
  }
  out.backing_ = std::make_unique<Backing>(
      Backing{nullptr, std::move(data), std::move(users), std::move(positions), std::move(items)});
  out.data_ = out.backing_->data.data();
  out.users_ = out.backing_->users.data();
  out.positions_ = out.backing_->positions.data();
  out.items_ = out.backing_->items.data();
  return out;
}

void Activations::read(int64_t begin, int64_t count, float* out) const {
  if (begin < 0 || count < 0 || begin + count > rows_)
    fail(HEDDLE_OUT_OF_RANGE, "rows {} to {} of {} activations", begin, begin + count, rows_);
  const size_t n = static_cast<size_t>(count * width_), first = static_cast<size_t>(begin * width_);
  if (format_ == ActivationFormat::f32) {
    if (n > 0) std::memcpy(out, static_cast<const float*>(data_) + first, n * sizeof(float));
    return;
  }
  const uint16_t* bits = static_cast<const uint16_t*>(data_) + first;
  for (size_t i = 0; i < n; ++i) out[i] = from_bf16(bits[i]);
}

void Activations::gather(std::span<const int64_t> index, float* out) const {
  // Rows are far apart: asking for a few of them ahead hides most of the memory's latency.
  constexpr size_t kAhead = 8;
  const size_t row_bytes =
      static_cast<size_t>(width_) * (format_ == ActivationFormat::f32 ? sizeof(float) : sizeof(uint16_t));
  for (size_t i = 0; i < index.size(); ++i) {
    if (i + kAhead < index.size()) {
      const char* ahead = static_cast<const char*>(data_) + static_cast<size_t>(index[i + kAhead]) * row_bytes;
      for (size_t byte = 0; byte < row_bytes; byte += 64) __builtin_prefetch(ahead + byte);
    }
    read(index[i], 1, out + i * static_cast<size_t>(width_));
  }
}

}  // namespace heddle
