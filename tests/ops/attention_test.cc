// attention and its backward: oracle with masks and dropout, finite differences, threads, batch splits.
#include "tests/ops/fixture.h"
#include "tests/ops/oracle.h"

namespace heddle::testing {
namespace {

struct AttentionCase {
  AttentionCase(std::vector<int64_t> ends, int64_t width, int32_t heads, bool causal, bool mask, double dropout)
      : offsets(static_cast<int64_t>(ends.size())),
        tokens(ends.back()),
        d(width),
        qkv(tokens, 3 * width),
        out(tokens, width),
        lse(tokens, heads),
        key_mask(tokens),
        q(strided_view(qkv.data(), tokens, d, 3 * d)),
        k(strided_view(qkv.data() + d, tokens, d, 3 * d)),
        v(strided_view(qkv.data() + 2 * d, tokens, d, 3 * d)) {
    offsets.set(ends);
    qkv.random(1, -2, 2);
    key_mask.random_below(2, 0, 3);  // zeros are masked: about a third
    args = {};
    args.struct_size = sizeof args;
    args.heads = heads;
    args.causal = causal;
    args.dropout = dropout;
    args.rng = rng_key(5, RngPurpose::test);
    args.offsets = offsets;
    args.key_mask = mask ? key_mask.dl() : nullptr;
    args.q = q;
    args.k = k;
    args.v = v;
    args.out = out;
    args.log_sum_exp = lse;
    oracle.width = d;
    oracle.heads = heads;
    oracle.causal = causal;
    oracle.offsets = ends;
    if (mask) oracle.key_mask = key_mask.values();
    if (dropout > 0) {
      oracle.keep = [key = args.rng, dropout](int64_t head, int64_t query, int64_t other) {
        const auto index = (static_cast<uint64_t>(query) << 32) | static_cast<uint64_t>(other);
        const bool keep = philox_uniform(rng_substream(key, static_cast<uint64_t>(head)), index) >= dropout;
        return keep ? 1 / (1 - dropout) : 0.0;
      };
    }
  }
  std::vector<double> part(int64_t which) const {
    std::vector<double> x;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t c = 0; c < d; ++c) x.push_back(qkv[t * 3 * d + which * d + c]);
    }
    return x;
  }
  Guarded<int64_t> offsets;
  int64_t tokens, d;
  Guarded<float> qkv, out, lse;
  Guarded<uint8_t> key_mask;
  TensorView q, k, v;
  heddle_attention args;
  oracle::Attention oracle;
};

TEST(Attention, MatchesOracle) {
  for (bool causal : {true, false}) {
    for (bool mask : {false, true}) {
      for (double dropout : {0.0, 0.3}) {
        for (int64_t width : {2, 6, 34, 64}) {
          AttentionCase s({0, 1, 1, 8, 77, 80}, width, 2, causal, mask, dropout);
          run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); });
          EXPECT_CLOSE(s.out, oracle::attention(s.oracle, s.part(0), s.part(1), s.part(2)), 2e-6)
              << causal << mask << dropout << " " << width;
        }
      }
    }
  }
}

TEST(Attention, RowsWithAllKeysMaskedAreZero) {
  AttentionCase s({0, 5}, 4, 1, false, true, 0);
  s.key_mask.fill(0);
  run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); });
  for (int64_t i = 0; i < s.out.size(); ++i) EXPECT_EQ(s.out[i], 0);
}

TEST(Attention, NothingToDo) {
  AttentionCase s({0}, 4, 2, true, false, 0);
  run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); });
}

void backward(Context& context, AttentionCase& s, Guarded<float>& dout, Guarded<float>& grads) {
  const int64_t d = s.d;
  auto dq = strided_view(grads.data(), s.tokens, d, 3 * d), dk = strided_view(grads.data() + d, s.tokens, d, 3 * d),
       dv = strided_view(grads.data() + 2 * d, s.tokens, d, 3 * d);
  heddle_attention_backward back{};
  back.struct_size = sizeof back;
  back.forward = &s.args;
  back.dout = dout;
  back.dq = dq;
  back.dk = dk;
  back.dv = dv;
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); });
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention_backward(dc, &back, e); });
}

TEST(AttentionBackward, MatchesFiniteDifferences) {
  for (bool causal : {true, false}) {
    for (bool mask : {false, true}) {
      for (double dropout : {0.0, 0.25}) {
        AttentionCase s({0, 1, 6, 40}, 6, 2, causal, mask, dropout);
        Guarded<float> dout(s.tokens, s.d), grads(s.tokens, 3 * s.d);
        dout.random(9);
        Context context(device());
        backward(context, s, dout, grads);
        const auto w = wide(dout);
        const auto loss = [&](const auto& q, const auto& k, const auto& v) {
          return dot(oracle::attention(s.oracle, q, k, v), w);
        };
        const auto q = s.part(0), k = s.part(1), v = s.part(2);
        const std::vector<std::vector<double>> want = {
            numeric_gradient(q, [&](const auto& x) { return loss(x, k, v); }),
            numeric_gradient(k, [&](const auto& x) { return loss(q, x, v); }),
            numeric_gradient(v, [&](const auto& x) { return loss(q, k, x); })};
        for (int64_t which = 0; which < 3; ++which) {
          std::vector<double> got;
          for (int64_t t = 0; t < s.tokens; ++t) {
            for (int64_t c = 0; c < s.d; ++c) got.push_back(grads[t * 3 * s.d + which * s.d + c]);
          }
          EXPECT_CLOSE(got, want[static_cast<size_t>(which)], 3e-6) << "qkv"[which] << causal << mask << dropout;
        }
      }
    }
  }
}

TEST(AttentionBackward, SameBitsOnAnyNumberOfThreads) {
  AttentionCase s({0, 100, 101, 150, 278}, 64, 2, true, false, 0.1);
  Guarded<float> dout(s.tokens, s.d), grads(s.tokens, 3 * s.d);
  dout.random(9);
  expect_same_bits_on_any_threads([&](Context& context) {
    backward(context, s, dout, grads);
    auto all = s.out.values();
    const auto more = grads.values();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  });
}

TEST(Attention, SequencesDoNotDependOnTheBatch) {
  AttentionCase s({0, 30, 77, 200}, 64, 2, true, false, 0);
  run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); });
  const auto whole = s.out.values();
  Guarded<int64_t> offsets(2);
  offsets.set({0, 123});
  Guarded<float> out(123, 64);
  auto q = strided_view(s.qkv.data() + 77 * 192, 123, 64, 192),
       k = strided_view(s.qkv.data() + 77 * 192 + 64, 123, 64, 192),
       v = strided_view(s.qkv.data() + 77 * 192 + 128, 123, 64, 192);
  auto args = s.args;
  args.offsets = offsets;
  args.q = q;
  args.k = k;
  args.v = v;
  args.out = out;
  args.log_sum_exp = nullptr;
  run([&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &args, e); });
  EXPECT_EQ(std::memcmp(out.data(), whole.data() + 77 * 64, 123 * 64 * sizeof(float)), 0);
}

TEST(Attention, WrongArgumentsAreNamed) {
  AttentionCase s({0, 5}, 6, 4, true, false, 0);
  EXPECT_EQ(
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &s.args, e); }),
      "attention: 4 heads for q f32 [5,6]; accepted: a divisor of the width");
  AttentionCase t({0, 5}, 6, 2, true, false, 0);
  t.offsets.set({0, 4});
  EXPECT_NE(
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &t.args, e); })
          .find("offsets"),
      std::string::npos);
}

}  // namespace
}  // namespace heddle::testing
