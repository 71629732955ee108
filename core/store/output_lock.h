// One writer per output folder: an exclusive lock on FOLDER/.lock, held while the object lives and released by the
// kernel when the process ends, however it ends. [any thread]
#pragma once

#include <filesystem>

namespace heddle {

class OutputLock {
 public:
  // Creates the folder when it is missing. Throws FAILED_PRECONDITION naming the holder's process id when another
  // process (or another OutputLock of this one) holds it.
  explicit OutputLock(const std::filesystem::path& folder);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace heddle
