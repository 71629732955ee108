#include "core/plugin/elf_check.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/error.h"
#include "heddle/abi.h"

namespace heddle {
namespace {

// Reads `size` bytes at `offset`; false when they are not all there.
using Reader = std::function<bool(uint64_t offset, void* to, size_t size)>;

constexpr uint64_t largest_note_segment = 64 * 1024;
constexpr size_t most_program_headers = 256;

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_386: return "32-bit x86";
    case EM_ARM: return "32-bit ARM";
    case EM_AARCH64: return "AArch64";
    case EM_PPC64: return "POWER";
    case EM_RISCV: return "RISC-V";
    case EM_S390: return "S/390";
    case EM_X86_64: return "x86-64";
    default: return fmt::format("machine type {}", machine);
  }
}

// True when [offset, offset + size) lies inside [0, limit), without overflow.
bool inside(uint64_t offset, uint64_t size, uint64_t limit) { return offset <= limit && size <= limit - offset; }

std::string header_fault(const Elf64_Ehdr& h, uint64_t file_size) {
  if (h.e_ident[EI_CLASS] == ELFCLASS32) {
    return fmt::format("is a 32-bit library for {}; this host is 64-bit x86-64", machine_name(h.e_machine));
  }
  if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_VERSION] != EV_CURRENT) return "has a malformed ELF header";
  if (h.e_ident[EI_DATA] != ELFDATA2LSB) return "is a big-endian library; this host is little-endian x86-64";
  if (h.e_machine != EM_X86_64) return fmt::format("is built for {}; this host is x86-64", machine_name(h.e_machine));
  if (h.e_type == ET_REL) return "is an object file, not a shared library";
  if (h.e_type != ET_DYN) return "is not a shared library";
  if (h.e_ehsize != sizeof(Elf64_Ehdr) || h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0)
    return "has a malformed ELF header";
  if (h.e_phnum > most_program_headers) return fmt::format("has {} program headers; that is no plugin", h.e_phnum);
  if (!inside(h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr), file_size))
    return "is truncated: its program headers lie outside the file";
  // Not needed for loading, but at the very end of the file: the first thing that a cut copy loses.
  if (h.e_shoff != 0 && !inside(h.e_shoff, uint64_t{h.e_shnum} * h.e_shentsize, file_size)) {
    return "is truncated: its section headers lie outside the file";
  }
  return {};
}

std::string segments_fault(const std::vector<Elf64_Phdr>& headers, uint64_t file_size) {
  uint64_t last_end = 0;
  bool any_load = false;
  const Elf64_Phdr* dynamic = nullptr;
  for (const Elf64_Phdr& p : headers) {
    if (p.p_type == PT_DYNAMIC) dynamic = &p;
    if (p.p_type != PT_LOAD) continue;
    if (!inside(p.p_offset, p.p_filesz, file_size)) {
      return fmt::format("is truncated: a segment ends at byte {}, the file has {}", p.p_offset + p.p_filesz,
                         file_size);
    }
    const bool aligned =
        p.p_align <= 1 || ((p.p_align & (p.p_align - 1)) == 0 && (p.p_vaddr - p.p_offset) % p.p_align == 0);
    // Beyond 1 TiB of address space lies nothing but damage.
    if (p.p_memsz < p.p_filesz || !aligned || !inside(p.p_vaddr, p.p_memsz, uint64_t{1} << 40) ||
        (any_load && p.p_vaddr < last_end)) {
      return "is damaged: its segments do not fit together";
    }
    last_end = p.p_vaddr + p.p_memsz;
    any_load = true;
  }
  if (!any_load) return "is damaged: it has no segment to load";
  if (dynamic == nullptr) return "has no dynamic section: it is not a shared library";
  for (const Elf64_Phdr& p : headers) {
    if (p.p_type == PT_LOAD && dynamic->p_vaddr >= p.p_vaddr &&
        inside(dynamic->p_vaddr - p.p_vaddr, dynamic->p_memsz, p.p_memsz))
      return {};
  }
  return "is damaged: its dynamic section lies outside its segments";
}

