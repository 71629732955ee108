// The Python that the comparisons with other programs run in: HEDDLE_PEERS_VENV, or .venv of this tree, which
// `./dev parity` makes. Tests skip, saying so, where it lacks what they compare with.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace heddle::peers {

inline std::filesystem::path python() {
  const char* given = std::getenv("HEDDLE_PEERS_VENV");
  const std::filesystem::path venv = given != nullptr ? given : HEDDLE_SOURCE_DIR "/.venv";
  return venv / "bin/python";
}

// Empty when these modules can be imported, else why they cannot.
inline std::string missing(const std::string& modules) {
  const std::string where = python().string();
  if (!std::filesystem::exists(python())) return "no " + where + " (HEDDLE_PEERS_VENV)";
  if (std::system((where + " -c 'import " + modules + "' >/dev/null 2>&1").c_str()) != 0)
    return where + " cannot import " + modules;
  return "";
}

// A file of the build folder for what a test hands over.
inline std::string file(const std::string& name) { return (std::filesystem::path(HEDDLE_BUILD_DIR) / name).string(); }

// Exit code of tests/parity/SCRIPT FILE.
inline int run(const std::string& script, const std::string& input) {
  return std::system((python().string() + " " HEDDLE_SOURCE_DIR "/tests/parity/" + script + " " + input).c_str());
}

}  // namespace heddle::peers
