#include <bit>
#include <vector>

#include "core/base/error.h"
#include "core/store/atomic_file.h"
#include "core/train/activations.h"

namespace heddle {
namespace {

// Header of the safetensors container (docs/formats.md) for a file whose tensors are streamed in this order.
std::string header_text(int64_t rows, int64_t width, ActivationFormat format, const nlohmann::json& metadata) {
  nlohmann::ordered_json header;
  nlohmann::ordered_json texts = nlohmann::ordered_json::object();
  for (const auto& [key, value] : metadata.items())
    texts[key] = value.is_string() ? value.get<std::string>() : value.dump();
  if (!texts.empty()) header["__metadata__"] = texts;
  uint64_t offset = 0;
  const auto add = [&](const char* name, const char* type, std::vector<int64_t> shape, uint64_t bytes) {
    header[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  };
  const uint64_t n = static_cast<uint64_t>(rows), numbers = n * static_cast<uint64_t>(width);
  for (const char* name : {"users", "positions", "items"}) add(name, "I32", {rows}, n * 4);
  if (format == ActivationFormat::f32) add("activations", "F32", {rows, width}, numbers * 4);
  else add("activations", "BF16", {rows, width}, numbers * 2);
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

struct ActivationFileSink::State {
  AtomicFile file;
  ActivationFormat format;
  nlohmann::json metadata;
  int64_t rows = 0, width = 0, done = 0;
  uint64_t columns_at = 0;  // where the three i32 columns begin
  std::vector<int32_t> columns[3];
  std::vector<uint16_t> narrow;
};

ActivationFileSink::ActivationFileSink(std::filesystem::path path, ActivationFormat format, nlohmann::json metadata)
    : state_(new State{AtomicFile(std::move(path)), format, std::move(metadata)}) {}

ActivationFileSink::~ActivationFileSink() = default;

void ActivationFileSink::begin(int64_t rows, int64_t width) {
  state_->rows = rows;
  state_->width = width;
  const std::string header = header_text(rows, width, state_->format, state_->metadata);
  const uint64_t length = header.size();
  static_assert(std::endian::native == std::endian::little);
  state_->file.write(&length, sizeof length);
  state_->file.write(header);
  // The columns stand first, so that they are aligned for bf16 data of an odd number of rows too; they are known last,
  // so their place is filled in by finish().
  state_->columns_at = state_->file.size();
  const std::vector<char> zeros(1 << 16, 0);
  for (uint64_t left = static_cast<uint64_t>(rows) * 12; left > 0;) {
    const size_t n = std::min<uint64_t>(left, zeros.size());
    state_->file.write(zeros.data(), n);
    left -= n;
  }
}

void ActivationFileSink::append(int64_t rows, const float* data, const int32_t* users, const int32_t* positions,
                                const int32_t* items) {
  const size_t n = static_cast<size_t>(rows * state_->width);
  if (state_->format == ActivationFormat::f32) {
    state_->file.write(data, n * sizeof(float));
  } else {
    state_->narrow.resize(n);
    for (size_t i = 0; i < n; ++i) state_->narrow[i] = to_bf16(data[i]);
    state_->file.write(state_->narrow.data(), n * sizeof(uint16_t));
  }
  const int32_t* sources[] = {users, positions, items};
  for (size_t c = 0; c < 3; ++c) state_->columns[c].insert(state_->columns[c].end(), sources[c], sources[c] + rows);
  state_->done += rows;
}

void ActivationFileSink::finish() {
  if (state_->done != state_->rows)
    fail(HEDDLE_INTERNAL, "{} of {} announced activations arrived", state_->done, state_->rows);
  const uint64_t bytes = static_cast<uint64_t>(state_->rows) * 4;
  for (size_t c = 0; c < 3 && bytes > 0; ++c)
    state_->file.write_at(state_->columns_at + c * bytes, state_->columns[c].data(), bytes);
  state_->file.commit();
}

void ActivationMemorySink::begin(int64_t rows, int64_t width) {
  width_ = width;
  data_.reserve(static_cast<size_t>(rows * width));
  for (auto* column : {&users_, &positions_, &items_}) column->reserve(static_cast<size_t>(rows));
}

void ActivationMemorySink::append(int64_t rows, const float* data, const int32_t* users, const int32_t* positions,
                                  const int32_t* items) {
  data_.insert(data_.end(), data, data + rows * width_);
  users_.insert(users_.end(), users, users + rows);
  positions_.insert(positions_.end(), positions, positions + rows);
  items_.insert(items_.end(), items, items + rows);
}

Activations ActivationMemorySink::take() {
  return Activations::in_memory(width_, std::move(data_), std::move(users_), std::move(positions_), std::move(items_));
}

}  // namespace heddle
