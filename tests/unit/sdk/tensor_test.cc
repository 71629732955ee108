// Views: shapes, strides, slices, checks.
#include <gtest/gtest.h>

#include "heddle/codes.hpp"

namespace {

using namespace heddle::sdk;

int32_t code_of(auto&& f) {
  try {
    f();
  } catch (const PluginError& e) {
    return e.code();
  }
  return HEDDLE_OK;
}

TEST(SdkTensor, NoneIsNull) {
  const Tensor none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.raw(), nullptr);
  EXPECT_FALSE(Tensor(static_cast<const DLTensor*>(nullptr)));
  EXPECT_EQ(code_of([&] { none.rows(); }), HEDDLE_OUT_OF_RANGE);
}

TEST(SdkTensor, CopiesOwnTheirShape) {
  float data[6] = {0, 1, 2, 3, 4, 5};
  Tensor copy;
  {
    const Tensor original = Tensor::of(data, {2, 3});
    copy = original;
    EXPECT_NE(copy.raw()->shape, original.raw()->shape);
  }
  EXPECT_EQ(copy.raw()->shape[1], 3);
  EXPECT_EQ(copy.row<float>(1)[2], 5);
  EXPECT_EQ(copy.raw()->strides[0], 3);
}

TEST(SdkTensor, SlicesKeepTheStride) {
  float data[12];
  for (int i = 0; i < 12; ++i) data[i] = static_cast<float>(i);
  const Tensor x = Tensor::of(data, {3, 4});
  const Tensor middle = x.column_slice(1, 2);
  EXPECT_FALSE(middle.contiguous());
  EXPECT_EQ(middle.row<float>(2)[0], 9);
  EXPECT_EQ(x.row_slice(1, 2).row<float>(0)[0], 4);
  EXPECT_EQ(code_of([&] { middle.span<float>(); }), HEDDLE_INVALID_ARGUMENT);
  EXPECT_EQ(code_of([&] { x.column_slice(3, 2); }), HEDDLE_OUT_OF_RANGE);
  EXPECT_EQ(code_of([&] { x.row<float>(3); }), HEDDLE_OUT_OF_RANGE);
  EXPECT_EQ(x.reshaped({2, 6}).row<float>(1)[0], 6);
  EXPECT_EQ(code_of([&] { x.reshaped({5, 2}); }), HEDDLE_INVALID_ARGUMENT);
}

TEST(SdkTensor, ChecksTypeDeviceAndShape) {
  float data[4] = {};
  const Tensor x = Tensor::of(data, {2, 2});
  EXPECT_EQ(code_of([&] { x.data<double>(); }), HEDDLE_INVALID_ARGUMENT);
  int64_t shape[] = {2, 2};
  EXPECT_EQ(code_of([&] { Tensor(data, f32, {kDLCUDA, 0}, shape).data<float>(); }), HEDDLE_FAILED_PRECONDITION);
  EXPECT_EQ(code_of([&] { x.expect("x", {-1, 2}); }), HEDDLE_OK);
  try {
    x.expect("x", {-1, 3});
    FAIL();
  } catch (const PluginError& e) {
    EXPECT_STREQ(e.what(), "x is [2,2] f32, expected [any,3] f32");
  }
}

TEST(SdkTensor, EmptyTensorsAreLegal) {
  const Tensor x = Tensor::of(static_cast<float*>(nullptr), {0, 5});
  EXPECT_TRUE(x);
  EXPECT_EQ(x.elements(), 0);
  EXPECT_TRUE(x.span<float>().empty());
  EXPECT_EQ(x.row_slice(0, 0).rows(), 0);
}

TEST(SdkCodes, RowsOfCsr) {
  int64_t offsets[] = {0, 2, 2, 3};
  int32_t indices[] = {1, 4, 0};
  float values[] = {.5f, 2, 1};
  heddle_codes raw{sizeof raw, 0, 3, 5, 3, 3, offsets, indices, values, nullptr, cpu, nullptr};
  const Codes z(&raw);
  EXPECT_EQ(z.row(0).indices[1], 4);
  EXPECT_TRUE(z.row(1).values.empty());
  EXPECT_EQ(z.row(2).values[0], 1);
  EXPECT_FALSE(z.pre());
  EXPECT_EQ(code_of([&] { z.row(3); }), HEDDLE_OUT_OF_RANGE);
}

}  // namespace
