// Activations: what extraction takes, the file, the normaliser.
#include <cmath>
#include <fstream>

#include "core/base/error.h"
#include "core/store/safetensors.h"
#include "core/train/normalizer.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

TEST(Activations, bf16_rounds_to_nearest_even) {
  EXPECT_EQ(from_bf16(to_bf16(1.0f)), 1.0f);
  EXPECT_EQ(from_bf16(to_bf16(1.0f + 0x1p-8f)), 1.0f);                // half way, to even
  EXPECT_EQ(from_bf16(to_bf16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);  // half way, to even upwards
  EXPECT_EQ(from_bf16(to_bf16(-INFINITY)), -INFINITY);
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::nanf("")))));
}

TEST(Activations, extraction_takes_every_event_of_the_window_with_user_position_and_item) {
  constexpr int64_t kItems = 15;
  const Interactions log = test::walk_log(11, kItems);
  const Part part = test::target_part(log);
  Machine machine;
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0, 8, 2, 2, 6));
  backbone.initialise(machine.context, 2);
  ActivationMemorySink sink, small, lasts;
  extract_activations(backbone, machine.context, log, part, {"block.0.out"}, sink);
  extract_activations(backbone, machine.context, log, part, {"block.0.out", false, 2}, small);
  extract_activations(backbone, machine.context, log, part, {"block.0.out", true}, lasts);
  const Activations all = sink.take(), again = small.take(), last = lasts.take();
  ASSERT_EQ(all.rows(), part.token_count(6, false));
  EXPECT_EQ(all.width(), 8);
  ASSERT_EQ(last.rows(), 11);
  int64_t row = 0;
  for (const UserRange& range : part.users) {
    const int64_t first = std::max(range.begin, range.end - 6);
    for (int64_t t = first; t < range.end; ++t, ++row) {
      EXPECT_EQ(all.users()[static_cast<size_t>(row)], range.user);
      EXPECT_EQ(all.positions()[static_cast<size_t>(row)], t - first);
      EXPECT_EQ(all.items()[static_cast<size_t>(row)], log.items[static_cast<size_t>(t)]);
    }
    std::vector<float> a(8), b(8);
    all.read(row - 1, 1, a.data());
    last.read(range.user, 1, b.data());
    EXPECT_TRUE(test::same_bits(a, b));
  }
  std::vector<float> a(static_cast<size_t>(all.rows() * 8)), b(a.size());
  all.read(0, all.rows(), a.data());
  again.read(0, again.rows(), b.data());
  EXPECT_TRUE(test::same_bits(a, b));
  ActivationMemorySink none;
  EXPECT_THROW(extract_activations(backbone, machine.context, log, part, {"block.7.out"}, none), Error);
}

TEST(Activations, file_and_memory_hold_the_same_rows) {
  const Activations memory = test::mixtures(37, 5);
  const auto folder = test::scratch_folder();
  for (const ActivationFormat format : {ActivationFormat::f32, ActivationFormat::bf16}) {
    const auto path = folder / (format == ActivationFormat::f32 ? "f32" : "bf16");
    std::vector<float> block(37 * 5);
    memory.read(0, 37, block.data());
    {
      ActivationFileSink sink(path, format, {{"site", "block.0.out"}, {"n", 3}});
      sink.begin(37, 5);
      sink.append(20, block.data(), memory.users().data(), memory.positions().data(), memory.items().data());
      sink.append(17, block.data() + 100, memory.users().data() + 20, memory.positions().data() + 20,
                  memory.items().data() + 20);
      EXPECT_FALSE(std::filesystem::exists(path));
      sink.finish();
    }
    const Activations file = Activations::open(path);
    EXPECT_EQ(file.rows(), 37);
    EXPECT_EQ(file.format(), format);
    EXPECT_EQ(file.metadata()["site"], "block.0.out");
    for (size_t i = 0; i < 37; ++i) {
      EXPECT_EQ(file.users()[i], memory.users()[i]);
      EXPECT_EQ(file.positions()[i], memory.positions()[i]);
      EXPECT_EQ(file.items()[i], memory.items()[i]);
    }
    const std::vector<int64_t> index{36, 0, 17, 17, 3, 1, 2, 30, 31, 32, 33, 5};
    std::vector<float> got(index.size() * 5);
    file.gather(index, got.data());
    for (size_t i = 0; i < index.size(); ++i) {
      for (size_t d = 0; d < 5; ++d) {
        const float exact = block[static_cast<size_t>(index[i]) * 5 + d];
        EXPECT_EQ(got[i * 5 + d], format == ActivationFormat::f32 ? exact : from_bf16(to_bf16(exact)));
      }
    }
    EXPECT_THROW(file.read(30, 8, got.data()), Error);
    EXPECT_TRUE(SafeTensors(path).contains("activations"));  // a plain safetensors file
    // Cut short, it is refused.
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
    EXPECT_THROW(Activations::open(path), Error);
  }
}

