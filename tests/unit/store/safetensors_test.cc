#include "core/store/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

std::string container(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

TEST(SafeTensors, RoundTripOfEveryType) {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes{1, 2, 3};
  const std::vector<float> floats{0.5F, -0.0F, std::numeric_limits<float>::quiet_NaN(), 4, 5, 6};
  const std::vector<double> doubles{1e300};
  const std::vector<int32_t> ints{-1, 7};
  const std::vector<int64_t> longs{std::numeric_limits<int64_t>::min()};
  const std::vector<uint16_t> halves{0x3f80, 0xbf80};  // bf16 1, -1
  SafeTensorsWriter writer;
  writer.add("bytes", stored::u8, {3}, bytes.data());
  writer.add("floats", stored::f32, {2, 3}, floats.data());
  writer.add("doubles", stored::f64, {1, 1, 1}, doubles.data());
  writer.add("ints", stored::i32, {2}, ints.data());
  writer.add("longs", stored::i64, {}, longs.data());  // a scalar
  writer.add("halves", stored::bf16, {2}, halves.data());
  writer.add("empty", stored::f32, {0, 5}, nullptr);
  writer.metadata("format", "pt");
  writer.write(folder / "t.safetensors");

  const SafeTensors file(folder / "t.safetensors");
  EXPECT_EQ(file.tensors().size(), 7U);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  std::vector<float> read(6);
  file.read("floats", stored::f32, {2, 3}, read.data());
  EXPECT_EQ(std::memcmp(read.data(), floats.data(), 24), 0);
  int64_t scalar = 0;
  file.read("longs", stored::i64, {}, &scalar);
  EXPECT_EQ(scalar, longs[0]);
  EXPECT_EQ(file.bytes(file.find("bytes")), std::string_view("\1\2\3", 3));
  EXPECT_EQ(file.read_f32("halves"), (std::vector<float>{1, -1}));
  EXPECT_EQ(file.read_f32("empty").size(), 0U);
  // Every tensor is aligned to its element, because larger elements come first and the data begins at a multiple of 8.
  for (const StoredTensor& tensor : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.bytes(tensor).data()) % (tensor.type.bits / 8), 0U) << tensor.name;
  }
}

TEST(SafeTensors, SameContentGivesTheSameBytes) {
  const TemporaryFolder folder;
  const float value = 3;
  for (const char* name : {"a", "b"}) {
    SafeTensorsWriter writer;
    writer.add("w", stored::f32, {1}, &value);
    writer.metadata("k", "v");
    writer.write(folder / name);
  }
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(SafeTensors, ReadsForeignFilesUnaligned) {
  // As another program might write it: no padding, u8 first, metadata last.
  const float value = 2.5F;
  std::string data = "x";
  data.append(reinterpret_cast<const char*>(&value), 4);
  const std::string bytes = container(
      R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{}})",
      data);
  const SafeTensors file(bytes, "f");
  EXPECT_EQ(file.read_f32("b"), std::vector<float>{2.5F});
}

TEST(SafeTensors, HalfPrecisionConvertsExactly) {
  const uint16_t halves[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00};
  const float expected[] = {0, -0.0F, 1, -2, 65504, 0x1p-24F, 0x1.ff8p-15F, 0x1p-14F, INFINITY, -INFINITY};
  const std::string bytes = container(R"({"h":{"dtype":"F16","shape":[10],"data_offsets":[0,20]}})",
                                      std::string(reinterpret_cast<const char*>(halves), 20));
  const std::vector<float> read = SafeTensors(bytes, "f").read_f32("h");
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(std::memcmp(&read[i], &expected[i], 4), 0) << i;
}

TEST(SafeTensors, WrongShapeTypeAndNameSayWhatIsThere) {
  const TemporaryFolder folder;
  const float values[6] = {};
  SafeTensorsWriter writer;
  writer.add("encoder.weight", stored::f32, {2, 3}, values);
  EXPECT_NE(error_of([&] { writer.add("encoder.weight", stored::f32, {1}, values); }, HEDDLE_INTERNAL), "");
  writer.write(folder / "t");
  const SafeTensors file(folder / "t");
  float out[6];
  EXPECT_NE(error_of(
                [&] {
                  file.read("encoder.weight", stored::f32, {3, 2}, out);
                },
                HEDDLE_INVALID_ARGUMENT)
                .find("'encoder.weight' is F32 [2, 3]; expected F32 [3, 2]"),
            std::string::npos);
  EXPECT_NE(error_of([&] { file.read("encoder.weight", stored::bf16, {2, 3}, out); }, HEDDLE_INVALID_ARGUMENT), "");
  EXPECT_NE(error_of([&] { file.find("encoder.weigt"); }, HEDDLE_NOT_FOUND).find("did you mean 'encoder.weight'"),
            std::string::npos);
}

