// The safetensors container: u64 header length (little-endian), a JSON header padded with spaces to 8 bytes, then the
// raw row-major tensors. Format: https://huggingface.co/docs/safetensors; notes in docs/formats.md.
//
// The reader is strict, because files come from strangers: header at most 100 MB and inside the file, JSON without
// duplicate names, known types, sizes that agree with shapes, tensors that cover the data section with no hole,
// overlap or remainder. Errors (DATA_LOSS) name the file and the tensor. Tensors of other types than ours (f16, bool,
// …) are listed but not readable. A reader maps the file and is immutable: any thread. A writer: one thread.
#pragma once

#include <dlpack/dlpack.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/atomic_file.h"

namespace heddle {

// Element types: f32, bf16, f64, i32, i64, u8 are what Heddle writes.
namespace stored {
inline constexpr DLDataType f32{kDLFloat, 32, 1}, f64{kDLFloat, 64, 1}, bf16{kDLBfloat, 16, 1}, f16{kDLFloat, 16, 1};
inline constexpr DLDataType i8{kDLInt, 8, 1}, i16{kDLInt, 16, 1}, i32{kDLInt, 32, 1}, i64{kDLInt, 64, 1};
inline constexpr DLDataType u8{kDLUInt, 8, 1}, u16{kDLUInt, 16, 1}, u32{kDLUInt, 32, 1}, u64{kDLUInt, 64, 1};
}  // namespace stored

struct StoredTensor {
  std::string name;
  DLDataType type;
  std::string type_name;  // as in the file: "F32"
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes inside the data section
  int64_t elements() const;
  uint64_t bytes() const { return end - begin; }
};

class SafeTensorsWriter {
 public:
  // Borrows `data` (host memory, row-major, packed) until write() returns. Duplicate names throw INTERNAL.
  void add(std::string name, DLDataType type, std::vector<int64_t> shape, const void* data);
  // A host tensor, contiguous.
  void add(std::string name, const DLTensor& tensor);
  // Text about the file, kept under "__metadata__".
  void metadata(std::string key, std::string value);
  // Tensors are laid out by falling element size, so that every one is aligned to its type, then in the order of add().
  void write(const std::filesystem::path& path) const;  // atomic
  void write(AtomicFile& file) const;

 private:
  struct Item {
    StoredTensor info;
    const void* data;
  };
  std::vector<Item> items_;
  std::map<std::string, std::string> metadata_;
};

class SafeTensors {
 public:
  explicit SafeTensors(const std::filesystem::path& path);
  // Parses bytes in memory (borrowed); `name` stands in messages.
  SafeTensors(std::string_view bytes, std::string name);
  ~SafeTensors();
  SafeTensors(SafeTensors&&) noexcept;
  SafeTensors& operator=(SafeTensors&&) = delete;

  const std::string& name() const { return name_; }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // in the order of their bytes
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(std::string_view tensor) const;
  // Throws NOT_FOUND with the nearest name.
  const StoredTensor& find(std::string_view tensor) const;
  // The bytes of a tensor; may be unaligned in foreign files. Valid while this object lives.
  std::string_view bytes(const StoredTensor& tensor) const;
  // Copies a tensor that must have this type and shape; INVALID_ARGUMENT says what is expected and what is there.
  void read(std::string_view tensor, DLDataType type, const std::vector<int64_t>& shape, void* out) const;
  // Into a host tensor, contiguous, of the very type and shape.
  void read(std::string_view tensor, DLTensor& out) const;
  // f32 values of an F32, F64, F16 or BF16 tensor (imports). Shape as stored.
  std::vector<float> read_f32(std::string_view tensor) const;

 private:
  void parse(std::string_view file);
  std::string name_;
  std::string_view data_;  // the data section
  std::vector<StoredTensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
  void* mapped_ = nullptr;
  size_t mapped_size_ = 0;
};

}  // namespace heddle
