#include "core/store/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/store/atomic_file.h"

namespace heddle {

OutputLock::OutputLock(const std::filesystem::path& folder) {
  make_folder(folder);
  const std::filesystem::path file = folder / ".lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    fail(HEDDLE_FAILED_PRECONDITION, "{}: cannot be created: {}", file.string(), std::strerror(errno));
  // flock, not fcntl: it belongs to this open file, so a second lock inside the same process is refused as well.
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    const int reason = errno;
    char holder[32] = {};
    const ssize_t got = ::pread(descriptor_, holder, sizeof holder - 1, 0);
    ::close(descriptor_);
    if (reason != EWOULDBLOCK)
      fail(HEDDLE_FAILED_PRECONDITION, "{}: cannot be locked: {}", file.string(), std::strerror(reason));
    fail(HEDDLE_FAILED_PRECONDITION,
         "{}: another run (process {}) is writing to this folder; wait for it, or choose another with --out",
         folder.string(), got > 0 ? holder : "unknown");
  }
  // Who holds it, only for the message above; failing to write it does no harm.
  const std::string text = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, text.data(), text.size(), 0) < 0) errno = 0;
}

OutputLock::~OutputLock() {
  // The file stays: removing it would let a third process lock a new one while a second holds the old.
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace heddle
