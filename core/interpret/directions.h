// Features by their directions alone: which are alike, and which items a direction moves.
//
//   cosine(i, j) = <d_i, d_j> / (|d_i| |d_j|)      effect(i, item) = <d_i, row of the item table>
//
// In f32 on the device, block by block. Rows that do not take part (mask 0, or without length) get empty lists and are in
// nobody's. Ties: lower index first. [one thread] Errors: those of the device; CANCELLED between blocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/compute/context.h"

namespace heddle {

struct Neighbour {
  int64_t index;
  float value;
};

// directions: host, [count, width]; mask: [count], 1 = takes part. The n most similar others of each row, best first.
std::vector<std::vector<Neighbour>> similar_directions(Context& context, std::span<const float> directions,
                                                       int64_t width, std::span<const uint8_t> mask, int64_t n);

struct Effects {
  std::vector<Neighbour> largest, smallest;  // n each at most, the most extreme first; index = row of the table
};
// table: host, [items, width]. An item is in one of a row's two lists only.
std::vector<Effects> direction_effects(Context& context, std::span<const float> directions, int64_t width,
                                       std::span<const uint8_t> mask, std::span<const float> table, int64_t n);

}  // namespace heddle
