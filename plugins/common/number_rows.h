// NumberRows: rows of plain numbers from a block of text, the quick way that nearly all rows of published logs can go:
// integer ids of at most 8 digits, times of at most 16, nothing quoted. A row that is anything else is refused, and
// left to the exact way (fields.h); what is accepted here is what that would have read, number by number.
//
// Two sweeps, both without branches that depend on the data. First the positions of all separators and line ends, by
// comparing 64 bytes at a time. Then four words of 8 digits per row (user, item, upper and lower half of the time) are
// loaded from these positions, shifted so that missing digits are zeros, and made numbers by three multiply-adds.
// Bound by instructions issued, not by memory. Without AVX2 every row takes the exact way. One thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "fields.h"
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HEDDLE_NUMBER_ROWS __attribute__((target("avx2,bmi")))
#endif

namespace heddle::plugins {

struct EventColumns {
  int user = 0, item = 1;     // from 0
  int time = -1, value = -1;  // -1: none
};

class NumberRows {
 public:
  // Where rows go.
  struct Rows {
    int64_t *users, *items, *times;
    double* values;
  };

  NumberRows() = default;
  // fields: of every row, all columns among them.
  NumberRows(const std::string& separator, const EventColumns& columns, std::size_t fields)
      : columns_(columns),
        separator_(separator),
        fields_(static_cast<int>(fields)),
        first_(std::min({columns.user, columns.item, columns.time < 0 ? columns.item : columns.time}) - 1),
        reads_all_(fields == 2u + (columns.time >= 0) + (columns.value >= 0)) {
#if defined(HEDDLE_NUMBER_ROWS)
    possible_ = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                separator.size() <= longest_separator &&
                std::max({columns.user, columns.item, columns.time}) - first_ < window && fields <= 1000;
#endif
  }
  // Whether rows of this shape can go this way on this machine.
  bool possible() const { return possible_; }
  // Whether every field is a column, so that nothing but numbers can stand in an accepted row.
  bool reads_every_field() const { return reads_all_; }

  // So many bytes on both sides of the text may be read, too, but do not matter: find_ends() loads 64 bytes from the
  // text's last one on, and once more for each further byte of the separator, one later.
  static constexpr std::size_t longest_separator = 4, reads_around = 64 + longest_separator;

  // Begins with a block of text.
  void start(std::string_view text) {
    text_ = text.data();
    next_ = 0;
    const std::size_t line_end = text.find('\n');
    carriage_returns_ = line_end != text.npos && line_end > 0 && text[line_end - 1] == '\r';
    if (capacity_ < text.size()) {
      capacity_ = text.size();
      memory_ = std::make_unique_for_overwrite<int32_t[]>(capacity_ + 2 * slack);
      ends_ = memory_.get() + slack;
    }
    ends_[-1] = -1;
    count_ = find_ends(static_cast<int32_t>(text.size()));
  }
  // Where the next row begins.
  std::size_t position() const { return static_cast<std::size_t>(ends_[next_ - 1] + 1); }
  // How many rows can still come.
  int64_t left() const { return (count_ - next_) / fields_; }
  // Reads at most n rows; returns how many, fewer where one is refused. Times mean nothing where there is no
  // such column; values are then 1.
  int64_t read(int64_t n, const Rows& to) {
    n = std::min(n, left());
    return fields_ == 4 ? read_rows<4>(n, to) : fields_ == 3 ? read_rows<3>(n, to) : read_rows<0>(n, to);
  }
  // Goes on with the row that begins at `position`, behind one that was refused.
  void skip_to(std::size_t position) {
    while (next_ < count_ && static_cast<std::size_t>(ends_[next_]) + 1 < position) ++next_;
    if (next_ < count_) ++next_;
  }

 private:
  static constexpr int window = 8;  // positions that one load takes
  static constexpr std::size_t slack = 64;

  // A column's place: the field's bytes are text[ends[column - 1] + before .. ends[column] - behind).
  struct Place {
    int column, before, behind;
  };
  Place place(int column) const {
    return {column, column == 0 ? 1 : static_cast<int>(separator_.size()),
            column == fields_ - 1 && carriage_returns_ ? 1 : 0};
  }

