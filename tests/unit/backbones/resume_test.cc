// Inference again behind a site: the same bits as running everything, for edits at the last token, in the middle, several
// at once, and with nothing kept.
#include "core/base/error.h"
#include "tests/unit/backbones/fixture.h"

namespace heddle::test {
namespace {

// Rows begin .. end-1 of one sequence, edited by adding `shift` to all of them.
struct Edit {
  int64_t sequence, begin;
  float shift;
};

class BackboneResume : public testing::TestWithParam<Form> {
 protected:
  static constexpr int64_t kLayers = 3;
  static inline const std::vector<int64_t> kLengths{7, 1, 10};

  void SetUp() override {
    backbone_ = make(machine_, GetParam(), 0, kLayers);
    fill(batch_, *backbone_, kLengths, 8, false);
    plain_ = forward(machine_, *backbone_, batch_);
  }

  int64_t begin_of(int64_t sequence) const { return batch_.offsets[static_cast<size_t>(sequence)]; }
  int64_t end_of(int64_t sequence) const { return batch_.offsets[static_cast<size_t>(sequence) + 1]; }

  // All of it once more, the edited rows shifted by a hook; the final states of the edited rows.
  std::vector<float> run_whole(int64_t site, const Edit& edit) {
    const std::vector<float> all = forward(machine_, *backbone_, batch_, [&](const HookPoint& point) {
      if (point.site != site) return true;
      auto* data = static_cast<float*>(point.activations->data);
      for (int64_t i = (begin_of(edit.sequence) + edit.begin) * kHidden; i < end_of(edit.sequence) * kHidden; ++i)
        data[i] += edit.shift;
      return true;
    });
    return {all.begin() + (begin_of(edit.sequence) + edit.begin) * kHidden,
            all.begin() + end_of(edit.sequence) * kHidden};
  }

  // The sites behind which inference can start again.
  std::vector<std::string> sites() const {
    std::vector<std::string> out;
    for (int64_t i = 0; i < kLayers; ++i) out.push_back("block." + std::to_string(i) + ".out");
    out.push_back("final");
    return out;
  }

  void check(const std::string& name, const std::vector<Edit>& edits) {
    SCOPED_TRACE(name);
    const int64_t site = backbone_->site(name), width = backbone_->cache_width(site);
    Tensor cache(*machine_.device, DType::f32, {batch_.tokens(), width}),
        hidden(*machine_.device, DType::f32, {batch_.tokens(), kHidden});
    std::vector<float> there;
    const Hook look = [&](const HookPoint& point) {
      const auto* data = static_cast<const float*>(point.activations->data);
      if (point.site == site) there.assign(data, data + batch_.tokens() * kHidden);
      return true;
    };
    ASSERT_TRUE(backbone_->forward_caching(machine_.context, HEDDLE_PRECISION_F32, batch_.sequences(), look, site,
                                           cache, hidden));
    EXPECT_TRUE(same_bits(plain_, {hidden.span<float>().begin(), hidden.span<float>().end()}));

    std::vector<int64_t> offsets{0}, begins, ends;
    std::vector<float> rows, expected;
    for (const Edit& edit : edits) {
      begins.push_back(begin_of(edit.sequence));
      ends.push_back(begin_of(edit.sequence) + edit.begin);
      for (int64_t i = ends.back() * kHidden; i < end_of(edit.sequence) * kHidden; ++i)
        rows.push_back(there[static_cast<size_t>(i)] + edit.shift);
      offsets.push_back(static_cast<int64_t>(rows.size()) / kHidden);
      const std::vector<float> whole = run_whole(site, edit);
      expected.insert(expected.end(), whole.begin(), whole.end());
    }
    const bool kept = begins != ends && width > 0;
    const int64_t count = offsets.back();
    Tensor activations(*machine_.device, DType::f32, {count, kHidden}),
        again(*machine_.device, DType::f32, {count, kHidden});
    std::copy(rows.begin(), rows.end(), activations.data<float>());
    const auto host = [](std::vector<int64_t>& values) {
      return TensorView(values.data(), DType::i64, {static_cast<int64_t>(values.size())}, {kDLCPU, 0});
    };
    TensorView offsets_view = host(offsets), begins_view = host(begins), ends_view = host(ends);
    const heddle_resume from{sizeof from, 0,         site,        offsets_view,
                             begins_view, ends_view, activations, kept ? cache.dl() : nullptr};
    backbone_->forward_from(machine_.context, HEDDLE_PRECISION_F32, from, again);
    EXPECT_TRUE(same_bits(expected, {again.span<float>().begin(), again.span<float>().end()}));
  }

  Machine machine_;
  std::unique_ptr<Backbone> backbone_;
  Batch batch_;
  std::vector<float> plain_;
};

TEST_P(BackboneResume, whole_sequences_need_nothing_kept) {
  for (const std::string& site : sites()) check(site, {{2, 0, 0.5f}, {0, 0, -1.0f}, {1, 0, 2.0f}});
}

TEST_P(BackboneResume, suffixes_see_what_was_kept_of_the_tokens_before_them) {
  if (!backbone_->causal()) {
    for (const std::string& site : sites()) EXPECT_EQ(backbone_->cache_width(backbone_->site(site)), 0) << site;
    return;
  }
  for (const std::string& site : sites()) {
    check(site, {{0, 6, 0.5f}});                                          // the last token of one
    check(site, {{2, 9, 0.5f}, {2, 9, -3.0f}, {2, 4, 1.0f}});             // one sequence several times
    check(site, {{0, 6, 0.25f}, {1, 0, 1.0f}, {2, 3, 2.0f}});             // all sequences, one without a prefix
    check(site, {{2, 0, 0.5f}, {0, 3, -1.0f}, {0, 0, 1.5f}, {1, 0, 1}});  // in another order
  }
}

TEST_P(BackboneResume, starts_behind_blocks_alone) {
  for (const char* inner : {"block.0.attn.out", "block.1.mlp.out"}) {
    try {
      backbone_->cache_width(backbone_->site(inner));
      FAIL() << inner;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), HEDDLE_UNIMPLEMENTED) << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backbones, BackboneResume, testing::ValuesIn(forms()), name_of);

}  // namespace
}  // namespace heddle::test
