// SHA-256 (FIPS 180-4) and content addresses made from it.
//
// Every artefact is found by the hash of what it depends on, so a hash here must never depend on the machine, the
// locale or the order in which keys were inserted. Hashes are 64 lower-case hex digits. Functions: any thread; a
// Sha256: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace heddle {

class Sha256 {
 public:
  Sha256();
  void update(const void* data, size_t bytes);
  void update(std::string_view text) { update(text.data(), text.size()); }
  // The digest of everything so far as hex. The object is used up.
  std::string hex();

 private:
  void compress(const unsigned char* blocks, size_t count);
  std::array<uint32_t, 8> state_;
  std::array<unsigned char, 64> tail_{};
  size_t tail_size_ = 0;
  uint64_t total_ = 0;
};

std::string sha256_hex(std::string_view text);
// Throws Error naming the file when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

// JSON text that is equal for equal values: keys sorted, no spaces, shortest decimal that reads back as the same
// double. NaN and infinities throw INVALID_ARGUMENT, because JSON would turn them all into null.
std::string canonical_json(const nlohmann::json& value);
// SHA-256 of canonical_json: the content address of a stage.
std::string hash_key(const nlohmann::json& value);

// A digest of what a path holds: a file's SHA-256; of a folder, that of the sorted list of relative names with their
// files' digests. Remembered per (path, size, modification time) while the process lives.
std::string content_digest(const std::filesystem::path& path);

}  // namespace heddle