TEST(Normalizer, statistics_inverse_and_file) {
  const Activations data =
      Activations::in_memory(3, {1, 10, 7, 3, 10, 7, 5, 10, 7, 7, 30, 7}, {0, 0, 0, 0}, {0, 1, 2, 3}, {0, 0, 0, 0});
  const Normalizer fitted = Normalizer::fit(Normalization::per_dimension, data);
  EXPECT_EQ(fitted.center(), (std::vector<float>{4, 15, 7}));
  EXPECT_FLOAT_EQ(fitted.scale()[0], std::sqrt(5.0f));  // population variance (9+1+1+9)/4
  EXPECT_FLOAT_EQ(fitted.scale()[1], std::sqrt(75.0f));
  EXPECT_EQ(fitted.scale()[2], 1.0f);  // constant
  std::vector<float> x{1, 10, 7, 3, 10, 9};
  fitted.apply(x.data(), 2);
  EXPECT_FLOAT_EQ(x[0], -3 / std::sqrt(5.0f));
  EXPECT_FLOAT_EQ(x[2], 0);
  EXPECT_FLOAT_EQ(x[5], 2);
  fitted.invert(x.data(), 2);
  EXPECT_NEAR(x[0], 1, 1e-6);
  EXPECT_NEAR(x[5], 9, 1e-6);
  const auto path = test::scratch_folder() / "normalizer.safetensors";
  fitted.save(path);
  const Normalizer loaded = Normalizer::load(path);
  EXPECT_EQ(loaded.kind(), Normalization::per_dimension);
  EXPECT_EQ(loaded.center(), fitted.center());
  EXPECT_EQ(loaded.scale(), fitted.scale());
  const Normalizer scalar = Normalizer::fit(Normalization::scalar, data);
  EXPECT_EQ(scalar.center(), (std::vector<float>{0, 0, 0}));
  EXPECT_FLOAT_EQ(scalar.scale()[1], static_cast<float>(std::sqrt((84.0 + 1200 + 196) / 12)));
  EXPECT_EQ(Normalizer::fit(Normalization::none, data).scale(), (std::vector<float>{1, 1, 1}));
}

TEST(Normalizer, host_and_device_agree) {
  Machine machine;
  const Activations data = test::mixtures(50, 6);
  const Normalizer fitted = Normalizer::fit(Normalization::per_dimension, data);
  Tensor x(*machine.device, DType::f32, {50, 6}), z(*machine.device, DType::f32, {50, 6});
  std::vector<float> host(300);
  data.read(0, 50, host.data());
  x.from_host(host.data());
  fitted.apply(host.data(), 50);
  machine.context.call(rng_key(0, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    fitted.apply(call, x, z);
    for (size_t i = 0; i < 300; ++i) EXPECT_NEAR(z.data<float>()[i], host[i], 1e-6);
    fitted.invert(call, z, z);
  });
  for (size_t i = 0; i < 300; ++i) EXPECT_NEAR(z.data<float>()[i], x.data<float>()[i], 1e-5);
}

}  // namespace
}  // namespace heddle
