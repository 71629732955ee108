#include "core/store/hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/store/atomic_file.h"
#include "core/store/sha256_block.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

// FIPS 180-2 appendix B and the NIST long message.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 37);
  const std::string whole = sha256_hex(text);
  for (size_t piece : {1U, 3U, 55U, 56U, 63U, 64U, 65U, 127U, 500U}) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece) hash.update(text.substr(at, piece));
    EXPECT_EQ(hash.hex(), whole) << piece;
  }
}

TEST(Sha256, PortableAndFastFormsAgree) {
  unsigned char blocks[64 * 7];
  for (size_t i = 0; i < sizeof blocks; ++i) blocks[i] = static_cast<unsigned char>(i * i + 11 * i);
  for (size_t count = 0; count <= 7; ++count) {
    uint32_t fast[8], portable[8];
    for (uint32_t i = 0; i < 8; ++i) fast[i] = portable[i] = 0x9e3779b9U * (i + 1);
    sha256_compress(fast, blocks, count);
    sha256_compress_portable(portable, blocks, count);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(fast[i], portable[i]) << count;
  }
}

TEST(HashKey, DoesNotDependOnTheOrderOfKeys) {
  nlohmann::json a, b;
  a["x"] = 1, a["y"] = {{"p", 0.1}, {"q", "t"}};
  b["y"] = {{"q", "t"}, {"p", 0.1}}, b["x"] = 1;
  EXPECT_EQ(hash_key(a), hash_key(b));
  EXPECT_EQ(canonical_json(a), R"({"x":1,"y":{"p":0.1,"q":"t"}})");
}

TEST(HashKey, SeesTheLastBitOfANumber) {
  EXPECT_NE(hash_key({{"x", 0.1}}), hash_key({{"x", std::nextafter(0.1, 1.0)}}));
}

TEST(HashKey, RefusesNumbersThatJsonCannotSay) {
  EXPECT_NE(error_of([] { hash_key({{"x", {1.0, std::nan("")}}}); }, HEDDLE_INVALID_ARGUMENT), "");
  EXPECT_NE(error_of([] { hash_key(nlohmann::json(INFINITY)); }, HEDDLE_INVALID_ARGUMENT), "");
}

TEST(ContentDigest, FollowsContentNotTime) {
  const TemporaryFolder folder;
  write_file(folder / "a", "one");
  std::filesystem::create_directory(folder / "d");
  write_file(folder / "d/x", "1");
  write_file(folder / "d/y", "2");
  EXPECT_EQ(content_digest(folder / "a"), sha256_hex("one"));
  const std::string before = content_digest(folder / "d");
  write_file(folder / "d/y", "2");
  EXPECT_EQ(content_digest(folder / "d"), before);
  write_file(folder / "d/y", "3");
  EXPECT_NE(content_digest(folder / "d"), before);
  EXPECT_NE(error_of([&] { content_digest(folder / "none"); }, HEDDLE_NOT_FOUND), "");
}

}  // namespace
}  // namespace heddle