// Walks the notes of one segment; true when Heddle's is among them.
bool find_note(std::span<const std::byte> bytes, uint64_t align, PluginNote* note) {
  const auto rounded = [&](uint64_t size) {
    return align == 8 ? (size + 7) & ~uint64_t{7} : (size + 3) & ~uint64_t{3};
  };
  uint64_t at = 0;
  while (inside(at, sizeof(Elf64_Nhdr), bytes.size())) {
    Elf64_Nhdr header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    const uint64_t name_at = at + sizeof header;
    const uint64_t desc_at = name_at + rounded(header.n_namesz);
    if (!inside(name_at, header.n_namesz, bytes.size()) || !inside(desc_at, header.n_descsz, bytes.size()))
      return false;
    const char* name = reinterpret_cast<const char*>(bytes.data()) + name_at;
    const size_t owner = sizeof HEDDLE_NOTE_OWNER;  // with its 0
    if (header.n_type == HEDDLE_NOTE_TYPE && header.n_namesz >= owner && header.n_descsz >= 12 &&
        std::memcmp(name, HEDDLE_NOTE_OWNER, owner) == 0) {
      std::array<uint32_t, 3> words;
      std::memcpy(words.data(), bytes.data() + desc_at, sizeof words);
      *note = {words[0], words[1], words[2]};
      return true;
    }
    at = desc_at + rounded(header.n_descsz);
  }
  return false;
}

std::string version_fault(const PluginNote& note) {
  if (note.abi_major != HEDDLE_ABI_MAJOR) {
    return fmt::format("is built for ABI {}.{}; this heddle speaks ABI {}.{}: rebuild it against this SDK",
                       note.abi_major, note.abi_minor, HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR);
  }
  if (note.abi_minor > HEDDLE_ABI_MINOR) {
    return fmt::format("needs ABI {}.{}; this heddle has {}.{}: install a newer heddle", note.abi_major, note.abi_minor,
                       HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR);
  }
  return {};
}

std::string fault(uint64_t file_size, const Reader& read, PluginNote* note) {
  if (file_size == 0) return "is empty";
  std::array<unsigned char, SELFMAG> magic{};
  if (!read(0, magic.data(), std::min<size_t>(magic.size(), file_size))) return "cannot be read";
  if (std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) return "is not a shared library (no ELF header)";
  Elf64_Ehdr header;
  if (file_size < sizeof header) return "is truncated inside its ELF header";
  if (!read(0, &header, sizeof header)) return "cannot be read";
  if (std::string text = header_fault(header, file_size); !text.empty()) return text;
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!read(header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr))) return "cannot be read";
  if (std::string text = segments_fault(segments, file_size); !text.empty()) return text;
  std::vector<std::byte> bytes;
  for (const Elf64_Phdr& p : segments) {
    if (p.p_type != PT_NOTE) continue;
    if (!inside(p.p_offset, p.p_filesz, file_size)) return "is truncated: its notes lie outside the file";
    if (p.p_filesz > largest_note_segment) continue;
    bytes.resize(p.p_filesz);
    if (!read(p.p_offset, bytes.data(), bytes.size())) return "cannot be read";
    if (find_note(bytes, p.p_align, note)) return version_fault(*note);
  }
  return fmt::format("is not a Heddle plugin (no {} note)", HEDDLE_NOTE_SECTION);
}

}  // namespace

std::string plugin_bytes_fault(std::span<const std::byte> bytes, PluginNote* note) {
  return fault(
      bytes.size(),
      [&](uint64_t offset, void* to, size_t size) {
        if (!inside(offset, size, bytes.size())) return false;
        if (size > 0) std::memcpy(to, bytes.data() + offset, size);
        return true;
      },
      note);
}

PluginNote check_plugin_file(const std::filesystem::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) fail(HEDDLE_NOT_FOUND, "{}: {}", file.string(), std::strerror(errno));
  // Looked at before opening: opening a pipe would wait for its other end.
  if (S_ISDIR(status.st_mode)) fail(HEDDLE_INVALID_ARGUMENT, "{}: is a folder", file.string());
  if (!S_ISREG(status.st_mode)) fail(HEDDLE_INVALID_ARGUMENT, "{}: is not a regular file", file.string());
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(HEDDLE_NOT_FOUND, "{}: {}", file.string(), std::strerror(errno));
  PluginNote note;
  const std::string reason = fault(
      static_cast<uint64_t>(status.st_size),
      [&](uint64_t offset, void* to, size_t size) {
        auto* at = static_cast<char*>(to);
        while (size > 0) {
          const ssize_t got = pread(descriptor, at, size, static_cast<off_t>(offset));
          if (got < 0 && errno == EINTR) continue;
          if (got <= 0) return false;
          at += got, offset += static_cast<uint64_t>(got), size -= static_cast<size_t>(got);
        }
        return true;
      },
      &note);
  close(descriptor);
  if (!reason.empty()) fail(HEDDLE_INVALID_ARGUMENT, "{}: {}", file.string(), reason);
  return note;
}

}  // namespace heddle
