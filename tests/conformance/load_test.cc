// Files that must not be loaded, or must: each refusal is one line that names the file and the reason, and nothing
// crashes.
#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>

#include "core/base/error.h"
#include "core/plugin/elf_check.h"
#include "core/plugin/loader.h"
#include "core/plugin/registry.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

fs::path fixture(const std::string& name) { return fs::path(HEDDLE_FIXTURES) / (name + ".so"); }

// The reason for which a file is refused, without the file's name; "" when it loads.
std::string refusal(const fs::path& file) {
  try {
    load_plugin(file);
    return "";
  } catch (const Error& error) {
    const std::string text = error.what(), prefix = fs::weakly_canonical(file).string() + ": ";
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  }
}

std::string read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Load : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("heddle_load_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, std::string_view bytes) {
    const fs::path file = folder_ / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  fs::path folder_;
};

TEST_F(Load, GoodPluginLoadsOnce) {
  const LoadedPlugin& plugin = load_plugin(fixture("good"));
  ASSERT_EQ(plugin.components.size(), 1u);
  EXPECT_EQ(plugin.components[0].id, "test.dictionary");
  EXPECT_EQ(plugin.components[0].sha256.size(), 64u);
  fs::create_symlink(fixture("good"), folder_ / "alias.so");
  EXPECT_EQ(&load_plugin(folder_ / "alias.so"), &plugin);
}

TEST_F(Load, FutureTablesLoad) { EXPECT_EQ(refusal(fixture("future_table")), ""); }

TEST_F(Load, RefusalsNameTheReason) {
  EXPECT_EQ(refusal(fixture("wrong_major")),
            "is built for ABI 2.0; this heddle speaks ABI 1.0: rebuild it against this SDK");
  EXPECT_EQ(refusal(fixture("new_minor")), "needs ABI 1.99; this heddle has 1.0: install a newer heddle");
  EXPECT_EQ(refusal(fixture("no_note")), "is not a Heddle plugin (no .note.heddle.abi note)");
  EXPECT_EQ(refusal(fixture("null_entry")), "its entry point returns a null pointer");
  EXPECT_EQ(refusal(fixture("missing_slot")),
            "component 'test.dictionary': its dictionary table lacks the required function 'encode'");
  EXPECT_EQ(refusal(fixture("bad_default")),
            "component 'test.dictionary': parameter 'width' has the default 5000; accepted: 1 to 4096");
  EXPECT_EQ(refusal(fixture("unknown_flag")),
            "component 'test.dictionary': its parameters sets flag 0x8, which this heddle does not understand");
  EXPECT_EQ(refusal(folder_ / "missing.so"), "No such file or directory");
  EXPECT_EQ(refusal(write("empty.so", "")), "is empty");
  EXPECT_EQ(refusal(write("text.so", "#!/bin/sh\necho hello\n")), "is not a shared library (no ELF header)");
  EXPECT_EQ(refusal(folder_), "is a folder");
}

TEST_F(Load, ForeignArchitecture) {
  std::string bytes = read_bytes(fixture("good"));
  const uint16_t machine = EM_AARCH64;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof machine);
  EXPECT_EQ(refusal(write("arm.so", bytes)), "is built for AArch64; this host is x86-64");
}

// dlopen of most of these would kill the process.
TEST_F(Load, TruncatedAtEveryOffset) {
  const std::string bytes = read_bytes(fixture("good"));
  ASSERT_GT(bytes.size(), 4096u);
  for (size_t size = 0; size < bytes.size(); size += 64) {
    const std::string reason = refusal(write("cut.so", bytes.substr(0, size)));
    EXPECT_TRUE(reason.find("truncated") != std::string::npos || size == 0) << size << ": " << reason;
  }
  EXPECT_NE(refusal(write("cut.so", bytes.substr(0, bytes.size() - 1))), "");
}

TEST_F(Load, StrippedPluginLoads) {
  const fs::path stripped = folder_ / "stripped.so";
  const std::string command = "strip -o " + stripped.string() + " " + fixture("kinds").string();
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "strip is not installed";
  EXPECT_EQ(refusal(stripped), "");
}

// Mutated bytes of a real plugin through the reader alone (what passes it may still be anything).
TEST_F(Load, MutatedBytesNeverCrashTheReader) {
  const std::string good = read_bytes(fixture("good"));
  std::mt19937 random(11);
  size_t refused = 0;
  constexpr int rounds = 20000;
  std::string bytes = good;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::pair<size_t, char>> undo;
    for (uint32_t k = random() % 8 + 1; k > 0; --k) {
      const size_t at = random() % (random() % 2 == 0 ? 1024 : bytes.size());
      undo.emplace_back(at, bytes[at]);
      bytes[at] = static_cast<char>(random());
    }
    PluginNote note;
    refused += plugin_bytes_fault(std::as_bytes(std::span(bytes.data(), bytes.size())), &note).empty() ? 0 : 1;
    for (auto it = undo.rbegin(); it != undo.rend(); ++it) bytes[it->first] = it->second;
  }
  EXPECT_EQ(bytes, good);
  EXPECT_GT(refused, rounds / 10u);
}

TEST_F(Load, RegistryGoesOnAfterRefusalsAndTakesTheFirst) {
  fs::copy_file(fixture("good"), folder_ / "a_good.so");
  fs::copy_file(fixture("good"), folder_ / "b_good.so");
  write("broken.so", "text");
  write("readme.txt", "not looked at");
  SearchPath path;
  path.places.push_back({folder_, "HEDDLE_PLUGIN_PATH", false});
  path.places.push_back({fixture("kinds"), "[plugins] path", false});
  const Registry registry(path);
  EXPECT_EQ(registry.find(HEDDLE_KIND_DICTIONARY, "test.dictionary").file,
            (fs::canonical(folder_) / "a_good.so").string());
  EXPECT_NE(registry.try_find(HEDDLE_KIND_METRIC, "test.contrast"), nullptr);
  ASSERT_EQ(registry.refusals().size(), 1u);
  EXPECT_EQ(registry.refusals()[0].reason, "is not a shared library (no ELF header)");
  EXPECT_NE(registry.try_find(HEDDLE_KIND_DEVICE, "heddle.cpu"), nullptr);
  try {
    registry.find(HEDDLE_KIND_DICTIONARY, "test.dictionery");
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("did you mean 'test.dictionary'?"), std::string::npos) << text;
    EXPECT_NE(text.find("broken.so: is not a shared library"), std::string::npos) << text;
    EXPECT_NE(text.find("2 plugins"), std::string::npos) << text;
  }
  try {
    registry.find(HEDDLE_KIND_BACKBONE, "test.contrast");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'test.contrast' is a metric"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace heddle
