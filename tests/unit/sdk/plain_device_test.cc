// The device example behind its table: ops that it has, ops that it lacks, memory.
#define HEDDLE_STATIC_ENTRY plain_device_entry
#include "examples/plain_device/plain_device.cc"
#include "harness.h"

namespace {

using heddle_test::ErrorText;

class PlainDeviceExample : public testing::Test {
 protected:
  PlainDeviceExample() {
    const heddle_test::Options none(component_, {});
    EXPECT_EQ(table_.open(nullptr, none.raw(), &device_, &error_.raw), HEDDLE_OK);
    EXPECT_EQ(table_.context_create(device_, &context_, &error_.raw), HEDDLE_OK);
  }
  ~PlainDeviceExample() override {
    table_.context_destroy(device_, context_);
    table_.close(device_);
  }
  const heddle_component& component_ = heddle_test::component(plain_device_entry(), "example.plain_device");
  const heddle_device_vtable& table_ = *static_cast<const heddle_device_vtable*>(component_.vtable);
  heddle_device* device_ = nullptr;
  void* context_ = nullptr;
  ErrorText error_;
};

TEST_F(PlainDeviceExample, OpsThroughTheTable) {
  const heddle_ops& ops = *table_.ops(device_);
  float a[] = {1, 2, 3, 4, 5, 6}, c[] = {9, 9, 9, 9};
  const Tensor ta = Tensor::of(a, {2, 3}), tc = Tensor::of(c, {2, 2});
  heddle_gemm gemm{sizeof gemm,          0,        0,        1,        1,       0,      HEDDLE_ACTIVATION_NONE,
                   HEDDLE_PRECISION_F32, ta.raw(), ta.raw(), tc.raw(), nullptr, nullptr};
  ASSERT_EQ(ops.gemm(context_, &gemm, &error_.raw), HEDDLE_OK) << error_.text;
  EXPECT_EQ(c[0], 14);
  EXPECT_EQ(c[1], 32);
  EXPECT_EQ(c[3], 77);
  double squares = 0;
  ASSERT_EQ(ops.sum_squares(context_, tc.raw(), &squares, &error_.raw), HEDDLE_OK);
  EXPECT_EQ(squares, 14 * 14 + 32 * 32 * 2 + 77 * 77);
  int32_t index[] = {1, 2};
  float rows[6];
  EXPECT_EQ(
      ops.gather_rows(context_, ta.raw(), Tensor::of(index, {2}).raw(), Tensor::of(rows, {2, 3}).raw(), &error_.raw),
      HEDDLE_OUT_OF_RANGE);
  index[1] = 0;
  ASSERT_EQ(
      ops.gather_rows(context_, ta.raw(), Tensor::of(index, {2}).raw(), Tensor::of(rows, {2, 3}).raw(), &error_.raw),
      HEDDLE_OK);
  EXPECT_EQ(rows[0], 4);
}

TEST_F(PlainDeviceExample, SaysWhatItLacks) {
  const heddle_ops& ops = *table_.ops(device_);
  EXPECT_EQ(ops.encode, nullptr);
  EXPECT_EQ(ops.supports(context_, "gemm", f32), 1);
  EXPECT_EQ(ops.supports(context_, "gemm", f64), 0);
  EXPECT_EQ(ops.supports(context_, "encode", f32), 0);
  EXPECT_EQ(ops.supports(context_, "no_such_op", f32), 0);
  EXPECT_EQ(table_.probe(nullptr, nullptr), 1);
  heddle_device_info info{};
  ASSERT_EQ(table_.info(device_, &info, &error_.raw), HEDDLE_OK);
  EXPECT_STREQ(info.name, "plain loops, 1 thread");
}

TEST_F(PlainDeviceExample, Memory) {
  void* memory = table_.allocate(device_, 100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0u);
  char text[] = "heddle";
  ASSERT_EQ(table_.copy(context_, memory, cpu, text, cpu, sizeof text, &error_.raw), HEDDLE_OK);
  EXPECT_STREQ(static_cast<char*>(memory), "heddle");
  EXPECT_EQ(table_.synchronize(context_, &error_.raw), HEDDLE_OK);
  table_.release(device_, memory);
}

// Ops of this layer find holes in a device's table, and tables that end before the op.
TEST_F(PlainDeviceExample, OpsOfTheLayerRefuseWhatIsMissing) {
  heddle_ops shorter = *table_.ops(device_);
  shorter.struct_size = offsetof(heddle_ops, fill);
  heddle_call call{};
  call.struct_size = sizeof call;
  call.ops = &shorter;
  call.device_context = context_;
  Ops ops(call);
  float data[2] = {};
  const Tensor x = Tensor::of(data, {2});
  EXPECT_EQ(guarded(&error_.raw, [&] { ops.fill(1, x); }), HEDDLE_UNIMPLEMENTED);
  shorter.struct_size = sizeof shorter;
  EXPECT_EQ(guarded(&error_.raw, [&] { ops.fill(1, x); }), HEDDLE_OK);
  EXPECT_EQ(guarded(&error_.raw, [&] { ops.normalize_rows(x); }), HEDDLE_UNIMPLEMENTED);
  EXPECT_EQ(data[1], 1);
}

}  // namespace
