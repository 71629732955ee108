// attention_suffix: the bits of attention over whole sequences for every way to cut them, the f64 oracle, suffixes that
// share a prefix, threads, wrong arguments.
#include "tests/ops/fixture.h"
#include "tests/ops/oracle.h"

namespace heddle::testing {
namespace {

// Sequences with q, k, v in one tensor, and attention over all of them.
struct Whole {
  Whole(std::vector<int64_t> ends, int64_t width, int32_t head_count, bool is_causal)
      : sequence_ends(std::move(ends)),
        tokens(sequence_ends.back()),
        d(width),
        heads(head_count),
        causal(is_causal),
        qkv(tokens, 3 * width),
        out(tokens, width) {
    qkv.random(1, -2, 2);
    Guarded<int64_t> offsets(sequence_ends.size());
    offsets.set(sequence_ends);
    auto q = column(0, 0, tokens), k = column(1, 0, tokens), v = column(2, 0, tokens);
    heddle_attention args{};
    args.struct_size = sizeof args;
    args.heads = heads;
    args.causal = causal;
    args.offsets = offsets;
    args.q = q;
    args.k = k;
    args.v = v;
    args.out = out;
    run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &args, e); });
  }
  TensorView column(int64_t which, int64_t first, int64_t rows) {
    return strided_view(qkv.data() + first * 3 * d + which * d, rows, d, 3 * d);
  }
  std::vector<double> part(int64_t which) const {
    std::vector<double> x;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t c = 0; c < d; ++c) x.push_back(qkv[t * 3 * d + which * d + c]);
    }
    return x;
  }
  std::vector<int64_t> sequence_ends;
  int64_t tokens, d;
  int32_t heads;
  bool causal;
  Guarded<float> qkv, out;
};

// Rows first .. last - 1 of the whole are a suffix of the rows from begin on.
struct Cut {
  int64_t begin, first, last;
};

// The suffixes' rows copied out of the whole, and what attention_suffix makes of them.
struct Suffixes {
  Suffixes(Whole& w, const std::vector<Cut>& cuts)
      : world(w),
        offsets(cuts.size() + 1),
        begin(cuts.size()),
        end(cuts.size()),
        rows(count(cuts)),
        own(rows, 3 * w.d),
        out(rows, w.d) {
    offsets[0] = 0;
    for (size_t s = 0; s < cuts.size(); ++s) {
      const auto i = static_cast<int64_t>(s);
      begin[i] = cuts[s].begin;
      end[i] = cuts[s].first;
      offsets[i + 1] = offsets[i] + cuts[s].last - cuts[s].first;
      std::memcpy(own.data() + offsets[i] * 3 * w.d, w.qkv.data() + cuts[s].first * 3 * w.d,
                  static_cast<size_t>((cuts[s].last - cuts[s].first) * 3 * w.d) * sizeof(float));
    }
  }
  static int64_t count(const std::vector<Cut>& cuts) {
    int64_t n = 0;
    for (const Cut& c : cuts) n += c.last - c.first;
    return n;
  }
  // f(args) with all tensors in place.
  template <class F>
  auto with(bool kept, F&& f) {
    const int64_t d = world.d;
    auto kept_k = world.column(1, 0, world.tokens), kept_v = world.column(2, 0, world.tokens);
    auto q = strided_view(own.data(), rows, d, 3 * d), k = strided_view(own.data() + d, rows, d, 3 * d),
         v = strided_view(own.data() + 2 * d, rows, d, 3 * d);
    heddle_attention_suffix args{sizeof args,
                                 0,
                                 world.heads,
                                 world.causal,
                                 offsets,
                                 begin,
                                 end,
                                 kept ? kept_k.dl() : nullptr,
                                 kept ? kept_v.dl() : nullptr,
                                 q,
                                 k,
                                 v,
                                 out};
    return f(args);
  }
  void run_in(Context& context, bool kept = true) {
    with(kept, [&](heddle_attention_suffix& args) {
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention_suffix(dc, &args, e); });
    });
  }
  Whole& world;
  Guarded<int64_t> offsets, begin, end;
  int64_t rows;
  Guarded<float> own, out;
};

void expect_bits_of_whole(Whole& w, const std::vector<Cut>& cuts) {
  Suffixes s(w, cuts);
  Context context(device());
  s.run_in(context);
  for (size_t i = 0; i < cuts.size(); ++i) {
    const auto bytes = static_cast<size_t>((cuts[i].last - cuts[i].first) * w.d) * sizeof(float);
    EXPECT_EQ(
        std::memcmp(s.out.data() + s.offsets[static_cast<int64_t>(i)] * w.d, w.out.data() + cuts[i].first * w.d, bytes),
        0)
        << "rows " << cuts[i].first << " to " << cuts[i].last << " of a sequence from " << cuts[i].begin;
  }
}

TEST(AttentionSuffix, GivesTheBitsOfAttention) {
  for (bool causal : {true, false}) {
    for (int64_t width : {2, 6, 34, 64, 80}) {
      Whole w({0, 1, 17, 17, 50, 178, 211}, width, 2, causal);
      // Everything; last rows; halves; cuts on and beside multiples of 16 and 32; a sequence with no prefix.
      expect_bits_of_whole(w, {{0, 0, 1}, {1, 1, 17}, {17, 17, 50}, {50, 50, 178}});
      expect_bits_of_whole(w, {{1, 16, 17}, {17, 49, 50}, {50, 177, 178}, {178, 210, 211}});
      expect_bits_of_whole(w, {{1, 2, 17}, {17, 33, 50}, {50, 66, 178}, {50, 82, 178}, {50, 83, 178}, {178, 200, 211}});
    }
  }
}

