// The ABI as compilers and linkers see it: the same size in C99 and C++11, one exported symbol per plugin, no unique
// ones.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "heddle/abi.h"

extern "C" unsigned heddle_test_abi_size(void);
extern "C" unsigned heddle_test_abi_size_cxx11();

namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 4096> buffer;
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe.get())) text.append(buffer.data(), got);
  return text;
}

std::vector<fs::path> plugins_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".so") out.push_back(entry.path());
  }
  return out;
}

TEST(Abi, LanguagesAgree) {
  EXPECT_EQ(heddle_test_abi_size(), sizeof(heddle_plugin));
  EXPECT_EQ(heddle_test_abi_size_cxx11(), sizeof(heddle_plugin));
}

TEST(Abi, PluginsExportTheirEntryPointAlone) {
  if (output_of("command -v nm").empty()) GTEST_SKIP() << "nm is not installed";
  const auto plugins = plugins_in(fs::path(HEDDLE_BUILD_DIR) / "lib/heddle/plugins");
  if (plugins.empty()) GTEST_SKIP() << "the plugins are linked in";
  for (const fs::path& plugin : plugins) {
    SCOPED_TRACE(plugin.string());
    std::istringstream lines(output_of("nm -D --defined-only " + plugin.string()));
    std::vector<std::string> symbols;
    for (std::string address, type, name; lines >> address >> type >> name;) symbols.push_back(type + " " + name);
    EXPECT_EQ(symbols, std::vector<std::string>{"T " HEDDLE_ENTRY_SYMBOL});
  }
}

}  // namespace
