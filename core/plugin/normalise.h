// Copies of structs that another version of the ABI wrote, in full structs of this host's version.
//
// The writer's struct may be shorter (an older minor: the missing tail becomes zero) or longer (a newer one: its tail
// is not looked at). Arrays are walked by the writer's size, not by ours. Threads: any. Errors: throws
// Error(INVALID_ARGUMENT) when a size makes no sense or a must-understand flag is unknown.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace heddle {

// Flags in the low half must be understood by the reader.
inline constexpr uint32_t must_understand = 0xFFFFu;

// `least`: bytes that must be there at all (the end of the last field without which the struct is of no use).
template <class T>
T normalise_struct(const T* from, std::string_view what, size_t least = 8, uint32_t known_flags = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (from == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{} is missing (null pointer)", what);
  const uint32_t size = from->struct_size;
  if (size < least || size % 8 != 0 || size > (1u << 20)) {
    fail(HEDDLE_INVALID_ARGUMENT, "{} has struct_size {}; at least {} and a multiple of 8 is needed", what, size,
         least);
  }
  if (const uint32_t unknown = from->flags & must_understand & ~known_flags; unknown != 0) {
    fail(HEDDLE_INVALID_ARGUMENT, "{} sets flag {:#x}, which this heddle does not understand", what, unknown);
  }
  T full;
  std::memset(&full, 0, sizeof full);
  std::memcpy(&full, from, std::min<size_t>(size, sizeof full));
  full.struct_size = sizeof full;
  return full;
}

template <class T>
std::vector<T> normalise_array(const T* items, uint64_t count, std::string_view what, size_t least = 8,
                               uint32_t known_flags = 0) {
  std::vector<T> full;
  if (count == 0) return full;
  if (items == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: {} announced, but the array is a null pointer", what, count);
  if (count > (1u << 20)) fail(HEDDLE_INVALID_ARGUMENT, "{}: {} entries announced", what, count);
  const size_t stride = items->struct_size;
  full.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const T* item = reinterpret_cast<const T*>(reinterpret_cast<const char*>(items) + i * stride);
    if (item->struct_size != stride) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: entry {} has struct_size {}, entry 0 has {}", what, i, item->struct_size,
           stride);
    }
    full.push_back(normalise_struct(item, what, least, known_flags));
  }
  return full;
}

}  // namespace heddle
