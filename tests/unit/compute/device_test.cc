// The CPU device, Context and Tensor: options, op table, parallel_for, scratch, ownership.
#include "core/compute/device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/tensor.h"

namespace heddle {
namespace {

TEST(CpuDevice, SaysWhatItIs) {
  const auto device = Device::cpu({3, "auto"});
  EXPECT_EQ(device->threads(), 3);
  EXPECT_TRUE(device->is_cpu());
  EXPECT_NE(device->name().find("3 threads"), std::string::npos);
  EXPECT_FALSE(device->isa().empty());
  EXPECT_EQ(Device::cpu()->threads(), available_processors());
}

TEST(CpuDevice, WrongOptionsAreNamed) {
  try {
    Device::cpu({-1, "auto"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use());
    EXPECT_STREQ(error.what(), "compute.threads: found -1; accepted: 0 (all) to 1024");
  }
  EXPECT_THROW(Device::cpu({1, "mmx"}), Error);
}

TEST(CpuDevice, EveryOpIsThere) {
  const auto device = Device::cpu({1, "auto"});
  const heddle_ops& ops = device->ops();
  ASSERT_EQ(ops.struct_size, sizeof(heddle_ops));
  const auto* slots =
      reinterpret_cast<void* const*>(reinterpret_cast<const char*>(&ops) + offsetof(heddle_ops, supports));
  for (size_t i = 0; i < (sizeof(heddle_ops) - offsetof(heddle_ops, supports)) / sizeof(void*); ++i)
    EXPECT_NE(slots[i], nullptr) << i;
  Context context(*device);
  EXPECT_EQ(ops.supports(context.handle(), "gemm", {kDLFloat, 32, 1}), 1);
  EXPECT_EQ(ops.supports(context.handle(), "gemm", {kDLBfloat, 16, 1}), 1);
  EXPECT_EQ(ops.supports(context.handle(), "adam", {kDLBfloat, 16, 1}), 0);
  EXPECT_EQ(ops.supports(context.handle(), "attention_suffix", {kDLFloat, 32, 1}), 1);
  EXPECT_EQ(ops.supports(context.handle(), "candidate_loss", {kDLFloat, 64, 1}), 0);
  EXPECT_EQ(ops.supports(context.handle(), "copy", {kDLInt, 32, 1}), 1);
  EXPECT_EQ(ops.supports(context.handle(), "no_such_op", {kDLFloat, 32, 1}), 0);
}

TEST(CpuDevice, ParallelForReportsTheLowestFailure) {
  for (int threads : {1, 3}) {
    const auto device = Device::cpu({threads, "auto"});
    Context context(*device);
    std::vector<int> done(100, 0);
    struct Arg {
      std::vector<int>& done;
      bool failing;
    } arg{done, false};
    const heddle_task task = [](void* self, int64_t i, heddle_error* error) -> int32_t {
      auto& a = *static_cast<Arg*>(self);
      ++a.done[static_cast<size_t>(i)];
      return a.failing && i % 10 == 7 ? set_error(error, HEDDLE_DATA_LOSS, fmt::format("task {}", i)) : HEDDLE_OK;
    };
    ErrorBuffer error;
    EXPECT_EQ(context.ops().parallel_for(context.handle(), 100, task, &arg, error), HEDDLE_OK);
    EXPECT_EQ(done, std::vector<int>(100, 1));
    arg.failing = true;
    EXPECT_EQ(context.ops().parallel_for(context.handle(), 100, task, &arg, error), HEDDLE_DATA_LOSS);
    EXPECT_EQ(error.message(), "task 7");
  }
}

TEST(Context, ScratchIsReusedAndNested) {
  const auto device = Device::cpu({1, "auto"});
  Context context(*device);
  void* first = nullptr;
  for (int round = 0; round < 3; ++round) {
    void* piece = context.call({1, 2}, HEDDLE_PRECISION_BF16, [&](const heddle_call& call) {
      EXPECT_EQ(call.rng.stream, 2u);
      EXPECT_EQ(call.precision, HEDDLE_PRECISION_BF16);
      void* outer = call.scratch(call.self, 1000);
      heddle_codes* codes = call.scratch_codes(call.self);
      EXPECT_NE(codes, nullptr);
      context.call({}, HEDDLE_PRECISION_F32, [&](const heddle_call& inner) {
        EXPECT_NE(inner.scratch(inner.self, 1000), outer);
        EXPECT_NE(inner.scratch_codes(inner.self), codes);
      });
      EXPECT_EQ(call.scratch(call.self, UINT64_MAX / 2 + 1), nullptr);
      return outer;
    });
    if (round == 2) {
      EXPECT_EQ(piece, first);
    }
    first = piece;
  }
}

TEST(Tensor, OwnsMovesAndBorrows) {
  const auto device = Device::cpu({1, "auto"});
  Tensor a(*device, DType::f32, {3, 4});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data<float>()) % 64, 0u);
  std::vector<float> values(12);
  std::iota(values.begin(), values.end(), 0.0f);
  a.from_host(values.data());
  Tensor b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT: the moved-from state is empty by contract
  EXPECT_EQ(b.dl()->shape[1], 4);
  EXPECT_EQ(b.dl()->strides[0], 4);
  const TensorView rows = b.rows(1, 3);
  EXPECT_EQ(static_cast<const float*>(rows.dl()->data)[0], 4);
  EXPECT_EQ(rows.dim(0), 2);
  std::vector<float> back(12);
  b.to_host(back.data());
  EXPECT_EQ(back, values);
  b.zero();
  EXPECT_EQ(b.span<float>()[11], 0);
  EXPECT_THROW(b.data<double>(), Error);
  EXPECT_THROW(b.rows(2, 4), Error);
  EXPECT_THROW(Tensor(*device, DType::f32, {-1}), Error);
  EXPECT_THROW(Tensor(*device, DType::f32, {INT64_MAX, INT64_MAX}), Error);
  EXPECT_EQ(Tensor(*device, DType::i64, {0, 5}).size(), 0);
}

TEST(Tensor, HugeRequestsAreRefused) {
  const auto device = Device::cpu({1, "auto"});
  try {
    Tensor tensor(*device, DType::f32, {int64_t{1} << 60});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HEDDLE_RESOURCE_EXHAUSTED);
  }
}

TEST(TensorView, CopiesKeepTheirOwnShape) {
  float data[12] = {};
  TensorView a = strided_view(data, 2, 3, 6), b = a;
  a = view(data, 12);
  EXPECT_EQ(b.dl()->ndim, 2);
  EXPECT_EQ(b.dl()->strides[0], 6);
  EXPECT_EQ(shape_text(b.dl()), "f32 [2,3]");
}

}  // namespace
}  // namespace heddle
