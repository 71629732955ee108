// What a plugin exports: its entry point and nothing else, and no "unique" symbols, which would be shared between
// plugins whatever their visibility. Read from the file, without loading it; the dynamic symbol table survives strip.
#pragma once

#include <filesystem>
#include <string>

namespace heddle::conformance {

// Returns a note; throws Failure naming the first symbol too many.
std::string check_exports(const std::filesystem::path& file);

}  // namespace heddle::conformance
