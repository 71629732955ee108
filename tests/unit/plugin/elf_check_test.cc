// The look before dlopen: nothing that the bytes of a file may say makes it crash, and each refusal names its reason.
#include "core/plugin/elf_check.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "core/base/error.h"
#include "heddle/abi.h"

namespace heddle {
namespace {

// A small whole "library": header, three program headers (load, dynamic, note), the note, a dynamic section, section
// headers.
struct Image {
  Elf64_Ehdr header{};
  Elf64_Phdr segments[3]{};
  heddle_note note{8, 16, HEDDLE_NOTE_TYPE, {'H', 'e', 'd', 'd', 'l', 'e', 0, 0}, 1, 0, 0, 0};
  char pad[4] = {};
  Elf64_Dyn dynamic[2]{};
  Elf64_Shdr sections[1]{};
};

Image good_image() {
  Image image;
  std::memcpy(image.header.e_ident, ELFMAG, SELFMAG);
  image.header.e_ident[EI_CLASS] = ELFCLASS64;
  image.header.e_ident[EI_DATA] = ELFDATA2LSB;
  image.header.e_ident[EI_VERSION] = EV_CURRENT;
  image.header.e_type = ET_DYN;
  image.header.e_machine = EM_X86_64;
  image.header.e_ehsize = sizeof(Elf64_Ehdr);
  image.header.e_phentsize = sizeof(Elf64_Phdr);
  image.header.e_phnum = 3;
  image.header.e_phoff = offsetof(Image, segments);
  image.header.e_shoff = offsetof(Image, sections);
  image.header.e_shentsize = sizeof(Elf64_Shdr);
  image.header.e_shnum = 1;
  image.segments[0] = {PT_LOAD, PF_R, 0, 0, 0, sizeof(Image), sizeof(Image), 4096};
  image.segments[1] = {
      PT_DYNAMIC,           PF_R, offsetof(Image, dynamic), offsetof(Image, dynamic), 0, sizeof image.dynamic,
      sizeof image.dynamic, 8};
  image.segments[2] = {PT_NOTE,           PF_R, offsetof(Image, note), offsetof(Image, note), 0, sizeof image.note,
                       sizeof image.note, 4};
  return image;
}

std::string fault(const Image& image, size_t size = sizeof(Image), PluginNote* out = nullptr) {
  PluginNote note;
  return plugin_bytes_fault({reinterpret_cast<const std::byte*>(&image), size}, out == nullptr ? &note : out);
}

TEST(ElfCheck, AcceptsAWholePlugin) {
  PluginNote note;
  EXPECT_EQ(fault(good_image(), sizeof(Image), &note), "");
  EXPECT_EQ(note.abi_major, 1u);
  EXPECT_EQ(note.abi_minor, 0u);
}

TEST(ElfCheck, EveryTruncationIsRefused) {
  const Image image = good_image();
  for (size_t size = 0; size < sizeof(Image); ++size) EXPECT_NE(fault(image, size), "") << size;
  EXPECT_EQ(fault(image, 0), "is empty");
  EXPECT_EQ(fault(image, 10), "is truncated inside its ELF header");
  EXPECT_EQ(fault(image, 100), "is truncated: its program headers lie outside the file");
  EXPECT_EQ(fault(image, sizeof(Image) - 1), "is truncated: its section headers lie outside the file");
  Image stripped = image;
  stripped.header.e_shoff = 0;
  EXPECT_EQ(fault(stripped, sizeof(Image) - 1), "is truncated: a segment ends at byte " +
                                                    std::to_string(sizeof(Image)) + ", the file has " +
                                                    std::to_string(sizeof(Image) - 1));
}

TEST(ElfCheck, SaysWhatIsForeign) {
  const auto with = [](auto&& change) {
    Image image = good_image();
    change(image);
    return fault(image);
  };
  EXPECT_EQ(with([](Image& i) { i.header.e_machine = EM_AARCH64; }), "is built for AArch64; this host is x86-64");
  EXPECT_EQ(with([](Image& i) { i.header.e_machine = 4242; }), "is built for machine type 4242; this host is x86-64");
  EXPECT_EQ(with([](Image& i) { i.header.e_ident[EI_CLASS] = ELFCLASS32, i.header.e_machine = EM_386; }),
            "is a 32-bit library for 32-bit x86; this host is 64-bit x86-64");
  EXPECT_EQ(with([](Image& i) { i.header.e_ident[EI_DATA] = ELFDATA2MSB; }),
            "is a big-endian library; this host is little-endian x86-64");
  EXPECT_EQ(with([](Image& i) { i.header.e_type = ET_REL; }), "is an object file, not a shared library");
  EXPECT_EQ(with([](Image& i) { i.header.e_type = ET_EXEC; }), "is not a shared library");
  EXPECT_EQ(with([](Image& i) { i.header.e_ident[0] = 'x'; }), "is not a shared library (no ELF header)");
  EXPECT_EQ(with([](Image& i) { i.note.name[0] = 'x'; }), "is not a Heddle plugin (no .note.heddle.abi note)");
  EXPECT_EQ(with([](Image& i) { i.note.abi_major = 2; }),
            "is built for ABI 2.0; this heddle speaks ABI 1.0: rebuild it against this SDK");
  EXPECT_EQ(with([](Image& i) { i.note.abi_minor = 7; }), "needs ABI 1.7; this heddle has 1.0: install a newer heddle");
  EXPECT_EQ(with([](Image& i) { i.segments[0].p_filesz = ~0ull; }).substr(0, 12), "is truncated");
  EXPECT_EQ(with([](Image& i) { i.segments[0].p_memsz = 1; }), "is damaged: its segments do not fit together");
  EXPECT_EQ(with([](Image& i) { i.segments[0].p_vaddr = ~0ull; }), "is damaged: its segments do not fit together");
  EXPECT_EQ(with([](Image& i) { i.segments[1].p_vaddr = 1 << 20; }),
            "is damaged: its dynamic section lies outside its segments");
  EXPECT_EQ(with([](Image& i) { i.header.e_phnum = 0xffff; }), "has 65535 program headers; that is no plugin");
}

// Any bytes: the reader must come back, with a reason or without.
TEST(ElfCheck, SurvivesMutations) {
  std::mt19937 random(7);
  for (int round = 0; round < 200000; ++round) {
    Image image = good_image();
    auto* bytes = reinterpret_cast<unsigned char*>(&image);
    for (uint32_t k = random() % 6 + 1; k > 0; --k) {
      const size_t at = random() % sizeof(Image);
      bytes[at] = random() % 3 == 0 ? 0xff : static_cast<unsigned char>(random());
    }
    (void)fault(image, random() % 4 == 0 ? random() % sizeof(Image) : sizeof(Image));
  }
}

class ElfFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("heddle_elf_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string reason(const std::filesystem::path& file) {
    try {
      check_plugin_file(file);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  std::filesystem::path folder_;
};

TEST_F(ElfFile, NamesTheFile) {
  const auto text = folder_ / "notes.so";
  std::ofstream(text) << "not a library\n";
  EXPECT_EQ(reason(text), text.string() + ": is not a shared library (no ELF header)");
  EXPECT_EQ(reason(folder_), folder_.string() + ": is a folder");
  EXPECT_EQ(reason(folder_ / "missing.so"), (folder_ / "missing.so").string() + ": No such file or directory");
  const auto pipe = folder_ / "pipe.so";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(reason(pipe), pipe.string() + ": is not a regular file");  // and does not wait for a writer
  EXPECT_EQ(reason("/proc/self/exe"), "/proc/self/exe: is not a Heddle plugin (no .note.heddle.abi note)");
}

}  // namespace
}  // namespace heddle
