// top_n: against sorting, with ties, seen items, NaN and short rows.
#include <algorithm>

#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

heddle_top_n top_n_args(Guarded<float>& scores, Guarded<int32_t>& items, Guarded<float>& top) {
  heddle_top_n args{};
  args.struct_size = sizeof args;
  args.scores = scores;
  args.items = items;
  args.top_scores = top;
  return args;
}

TEST(TopN, MatchesSortingWithTiesAndSeen) {
  const int64_t rows = 9, items = 301;
  for (int64_t n : {0, 1, 10, 300, 301, 310}) {
    Guarded<float> scores(rows, items), top(rows, n);
    Guarded<int32_t> out(rows, n);
    scores.random_below(1, 0, 40);  // many ties
    Guarded<int64_t> offsets(rows + 1);
    Guarded<int32_t> seen(rows * 20);
    seen.random_below(2, 0, items);
    for (int64_t b = 0; b <= rows; ++b) offsets[b] = b * 20;
    auto args = top_n_args(scores, out, top);
    args.seen_offsets = offsets;
    args.seen_items = seen;
    run([&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &args, e); });
    for (int64_t b = 0; b < rows; ++b) {
      std::vector<int32_t> want;
      for (int32_t v = 0; v < items; ++v) {
        if (std::find(seen.data() + b * 20, seen.data() + b * 20 + 20, v) == seen.data() + b * 20 + 20)
          want.push_back(v);
      }
      const float* s = scores.data() + b * items;
      std::sort(want.begin(), want.end(), [&](int32_t a, int32_t c) { return s[a] != s[c] ? s[a] > s[c] : a > c; });
      for (int64_t i = 0; i < n; ++i) {
        const bool there = i < static_cast<int64_t>(want.size());
        EXPECT_EQ(out[b * n + i], there ? want[i] : -1);
        EXPECT_EQ(top[b * n + i], there ? s[want[i]] : -kInfinity);
      }
    }
  }
}

// Rows long enough for a bound, whose best items are seen, with NaN and equal scores among the others.
TEST(TopN, LongRowsAgainstSorting) {
  const int64_t rows = 5, items = 2019, hidden = 200;
  for (int64_t n : {1, 10, 32, 33, 500}) {
    Guarded<float> scores(rows, items), top(rows, n);
    Guarded<int32_t> out(rows, n), seen(rows * hidden);
    Guarded<int64_t> offsets(rows + 1);
    scores.random(3);
    for (int64_t b = 0; b <= rows; ++b) offsets[b] = b * hidden;
    std::vector<std::vector<int32_t>> want(static_cast<size_t>(rows));
    for (int64_t b = 0; b < rows; ++b) {
      float* s = scores.data() + b * items;
      for (int64_t v = b; v < items; v += 97) s[v] = b == 2 ? std::nanf("") : 1.5f;
      for (int64_t v = 0; b == 3 && v < items; ++v) s[v] = 0.25f;  // all equal
      for (int64_t v = 0; b == 4 && v < items; ++v) s[v] = v % 700 == 0 ? 2.0f : std::nanf("");
      auto& order = want[static_cast<size_t>(b)];
      for (int32_t v = 0; v < items; ++v) order.push_back(v);
      std::sort(order.begin(), order.end(), [&](int32_t a, int32_t c) {
        if (std::isnan(s[a]) != std::isnan(s[c])) return std::isnan(s[c]);
        return !std::isnan(s[a]) && s[a] != s[c] ? s[a] > s[c] : a > c;
      });
      std::copy_n(order.begin(), hidden, seen.data() + b * hidden);
      order.erase(order.begin(), order.begin() + hidden);
    }
    auto args = top_n_args(scores, out, top);
    args.seen_offsets = offsets;
    args.seen_items = seen;
    run([&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &args, e); });
    for (int64_t b = 0; b < rows; ++b)
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[b * n + i], want[static_cast<size_t>(b)][static_cast<size_t>(i)]) << n << " " << b << " " << i;
  }
}

TEST(TopN, NanRanksLastAndMinusInfinityCounts) {
  Guarded<float> scores(1, 4), top(1, 4);
  Guarded<int32_t> out(1, 4);
  scores.set({std::nanf(""), -kInfinity, 1, std::nanf("")});
  const auto args = top_n_args(scores, out, top);
  run([&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &args, e); });
  EXPECT_EQ(out.values(), (std::vector<int32_t>{2, 1, 3, 0}));
  EXPECT_TRUE(std::isnan(top[3]));
}

TEST(TopN, EmptyRowsAndWrongSeenItems) {
  Guarded<float> none(0, 5), top(0, 3);
  Guarded<int32_t> out(0, 3);
  const auto args = top_n_args(none, out, top);
  run([&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &args, e); });
  Guarded<float> scores(1, 5), best(1, 2);
  Guarded<int32_t> items(1, 2), seen(1);
  Guarded<int64_t> offsets(2);
  scores.random(1);
  offsets.set({0, 1});
  seen.set({5});
  auto bad = top_n_args(scores, items, best);
  bad.seen_offsets = offsets;
  bad.seen_items = seen;
  EXPECT_EQ(run_failing(HEDDLE_OUT_OF_RANGE, [&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &bad, e); }),
            "top_n: seen_items[0] is 5; accepted: 0 to 4");
}

}  // namespace
}  // namespace heddle::testing
