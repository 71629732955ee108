#include "core/store/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/json_file.h"

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

namespace heddle {
namespace {

constexpr uint64_t largest_header = 100'000'000;  // the cap of the reference implementation

struct NamedType {
  const char* name;
  DLDataType type;
};
constexpr NamedType types[] = {{"F64", stored::f64},
                               {"F32", stored::f32},
                               {"F16", stored::f16},
                               {"BF16", stored::bf16},
                               {"I64", stored::i64},
                               {"I32", stored::i32},
                               {"I16", stored::i16},
                               {"I8", stored::i8},
                               {"U64", stored::u64},
                               {"U32", stored::u32},
                               {"U16", stored::u16},
                               {"U8", stored::u8},
                               // this version of DLPack has no bool: listed, never read
                               {"BOOL", {kDLOpaqueHandle, 8, 1}}};

bool same(DLDataType a, DLDataType b) { return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes; }

std::string type_name(DLDataType type) {
  for (const NamedType& known : types)
    if (same(known.type, type)) return known.name;
  return fmt::format("type {}/{} bits", type.code, type.bits);
}

std::string describe(const std::string& type, const std::vector<int64_t>& shape) {
  return fmt::format("{} [{}]", type, fmt::join(shape, ", "));
}

// Elements of a shape; false when negative or when bytes would not fit 63 bits.
bool count_elements(const std::vector<int64_t>& shape, uint64_t item, uint64_t& elements) {
  elements = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) return false;
    empty = empty || extent == 0;
  }
  if (empty) return elements = 0, true;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(extent), &elements)) return false;
  uint64_t bytes = 0;
  return !__builtin_mul_overflow(elements, item, &bytes) &&
         bytes <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

bool is_packed(const DLTensor& t) {
  int64_t expected = 1;
  for (int32_t i = t.ndim - 1; i >= 0; --i) {
    if (t.shape[i] != 1 && t.strides != nullptr && t.strides[i] != expected) return false;
    expected *= t.shape[i];
  }
  return t.byte_offset == 0 && t.device.device_type == kDLCPU;
}

}  // namespace

int64_t StoredTensor::elements() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

void SafeTensorsWriter::add(std::string name, DLDataType type, std::vector<int64_t> shape, const void* data) {
  StoredTensor info{std::move(name), type, type_name(type), std::move(shape), 0, 0};
  uint64_t elements = 0;
  if (info.type_name.rfind("type", 0) == 0)
    fail(HEDDLE_INTERNAL, "tensor '{}': {} cannot be stored", info.name, info.type_name);
  if (info.name == "__metadata__" || !count_elements(info.shape, type.bits / 8, elements))
    fail(HEDDLE_INTERNAL, "tensor '{}' {}: cannot be stored", info.name, describe(info.type_name, info.shape));
  for (const Item& item : items_)
    if (item.info.name == info.name) fail(HEDDLE_INTERNAL, "tensor '{}' is added twice", info.name);
  info.end = elements * (type.bits / 8);
  items_.push_back({std::move(info), data});
}

void SafeTensorsWriter::add(std::string name, const DLTensor& tensor) {
  if (!is_packed(tensor)) fail(HEDDLE_INTERNAL, "tensor '{}' is not contiguous host memory", name);
  add(std::move(name), tensor.dtype, {tensor.shape, tensor.shape + tensor.ndim}, tensor.data);
}

void SafeTensorsWriter::metadata(std::string key, std::string value) { metadata_[std::move(key)] = std::move(value); }

void SafeTensorsWriter::write(AtomicFile& file) const {
  std::vector<const Item*> order;
  for (const Item& item : items_) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(),
                   [](const Item* a, const Item* b) { return a->info.type.bits > b->info.type.bits; });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  uint64_t offset = 0;
  for (const Item* item : order) {
    header[item->info.name] = {{"dtype", item->info.type_name},
                               {"shape", item->info.shape},
                               {"data_offsets", {offset, offset + item->info.bytes()}}};
    offset += item->info.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > largest_header)
    fail(HEDDLE_INTERNAL, "safetensors: the header would exceed {} bytes", largest_header);
  const uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text);
  for (const Item* item : order)
    if (item->info.bytes() > 0) file.write(item->data, item->info.bytes());
}

void SafeTensorsWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  write(file);
  file.commit();
}

SafeTensors::SafeTensors(const std::filesystem::path& path) : name_(path.string()) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    fail(errno == ENOENT ? HEDDLE_NOT_FOUND : HEDDLE_DATA_LOSS, "{}: cannot be opened: {}", name_,
         std::strerror(errno));
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    fail(HEDDLE_DATA_LOSS, "{}: not a regular file", name_);
  }
  mapped_size_ = static_cast<size_t>(info.st_size);
  if (mapped_size_ > 0) {  // an empty file cannot be mapped, and parse() refuses it
    void* map = ::mmap(nullptr, mapped_size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int reason = errno;
    if (map == MAP_FAILED) {
      ::close(descriptor);
      fail(HEDDLE_RESOURCE_EXHAUSTED, "{}: cannot be mapped: {}", name_, std::strerror(reason));
    }
    mapped_ = map;
  }
  ::close(descriptor);
  try {
    parse({static_cast<const char*>(mapped_), mapped_size_});
  } catch (...) {
    if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
    throw;
  }
}

SafeTensors::SafeTensors(std::string_view bytes, std::string name) : name_(std::move(name)) { parse(bytes); }

SafeTensors::~SafeTensors() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

SafeTensors::SafeTensors(SafeTensors&& other) noexcept
    : name_(std::move(other.name_)),
      data_(other.data_),
      tensors_(std::move(other.tensors_)),
      by_name_(std::move(other.by_name_)),
      metadata_(std::move(other.metadata_)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_size_(other.mapped_size_) {}

void SafeTensors::parse(std::string_view file) {
  const auto damaged = [this](const std::string& reason) {
    fail(HEDDLE_DATA_LOSS, "{}: not a sound safetensors file: {}", name_, reason);
  };
  uint64_t length = 0;
  if (file.size() < sizeof length)
    damaged(fmt::format("it has {} bytes; the header's length alone takes 8", file.size()));
  std::memcpy(&length, file.data(), sizeof length);
  if (length > largest_header)
    damaged(fmt::format("its header claims {} bytes; at most {} are accepted", length, largest_header));
  if (length > file.size() - sizeof length)
    damaged(fmt::format("its header claims {} bytes, but only {} follow: the file is cut short", length,
                        file.size() - sizeof length));
  const std::string_view text = file.substr(sizeof length, length);
  data_ = file.substr(sizeof length + length);
  if (text.empty() || text.front() != '{') damaged("its header does not begin with '{'");
  const nlohmann::json header = parse_json(text, name_);
  if (!header.is_object()) damaged("its header is not a JSON object");

  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) damaged("__metadata__ is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) damaged(fmt::format("__metadata__ '{}' is not text", key));
        metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    const auto wrong = [&, tensor = name](std::string_view reason) {
      damaged(fmt::format("tensor '{}': {}", tensor, reason));
    };
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      wrong("expected exactly dtype, shape and data_offsets");
    const nlohmann::json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
    StoredTensor tensor;
    tensor.name = name;
    if (!dtype.is_string()) wrong("dtype is not text");
    tensor.type_name = dtype.get<std::string>();
    const auto known = std::find_if(std::begin(types), std::end(types),
                                    [&](const NamedType& t) { return t.name == tensor.type_name; });
    if (known == std::end(types)) wrong(fmt::format("unknown dtype '{}'", tensor.type_name));
    tensor.type = known->type;
    if (!shape.is_array() || shape.size() > 64) wrong("shape is not a list of at most 64 numbers");
    for (const nlohmann::json& extent : shape) {
      if (!extent.is_number_unsigned() ||
          extent.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        wrong("shape holds something else than whole numbers from 0");
      tensor.shape.push_back(extent.get<int64_t>());
    }
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      wrong("data_offsets is not a pair of whole numbers from 0");
    tensor.begin = offsets[0].get<uint64_t>(), tensor.end = offsets[1].get<uint64_t>();
    uint64_t elements = 0;
    const uint64_t item = tensor.type.bits / 8;
    if (!count_elements(tensor.shape, item, elements)) wrong("its shape is too large");
    if (tensor.begin > tensor.end || tensor.end > data_.size())
      wrong(fmt::format("it claims bytes {} to {} of {}: the file is cut short or its header is wrong", tensor.begin,
                        tensor.end, data_.size()));
    if (tensor.bytes() != elements * item)
      wrong(fmt::format("{} takes {} bytes, but {} are given", describe(tensor.type_name, tensor.shape),
                        elements * item, tensor.bytes()));
    tensors_.push_back(std::move(tensor));
  }

  // No hole (it could hide another file), no overlap, nothing behind the last tensor.
  std::sort(tensors_.begin(), tensors_.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t at = 0;
  for (const StoredTensor& tensor : tensors_) {
    if (tensor.begin != at)
      damaged(fmt::format("tensor '{}': begins at byte {} where {} was expected ({})", tensor.name, tensor.begin, at,
                          tensor.begin < at ? "overlap" : "hole"));
    at = tensor.end;
  }
  if (at != data_.size()) damaged(fmt::format("{} bytes lie behind the last tensor", data_.size() - at));
  for (size_t i = 0; i < tensors_.size(); ++i) by_name_[tensors_[i].name] = i;
}

bool SafeTensors::contains(std::string_view tensor) const { return by_name_.find(tensor) != by_name_.end(); }

const StoredTensor& SafeTensors::find(std::string_view tensor) const {
  const auto found = by_name_.find(tensor);
  if (found != by_name_.end()) return tensors_[found->second];
  std::vector<std::string> names;
  for (const StoredTensor& known : tensors_) names.push_back(known.name);
  fail(HEDDLE_NOT_FOUND, "{}: holds no tensor '{}'{}; it has {}", name_, tensor, did_you_mean(tensor, names),
       names.empty() ? std::string("none") : fmt::format("{}", fmt::join(names, ", ")));
}

std::string_view SafeTensors::bytes(const StoredTensor& tensor) const {
  return data_.substr(tensor.begin, tensor.bytes());
}

void SafeTensors::read(std::string_view tensor, DLDataType type, const std::vector<int64_t>& shape, void* out) const {
  const StoredTensor& there = find(tensor);
  if (!same(there.type, type) || there.shape != shape)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: tensor '{}' is {}; expected {}", name_, tensor,
         describe(there.type_name, there.shape), describe(type_name(type), shape));
  if (there.bytes() > 0) std::memcpy(out, bytes(there).data(), there.bytes());
}

void SafeTensors::read(std::string_view tensor, DLTensor& out) const {
  if (!is_packed(out)) fail(HEDDLE_INTERNAL, "tensor '{}' is not read into contiguous host memory", tensor);
  read(tensor, out.dtype, {out.shape, out.shape + out.ndim}, out.data);
}

namespace {

float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16, exponent = half >> 10 & 31U,
                 fraction = half & 1023U;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000U | fraction << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float tiny = static_cast<float>(fraction) * 0x1p-24F;  // subnormal: exact in f32
  return sign != 0 ? -tiny : tiny;
}

template <class T>
T load(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace

std::vector<float> SafeTensors::read_f32(std::string_view tensor) const {
  const StoredTensor& there = find(tensor);
  const char* p = bytes(there).data();
  std::vector<float> values(static_cast<size_t>(there.elements()));
  const size_t item = there.type.bits / 8;
  for (size_t i = 0; i < values.size(); ++i, p += item) {
    if (same(there.type, stored::f32)) values[i] = load<float>(p);
    else if (same(there.type, stored::f64)) values[i] = static_cast<float>(load<double>(p));
    else if (same(there.type, stored::bf16))
      values[i] = std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(p)) << 16);
    else if (same(there.type, stored::f16)) values[i] = half_to_float(load<uint16_t>(p));
    else
      fail(HEDDLE_INVALID_ARGUMENT, "{}: tensor '{}' is {}; expected F32, F64, F16 or BF16", name_, tensor,
           there.type_name);
  }
  return values;
}

}  // namespace heddle
