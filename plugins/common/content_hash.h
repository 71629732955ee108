// A fast 128-bit hash of a stream of bytes, for fingerprints: it guards against accidents, not against an adversary.
// Four lanes of multiply-rotate over stripes of 32 bytes, then both halves are mixed from all lanes and the length. For
// a fixed rest every step is a bijection of the word that goes in, so a single changed word always changes the hash.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "input_file.h"

namespace heddle::plugins {

class ContentHash {
 public:
  void add(const char* data, std::size_t n) {
    length_ += n;
    if (pending_ > 0) {
      const std::size_t take = n < sizeof stripe_ - pending_ ? n : sizeof stripe_ - pending_;
      std::memcpy(stripe_ + pending_, data, take);
      pending_ += take;
      data += take;
      n -= take;
      if (pending_ < sizeof stripe_) return;
      mix(stripe_);
      pending_ = 0;
    }
    for (; n >= sizeof stripe_; data += sizeof stripe_, n -= sizeof stripe_) mix(data);
    std::memcpy(stripe_, data, n);
    pending_ = n;
  }
  // 32 hexadecimal digits. Call once.
  std::string finish() {
    if (pending_ > 0) {
      std::memset(stripe_ + pending_, 0, sizeof stripe_ - pending_);
      mix(stripe_);
    }
    uint64_t low = length_, high = ~length_;
    for (int i = 0; i < 4; ++i) {
      low = avalanche(low ^ lanes_[i]);
      high = avalanche(high + std::rotl(lanes_[3 - i], 17));
    }
    std::string text;
    for (uint64_t half : {high, low})
      for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[half >> shift & 15];
    return text;
  }

 private:
  void mix(const char* from) {
    uint64_t words[4];
    std::memcpy(words, from, sizeof words);
    for (int i = 0; i < 4; ++i)
      lanes_[i] = std::rotl(lanes_[i] ^ words[i] * 0x9E3779B185EBCA87u, 29) * 0xC2B2AE3D27D4EB4Fu;
  }
  static uint64_t avalanche(uint64_t x) {
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    x ^= x >> 29;
    x *= 0xA0761D6478BD642Fu;
    return x ^ x >> 32;
  }
  uint64_t lanes_[4] = {0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u,
                        0x082EFA98EC4E6C89u};  // digits of pi
  char stripe_[32];
  std::size_t pending_ = 0;
  uint64_t length_ = 0;
};

// Of the file as it is on disk (compressed or not).
inline std::string content_fingerprint(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) raise(HEDDLE_NOT_FOUND, "cannot open ", path, ": ", std::string_view(std::strerror(errno)));
  ContentHash hash;
  uint64_t size = 0;
  std::vector<char> buffer(std::size_t{1} << 20);
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      ::close(descriptor);
      raise(HEDDLE_DATA_LOSS, path, ": reading failed after ", size, " bytes");
    }
    hash.add(buffer.data(), static_cast<std::size_t>(n));
    size += static_cast<uint64_t>(n);
  }
  ::close(descriptor);
  return sdk::text(size, " bytes ", hash.finish());
}

}  // namespace heddle::plugins
