#include "core/store/hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

#include "core/base/error.h"
#include "core/store/atomic_file.h"
#include "core/store/sha256_block.h"

namespace heddle {

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::compress(const unsigned char* blocks, size_t count) { sha256_compress(state_.data(), blocks, count); }

void Sha256::update(const void* data, size_t bytes) {
  if (bytes == 0) return;  // data may then be null
  const auto* p = static_cast<const unsigned char*>(data);
  total_ += bytes;
  if (tail_size_ > 0) {
    const size_t take = std::min(bytes, tail_.size() - tail_size_);
    std::memcpy(tail_.data() + tail_size_, p, take);
    tail_size_ += take, p += take, bytes -= take;
    if (tail_size_ < tail_.size()) return;
    compress(tail_.data(), 1);
    tail_size_ = 0;
  }
  compress(p, bytes / 64);
  p += bytes / 64 * 64, bytes %= 64;
  if (bytes > 0) std::memcpy(tail_.data(), p, bytes);
  tail_size_ = bytes;
}

std::string Sha256::hex() {
  // Padding: a 1 bit, zeros up to 56 modulo 64, the length in bits as a big-endian u64.
  const uint64_t bits = total_ * 8;
  unsigned char padding[72] = {0x80};
  const size_t zeros = (tail_size_ < 56 ? 56 : 120) - tail_size_;
  for (size_t i = 0; i < 8; ++i) padding[zeros + i] = static_cast<unsigned char>(bits >> (56 - 8 * i));
  update(padding, zeros + 8);
  std::string text;
  for (uint32_t word : state_) text += fmt::format("{:08x}", word);
  return text;
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    fail(errno == ENOENT ? HEDDLE_NOT_FOUND : HEDDLE_DATA_LOSS, "{}: cannot be opened: {}", path.string(),
         std::strerror(errno));
  Sha256 hash;
  std::vector<unsigned char> buffer(size_t{1} << 20);
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int reason = errno;
      ::close(descriptor);
      fail(HEDDLE_DATA_LOSS, "{}: cannot be read: {}", path.string(), std::strerror(reason));
    }
    if (got == 0) break;
    hash.update(buffer.data(), static_cast<size_t>(got));
  }
  ::close(descriptor);
  return hash.hex();
}

namespace {

void refuse_non_finite(const nlohmann::json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    fail(HEDDLE_INVALID_ARGUMENT, "a number that is not finite cannot be part of a key or a JSON file");
  if (value.is_structured())
    for (const nlohmann::json& child : value) refuse_non_finite(child);
}

}  // namespace

std::string canonical_json(const nlohmann::json& value) {
  refuse_non_finite(value);
  return value.dump();  // nlohmann::json keeps keys sorted and prints the shortest round-trip decimals, in any locale
}

std::string hash_key(const nlohmann::json& value) { return sha256_hex(canonical_json(value)); }

std::string content_digest(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    fail(errno == ENOENT ? HEDDLE_NOT_FOUND : HEDDLE_DATA_LOSS, "{}: {}", path.string(), std::strerror(errno));
  if (S_ISDIR(info.st_mode)) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file())
        entries.emplace_back(fs::relative(entry.path(), path).generic_string(), content_digest(entry.path()));
    std::sort(entries.begin(), entries.end());
    return hash_key(nlohmann::json(entries));
  }
  using Stamp = std::tuple<std::string, int64_t, int64_t, int64_t>;
  static std::mutex mutex;
  static std::map<Stamp, std::string> known;
  const Stamp stamp{fs::absolute(path).string(), info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(stamp); found != known.end()) return found->second;
  }
  std::string digest = sha256_file(path);
  const std::lock_guard lock(mutex);
  return known[stamp] = std::move(digest);
}

}  // namespace heddle
