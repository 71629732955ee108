// Interning: raw ids (integers or strings) to dense numbers in order of first appearance. Small integers by a table (the
// ids of published logs: one load per event), others by open addressing with linear probing, at most half full; strings
// live one after the other in one buffer. Single thread at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/compute/rng.h"

namespace heddle {

class IntIdMap {
 public:
  int32_t intern(int64_t id) {
    const auto at = static_cast<uint64_t>(id);
    if (at < direct_.size() && direct_[at] >= 0) [[likely]]
      return direct_[at];
    return at < direct_limit ? intern_direct(at) : intern_hashed(id);
  }
  // The numbers of n ids.
  void intern(const int64_t* ids, size_t n, int32_t* numbers) {
    const int32_t* direct = direct_.data();
    uint64_t size = direct_.size();
    for (size_t i = 0; i < n; ++i) {
      const auto at = static_cast<uint64_t>(ids[i]);
      if (at < size && direct[at] >= 0) [[likely]] {
        numbers[i] = direct[at];
      } else {
        numbers[i] = intern(ids[i]);
        direct = direct_.data();
        size = direct_.size();
      }
    }
  }
  const std::vector<int64_t>& ids() const { return ids_; }

 private:
  // Ids below this are looked up in a table by value (at most 16 MiB), the others by hash.
  static constexpr uint64_t direct_limit = uint64_t{1} << 22;

  struct Slot {
    int64_t id = 0;
    int32_t number = -1;
  };
  int32_t intern_direct(uint64_t id) {
    if (id >= direct_.size()) direct_.resize(std::bit_ceil(std::max<uint64_t>(id + 1, 1024)), -1);
    if (direct_[id] < 0) {
      direct_[id] = static_cast<int32_t>(ids_.size());
      ids_.push_back(static_cast<int64_t>(id));
    }
    return direct_[id];
  }
  int32_t intern_hashed(int64_t id) {
    if (hashed_ * 2 >= slots_.size()) grow();
    size_t at = mix64(static_cast<uint64_t>(id)) & (slots_.size() - 1);
    while (slots_[at].number >= 0 && slots_[at].id != id) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at].number < 0) {
      slots_[at] = {id, static_cast<int32_t>(ids_.size())};
      ids_.push_back(id);
      ++hashed_;
    }
    return slots_[at].number;
  }
  void grow() {
    std::vector<Slot> bigger(std::max<size_t>(slots_.size() * 2, 1024));
    for (const Slot& slot : slots_) {
      if (slot.number < 0) continue;
      size_t at = mix64(static_cast<uint64_t>(slot.id)) & (bigger.size() - 1);
      while (bigger[at].number >= 0) at = (at + 1) & (bigger.size() - 1);
      bigger[at] = slot;
    }
    slots_.swap(bigger);
  }
  std::vector<int32_t> direct_;  // [id]; -1: not seen
  std::vector<Slot> slots_;
  std::vector<int64_t> ids_;
  size_t hashed_ = 0;  // ids in slots_
};

class StringIdMap {
 public:
  StringIdMap() : slots_(1024, Slot{0, -1}), starts_{0} {}

  // is_new tells whether the id was seen for the first time (then its bytes are worth checking).
  int32_t intern(std::string_view id, bool& is_new) {
    is_new = false;
    if (last_ >= 0 && at(last_) == id) return last_;
    const uint32_t hash = hash_of(id);
    size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot].number >= 0 && !(slots_[slot].hash == hash && at(slots_[slot].number) == id))
      slot = (slot + 1) & (slots_.size() - 1);
    if (slots_[slot].number < 0) {
      is_new = true;
      slots_[slot] = {hash, static_cast<int32_t>(size())};
      text_.append(id);
      starts_.push_back(text_.size());
      last_ = slots_[slot].number;
      if (size() * 2 > slots_.size()) grow();
    } else {
      last_ = slots_[slot].number;
    }
    return last_;
  }
  size_t size() const { return starts_.size() - 1; }
  std::string_view at(int32_t number) const {
    const auto n = static_cast<size_t>(number);
    return {text_.data() + starts_[n], starts_[n + 1] - starts_[n]};
  }

 private:
  struct Slot {
    uint32_t hash;
    int32_t number;
  };
  static uint32_t hash_of(std::string_view id) {
    uint64_t state = id.size();
    size_t i = 0;
    for (; i + 8 <= id.size(); i += 8) {
      uint64_t word;
      std::memcpy(&word, id.data() + i, 8);
      state = mix64(state ^ word);
    }
    if (i < id.size()) {
      uint64_t word = 0;
      std::memcpy(&word, id.data() + i, id.size() - i);
      state = mix64(state ^ word);
    }
    return static_cast<uint32_t>(mix64(state));
  }
  void grow() {
    std::vector<Slot> bigger(slots_.size() * 2, Slot{0, -1});
    for (const Slot& slot : slots_) {
      if (slot.number < 0) continue;
      size_t at = slot.hash & (bigger.size() - 1);
      while (bigger[at].number >= 0) at = (at + 1) & (bigger.size() - 1);
      bigger[at] = slot;
    }
    slots_.swap(bigger);
  }
  std::vector<Slot> slots_;
  std::vector<size_t> starts_;
  std::string text_;
  int32_t last_ = -1;
};

}  // namespace heddle
