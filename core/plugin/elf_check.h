// A look at a plugin file before any of its code runs: is it a whole x86-64 shared library for an ABI that we speak?
//
// dlopen of a truncated library kills the process (SIGBUS in most places of truncation), and no try/catch sees it. So
// the headers are read here with bounds on everything, and every segment's extent is compared with the file's size.
// Formats: System V gABI, chapters 4 and 5. Threads: any. Errors: throws Error with one line that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace heddle {

struct PluginNote {
  uint32_t abi_major = 0, abi_minor = 0;
  uint32_t kinds = 0;  // bit 1<<kind for each kind offered; 0 = unstated
};

// The file's note when it may be loaded; throws otherwise.
PluginNote check_plugin_file(const std::filesystem::path& file);

// The same on bytes in memory (for tests): empty reason = fine.
std::string plugin_bytes_fault(std::span<const std::byte> bytes, PluginNote* note);

}  // namespace heddle
