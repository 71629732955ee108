#include "core/conformance/exports.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "core/conformance/child.h"
#include "heddle/abi.h"

namespace heddle::conformance {
namespace {

// Bounded access to the bytes of a file.
class Bytes {
 public:
  explicit Bytes(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }
  template <class T>
  T at(uint64_t offset) const {
    T out;
    if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset) fail_check("its section headers are damaged");
    std::memcpy(&out, bytes_.data() + offset, sizeof out);
    return out;
  }
  std::string text(uint64_t offset) const {
    std::string out;
    while (offset < bytes_.size() && bytes_[offset] != 0) out += bytes_[offset++];
    return out;
  }

 private:
  std::string bytes_;
};

}  // namespace

std::string check_exports(const std::filesystem::path& file) {
  const Bytes bytes(file);
  const auto header = bytes.at<Elf64_Ehdr>(0);
  const auto section = [&](uint64_t i) { return bytes.at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr)); };
  bool entry = false;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr table = section(i);
    if (table.sh_type != SHT_DYNSYM) continue;
    const Elf64_Shdr names = section(table.sh_link);
    for (uint64_t k = 1; k < table.sh_size / sizeof(Elf64_Sym); ++k) {
      const auto symbol = bytes.at<Elf64_Sym>(table.sh_offset + k * sizeof(Elf64_Sym));
      const std::string name = bytes.text(names.sh_offset + symbol.st_name);
      if (symbol.st_shndx == SHN_UNDEF) continue;
      if (ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE) {
        fail_check(
            "exports the unique symbol '{}', which plugins would share: compile with -fvisibility=hidden "
            "-fno-gnu-unique",
            name);
      }
      if (name == HEDDLE_ENTRY_SYMBOL) entry = true;
      else
        fail_check(
            "exports '{}' besides its entry point: compile with -fvisibility=hidden, link with heddle-plugin.map",
            name);
    }
  }
  if (!entry) skip_check("its section headers are stripped");
  return {};
}

}  // namespace heddle::conformance