TEST(SafeTensors, UnsoundFilesAreRefusedWithAReason) {
  const auto one = [](const std::string& entry) { return container("{\"w\":" + entry + "}", std::string(8, 'x')); };
  const struct {
    std::string bytes, expected;
  } cases[] = {
      {"", "0 bytes"},
      {"1234567", "7 bytes"},
      {container("{}", "").substr(0, 9), "cut short"},
      {std::string(8, '\xff'), "at most 100000000"},
      {container("", ""), "does not begin with '{'"},
      {container("[]", ""), "does not begin with '{'"},
      {container(" {}", ""), "does not begin with '{'"},
      {container("{} x", ""), "not sound JSON"},
      {container("{\"w\": ", ""), "not sound JSON"},
      {container("{\"__metadata__\":[]}", ""), "__metadata__ is not an object"},
      {container("{\"__metadata__\":{\"a\":1}}", ""), "__metadata__ 'a' is not text"},
      {container("{}", "rest"), "4 bytes lie behind"},
      {one("3"), "tensor 'w': expected exactly"},
      {one(R"({"dtype":"F32","shape":[2]})"), "expected exactly"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1})"), "expected exactly"},
      {one(R"({"dtype":7,"shape":[2],"data_offsets":[0,8]})"), "dtype is not text"},
      {one(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})"), "unknown dtype 'F31'"},
      {one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"), "shape is not a list"},
      {one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), "whole numbers from 0"},
      {one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"), "whole numbers from 0"},
      {one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"), "whole numbers from 0"},
      {one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"), "too large"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "not a pair"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,-8]})"), "not a pair"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "claims bytes 8 to 0 of 8"},
      {one(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"), "claims bytes 0 to 16 of 8"},
      {one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), "F32 [3] takes 12 bytes, but 8 are given"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "begins at byte 4 where 0 was expected (hole)"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "4 bytes lie behind"},
      {container(
           R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},"b":{"dtype":"U8","shape":[6],"data_offsets":[2,8]}})",
           std::string(8, 'x')),
       "begins at byte 2 where 6 was expected (overlap)"},
      {container(
           R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
           std::string(8, 'x')),
       "the name 'a' is given twice"},
  };
  for (const auto& c : cases) {
    const std::string message = error_of([&] { SafeTensors(c.bytes, "model.safetensors"); }, HEDDLE_DATA_LOSS);
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.bytes.substr(8) << " -> " << message;
    EXPECT_EQ(message.rfind("model.safetensors", 0), 0U) << message;
  }
  EXPECT_NE(error_of([] { SafeTensors("/none.safetensors"); }, HEDDLE_NOT_FOUND), "");
  EXPECT_NE(error_of([] { SafeTensors(std::filesystem::path("/tmp")); }, HEDDLE_DATA_LOSS), "");
}

std::string sample() {
  const TemporaryFolder folder;
  const float values[24] = {};
  const int64_t ids[3] = {1, 2, 3};
  SafeTensorsWriter writer;
  writer.add("encoder.weight", stored::f32, {4, 6}, values);
  writer.add("ids", stored::i64, {3}, ids);
  writer.add("bias", stored::f32, {6}, values);
  writer.metadata("heddle", R"({"plugin":"a.b"})");
  writer.write(folder / "t");
  return read_file(folder / "t");
}

// Any cut must be refused, by an error and nothing worse.
TEST(SafeTensors, EveryTruncationIsRefused) {
  const std::string bytes = sample();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(error_of([&] { SafeTensors(bytes.substr(0, size), "f"); }, HEDDLE_DATA_LOSS), "") << size;
}

// Every byte of the header set to every value: an error, or a file whose tensors lie inside it.
TEST(SafeTensors, MutatedHeadersNeverLeadOutside) {
  const std::string bytes = sample();
  const size_t header = bytes.find('}', bytes.rfind("data_offsets")) + 2;
  int accepted = 0, refused = 0;
  for (size_t at = 0; at < header; ++at)
    for (int value = 0; value < 256; ++value) {
      std::string mutated = bytes;
      mutated[at] = static_cast<char>(value);
      try {
        const SafeTensors file(mutated, "f");
        for (const StoredTensor& tensor : file.tensors()) {
          const std::string_view data = file.bytes(tensor);
          ASSERT_GE(data.data(), mutated.data());
          ASSERT_LE(data.data() + data.size(), mutated.data() + mutated.size());
        }
        ++accepted;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), HEDDLE_DATA_LOSS) << error.what();
        ++refused;
      }
    }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, accepted);
}

}  // namespace
}  // namespace heddle