  // Stars as 4 or 4.5 by a table, others by the exact way.
  static bool read_value(const char* from, int32_t length, double& value) {
    static constexpr auto tenths = [] {
      std::array<double, 160> table{};
      for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = static_cast<double>(i) / 10.0;  // rounded as the text is
      return table;
    }();
    uint32_t word;
    std::memcpy(&word, from, sizeof word);
    const uint32_t digits = (word ^ 0x302E30u) & (length == 3 ? 0xFFFFFFu : 0xFFu);  // 0, of a point: 0, 0
    // Each byte at most 9, 0, 9: with none of them above 127, no sum goes over into the next byte.
    if ((length | 2) == 3 && ((digits | (digits + 0x767F76u)) & 0x808080u) == 0) {
      value = tenths[(digits & 0xFF) * 10 + (digits >> 16)];
      return true;
    }
    return length > 0 && parse_real({from, static_cast<std::size_t>(length)}, value) && std::isfinite(value);
  }

#if defined(HEDDLE_NUMBER_ROWS)
  HEDDLE_NUMBER_ROWS int32_t find_ends(int32_t size) {
    const __m256i line_end = _mm256_set1_epi8('\n');
    const std::size_t length = separator_.size();
    __m256i separator[longest_separator] = {};
    for (std::size_t k = 0; k < length; ++k) separator[k] = _mm256_set1_epi8(separator_[k]);
    int32_t* out = ends_;
    for (int32_t at = 0; at < size; at += 64) {
      uint64_t found = 0;
      for (int half = 0; half < 2; ++half) {
        const char* from = text_ + at + 32 * half;
        const __m256i bytes = load(from);
        __m256i hits = _mm256_cmpeq_epi8(bytes, separator[0]);
        for (std::size_t k = 1; k < length; ++k)
          hits = _mm256_and_si256(hits, _mm256_cmpeq_epi8(load(from + k), separator[k]));
        hits = _mm256_or_si256(hits, _mm256_cmpeq_epi8(bytes, line_end));
        found |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(hits))) << (32 * half);
      }
      if (size - at < 64) found &= (uint64_t{1} << (size - at)) - 1;
      // Always 16 of them, so that the usual 8 to 12 take no branch.
      int32_t* const end = out + __builtin_popcountll(found);
      do {
        for (int k = 0; k < 16; ++k, found = _blsr_u64(found)) *out++ = at + static_cast<int32_t>(_tzcnt_u64(found));
      } while (found != 0);
      out = end;
    }
    return static_cast<int32_t>(out - ends_);
  }
  HEDDLE_NUMBER_ROWS static __m256i load(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
  }

  HEDDLE_NUMBER_ROWS static __m256i lanes(int a, int b, int c, int d) {
    return _mm256_setr_epi32(a, 0, b, 0, c, 0, d, 0);
  }

  // Fields: of a row, 0 = fields_.
  template <int Fields>
  HEDDLE_NUMBER_ROWS int64_t read_rows(int64_t n, const Rows& to) {
    const int fields = Fields != 0 ? Fields : fields_, gap = static_cast<int>(separator_.size());
    const bool with_time = columns_.time >= 0, with_value = columns_.value >= 0, returns = carriage_returns_;
    const Place user = place(columns_.user), item = place(columns_.item),
                time = with_time ? place(columns_.time) : user, value = with_value ? place(columns_.value) : user;
    // Lanes of 64 bits: user, item, the time's digits before the last 8, the time's last 8.
    const __m256i ends_at =
                      lanes(user.column - first_, item.column - first_, time.column - first_, time.column - first_),
                  starts_at = _mm256_sub_epi32(ends_at, lanes(1, 1, 1, 1)),
                  around = lanes(user.before + user.behind, item.before + item.behind, time.before + time.behind,
                                 time.before + time.behind),
                  low = lanes(-1, -1, -1, -1), one = lanes(1, 1, 1, 1), zero = _mm256_setzero_si256(),
                  most = lanes(7, 7, 15, 15), width = lanes(64, 64, 128, 64), zeros = _mm256_set1_epi8('0'),
                  nine = _mm256_set1_epi8(9), tens = _mm256_set1_epi16(1 << 8 | 10),
                  hundreds = _mm256_set1_epi32(1 << 16 | 100), thousands = _mm256_set1_epi32(1 << 16 | 10000);
    const int32_t* end = ends_ + next_;
    int64_t row = 0;
    for (; row < n; ++row, end += fields) {
      bool whole = text_[end[fields - 1]] == '\n';
      for (int f = 0; f + 1 < fields; ++f) whole &= text_[end[f]] != '\n';
      if (gap > 1)  // ":::" holds "::" once
        for (int f = 1; f + 1 < fields; ++f) whole &= end[f] - end[f - 1] >= gap;
      if (returns) whole &= text_[end[fields - 1] - 1] == '\r';
      const __m256i positions = load(end + first_);
      const __m256i length =
          _mm256_and_si256(_mm256_sub_epi32(_mm256_sub_epi32(_mm256_permutevar8x32_epi32(positions, ends_at),
                                                             _mm256_permutevar8x32_epi32(positions, starts_at)),
                                            around),
                           low);
      const __m256i above_one = _mm256_sub_epi32(length, one);
      const __m256i wrong_length = _mm256_srai_epi32(_mm256_or_si256(_mm256_sub_epi32(most, above_one), above_one), 31);
      if (!whole || !_mm256_testz_si256(wrong_length, wrong_length)) break;
      const __m256i shift = _mm256_max_epi32(_mm256_sub_epi32(width, _mm256_slli_epi32(length, 3)), zero);
      const int32_t time_from = end[time.column - 1] + time.before, time_to = end[time.column] - time.behind;
      const __m256i words =
          _mm256_set_epi64x(word(std::max(time_to - 8, time_from)), word(time_from),
                            word(end[item.column - 1] + item.before), word(end[user.column - 1] + user.before));
      const __m256i digits = _mm256_sllv_epi64(_mm256_xor_si256(words, zeros), shift);
      const __m256i wrong = _mm256_subs_epu8(digits, nine);
      if (!_mm256_testz_si256(wrong, wrong)) break;
      const __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(digits, tens), hundreds);
      const __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), thousands);
      if (with_value) {
        const int32_t from = end[value.column - 1] + value.before;
        if (!read_value(text_ + from, end[value.column] - value.behind - from, to.values[row])) break;
      } else {
        to.values[row] = 1;
      }
      const auto ids = static_cast<uint64_t>(_mm256_extract_epi64(eights, 0)),
                 halves = static_cast<uint64_t>(_mm256_extract_epi64(eights, 2));
      to.users[row] = static_cast<int64_t>(ids & 0xFFFFFFFFu);
      to.items[row] = static_cast<int64_t>(ids >> 32);
      to.times[row] = static_cast<int64_t>((halves & 0xFFFFFFFFu) * 100000000u + (halves >> 32));
    }
    next_ = static_cast<int32_t>(end - ends_);
    return row;
  }
  int64_t word(int32_t at) const {
    int64_t bytes;
    std::memcpy(&bytes, text_ + at, sizeof bytes);
    return bytes;
  }
#else
  int32_t find_ends(int32_t) { return 0; }
  template <int>
  int64_t read_rows(int64_t, const Rows&) {
    return 0;
  }
#endif

  EventColumns columns_;
  std::string separator_;
  int fields_ = 1;
  int first_ = -1;  // of the positions that are loaded together
  bool reads_all_ = false, possible_ = false, carriage_returns_ = false;
  const char* text_ = nullptr;
  std::size_t capacity_ = 0;
  std::unique_ptr<int32_t[]> memory_;
  int32_t* ends_ = nullptr;       // positions of separators and line ends; before the first one that of the line before
  int32_t count_ = 0, next_ = 0;  // positions; the first one of the next row
};

}  // namespace heddle::plugins
