// A file name of this process's own in the temporary folder; removed at the end.
#pragma once

#include <unistd.h>

#include <filesystem>

namespace heddle::conformance {

class ScratchFile {
 public:
  ScratchFile()
      : path_(std::filesystem::temp_directory_path() / ("heddle-check-" + std::to_string(getpid()) + ".safetensors")) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace heddle::conformance