TEST(AttentionSuffix, SuffixesThatShareAPrefixDoNotSeeEachOther) {
  Whole w({0, 40, 129}, 32, 2, true);
  std::vector<Cut> cuts(150, Cut{40, 128, 129});  // single rows, more than one task
  cuts.insert(cuts.end(), 3, Cut{40, 90, 129});   // longer ones
  cuts.push_back({40, 90, 90});                   // nothing of it
  cuts.push_back({40, 90, 91 + 38});
  cuts.insert(cuts.end(), 5, Cut{0, 39, 40});
  expect_bits_of_whole(w, cuts);
  // Different rows over the same prefix: each as if it were alone.
  std::vector<Cut> all(70, Cut{40, 128, 129});
  Suffixes together(w, all);
  together.own.random(5, -2, 2);
  Context context(device());
  together.run_in(context);
  for (int64_t i : {0, 31, 32, 63, 64, 69}) {
    Suffixes alone(w, {{40, 128, 129}});
    std::memcpy(alone.own.data(), together.own.data() + i * 96, 96 * sizeof(float));
    alone.run_in(context);
    EXPECT_EQ(std::memcmp(alone.out.data(), together.out.data() + i * 32, 32 * sizeof(float)), 0) << i;
  }
}

TEST(AttentionSuffix, MatchesOracle) {
  for (bool causal : {true, false}) {
    Whole w({0, 9, 60}, 12, 3, causal);
    Suffixes s(w, {{0, 4, 9}, {9, 20, 60}, {9, 59, 60}});
    s.own.random(7, -2, 2);  // other rows than those of the whole
    Context context(device());
    s.run_in(context);
    // The sequences that these suffixes are the ends of, one after the other.
    oracle::Attention o{12, 3, causal, {0}, {}, {}};
    std::vector<double> parts[3];
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < 3; ++i) {
      const int64_t prefix = s.end[i] - s.begin[i], own = s.offsets[i + 1] - s.offsets[i], start = o.offsets.back();
      for (int64_t which = 0; which < 3; ++which) {
        const auto whole = w.part(which);
        parts[which].insert(parts[which].end(), whole.begin() + s.begin[i] * 12, whole.begin() + s.end[i] * 12);
        for (int64_t r = s.offsets[i]; r < s.offsets[i + 1]; ++r) {
          for (int64_t c = 0; c < 12; ++c) parts[which].push_back(s.own[r * 36 + which * 12 + c]);
        }
      }
      o.offsets.push_back(start + prefix + own);
      for (int64_t r = 0; r < own; ++r) rows.push_back(start + prefix + r);
    }
    const auto all = oracle::attention(o, parts[0], parts[1], parts[2]);
    std::vector<double> want;
    for (int64_t r : rows) want.insert(want.end(), all.begin() + r * 12, all.begin() + (r + 1) * 12);
    EXPECT_CLOSE(s.out, want, 2e-6) << causal;
  }
}

TEST(AttentionSuffix, WithoutKeptRowsEveryPrefixIsEmpty) {
  Whole w({0, 5, 40}, 8, 2, true);
  Suffixes s(w, {{0, 0, 5}, {5, 5, 40}});
  Context context(device());
  s.run_in(context, false);
  EXPECT_EQ(std::memcmp(s.out.data(), w.out.data(), 40 * 8 * sizeof(float)), 0);
  Suffixes none(w, {});
  none.run_in(context, false);
}

TEST(AttentionSuffix, SameBitsOnAnyNumberOfThreads) {
  Whole w({0, 100, 101, 150, 278}, 64, 2, true);
  std::vector<Cut> cuts(80, Cut{0, 99, 100});
  for (const Cut& c : {Cut{100, 100, 101}, Cut{101, 120, 150}, Cut{150, 151, 278}, Cut{150, 277, 278}}) {
    cuts.push_back(c);
  }
  Suffixes s(w, cuts);
  s.own.random(3, -2, 2);
  expect_same_bits_on_any_threads([&](Context& context) {
    s.run_in(context);
    return s.out.values();
  });
}

TEST(AttentionSuffix, WrongArgumentsAreNamed) {
  Whole w({0, 5, 40}, 8, 2, true);
  Suffixes s(w, {{0, 4, 5}, {5, 39, 40}});
  const auto message = [&](auto&& spoil, bool kept = true) {
    return s.with(kept, [&](heddle_attention_suffix& args) {
      spoil(args);
      return run_failing(HEDDLE_INVALID_ARGUMENT,
                         [&](auto& ops, void* dc, auto* e) { return ops.attention_suffix(dc, &args, e); });
    });
  };
  EXPECT_EQ(message([](auto& a) { a.heads = 3; }),
            "attention_suffix: 3 heads for q f32 [2,8]; accepted: a divisor of the width");
  EXPECT_EQ(message([](auto& a) { a.kept_v = nullptr; }),
            "attention_suffix: only one of kept_k and kept_v is given; accepted: both or none");
  EXPECT_EQ(message([](auto&) {}, false),
            "attention_suffix: prefix of suffix 0 is [0,4); accepted: within the 0 kept rows");
  s.end[1] = 41;
  EXPECT_EQ(message([](auto&) {}), "attention_suffix: prefix of suffix 1 is [5,41); accepted: within the 40 kept rows");
  s.end[1] = 3;
  EXPECT_EQ(message([](auto&) {}), "attention_suffix: prefix of suffix 1 is [5,3); accepted: within the 40 kept rows");
  s.end[1] = 39;
  s.offsets[2] = 3;
  EXPECT_EQ(message([](auto&) {}),
            "attention_suffix: suffix_offsets i64 [3] run to 3; accepted: from 0 to 2 (rows of q)");
}

}  // namespace
}  // namespace heddle::testing
