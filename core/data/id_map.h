// Interning: raw ids (integers or strings) to dense numbers in order of first appearance. Open addressing with linear
// probing, at most half full; strings live one after the other in one buffer. Single thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/compute/rng.h"

namespace heddle {

class IntIdMap {
 public:
  IntIdMap() : slots_(1024) {}

  int32_t intern(int64_t id) {
    // Files are mostly ordered by user: the last answer is right nearly always for one of the two columns.
    if (!ids_.empty() && id == last_id_) return last_;
    size_t at = mix64(static_cast<uint64_t>(id)) & (slots_.size() - 1);
    while (slots_[at].number >= 0 && slots_[at].id != id) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at].number < 0) {
      slots_[at] = {id, static_cast<int32_t>(ids_.size())};
      ids_.push_back(id);
      last_ = slots_[at].number;
      if (ids_.size() * 2 > slots_.size()) grow();
    } else {
      last_ = slots_[at].number;
    }
    last_id_ = id;
    return last_;
  }
  const std::vector<int64_t>& ids() const { return ids_; }

 private:
  struct Slot {
    int64_t id = 0;
    int32_t number = -1;
  };
  void grow() {
    std::vector<Slot> bigger(slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.number < 0) continue;
      size_t at = mix64(static_cast<uint64_t>(slot.id)) & (bigger.size() - 1);
      while (bigger[at].number >= 0) at = (at + 1) & (bigger.size() - 1);
      bigger[at] = slot;
    }
    slots_.swap(bigger);
  }
  std::vector<Slot> slots_;
  std::vector<int64_t> ids_;
  int64_t last_id_ = 0;
  int32_t last_ = -1;
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
