#include "core/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>

#include "core/base/error.h"

namespace heddle {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void raise(const fs::path& path, std::string_view what, int reason) {
  int32_t code = HEDDLE_DATA_LOSS;
  if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG || reason == EMFILE || reason == ENFILE ||
      reason == ENOMEM)
    code = HEDDLE_RESOURCE_EXHAUSTED;
  if (reason == ENOENT || reason == ENOTDIR) code = HEDDLE_NOT_FOUND;
  if (reason == EACCES || reason == EPERM || reason == EROFS) code = HEDDLE_FAILED_PRECONDITION;
  fail(code, "{}: {}: {}", path.string(), what, std::strerror(reason));
}

// Temporaries of this process that are still in use: remove_leftovers spares them.
struct Live {
  std::mutex mutex;
  std::set<std::string> paths;
  static Live& instance() {
    static Live* live = new Live;  // never destroyed: destructors of static objects may still remove a temporary
    return *live;
  }
  void add(const fs::path& path) {
    const std::lock_guard lock(mutex);
    paths.insert(fs::absolute(path).string());
  }
  void remove(const fs::path& path) {
    const std::lock_guard lock(mutex);
    paths.erase(fs::absolute(path).string());
  }
  bool contains(const fs::path& path) {
    const std::lock_guard lock(mutex);
    return paths.count(fs::absolute(path).string()) != 0;
  }
};

constexpr std::string_view mark = ".tmp-";

fs::path temporary_name(const fs::path& target) {
  static std::atomic<uint64_t> counter{0};
  // The process id keeps processes apart; the counter keeps threads apart.
  return target.parent_path() /
         fmt::format(".{}{}{}-{}", target.filename().string(), mark, ::getpid(), counter.fetch_add(1));
}

bool is_temporary(const std::string& name) {
  return name.size() > 1 && name[0] == '.' && name.find(mark) != std::string::npos;
}

void flush_descriptor(int descriptor, const fs::path& path) {
  while (::fsync(descriptor) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == EROFS) return;  // special files cannot be flushed, and need not be
    raise(path, "cannot be flushed to the disk", errno);
  }
}

void flush_path(const fs::path& path, bool folder) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (folder ? O_DIRECTORY : 0));
  if (descriptor < 0) raise(path, "cannot be flushed to the disk", errno);
  try {
    flush_descriptor(descriptor, path);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void write_all(int descriptor, const void* data, size_t bytes, const fs::path& target, const uint64_t* offset) {
  const auto* p = static_cast<const char*>(data);
  uint64_t at = offset != nullptr ? *offset : 0;
  while (bytes > 0) {
    // Linux writes at most 2 GiB at once; anything less than asked for is legal.
    const size_t chunk = std::min<size_t>(bytes, size_t{1} << 30);
    const ssize_t put =
        offset != nullptr ? ::pwrite(descriptor, p, chunk, static_cast<off_t>(at)) : ::write(descriptor, p, chunk);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) raise(target, "cannot be written", errno);
    p += put, bytes -= static_cast<size_t>(put), at += static_cast<uint64_t>(put);
  }
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)), temporary_(temporary_name(target_)) {
  Live::instance().add(temporary_);
  // A leftover under this very name (the same process id in another container) is simply overwritten.
  descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int reason = errno;
    Live::instance().remove(temporary_);
    raise(target_, "cannot be created", reason);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
  }
  Live::instance().remove(temporary_);
}

void AtomicFile::write(const void* data, size_t bytes) {
  write_all(descriptor_, data, bytes, target_, nullptr);
  size_ += bytes;
}

void AtomicFile::write_at(uint64_t offset, const void* data, size_t bytes) {
  if (offset + bytes > size_) fail(HEDDLE_INTERNAL, "{}: write_at past the end", target_.string());
  write_all(descriptor_, data, bytes, target_, &offset);
}

void AtomicFile::commit() {
  if (descriptor_ < 0) fail(HEDDLE_INTERNAL, "{}: committed twice", target_.string());
  flush_descriptor(descriptor_, target_);
  // Network drives report a full disk only here. Until the rename the file stays ours to remove.
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    raise(target_, "cannot be written", reason);
  }
  flush_path(folder_of(target_), true);
}

void write_file(const fs::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

std::string read_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) raise(path, "cannot be opened", errno);
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      const int reason = errno;
      ::close(descriptor);
      if (got < 0) raise(path, "cannot be read", reason);
      return text;
    }
    text.append(buffer, static_cast<size_t>(got));
  }
}

AtomicDir::AtomicDir(fs::path target) : target_(std::move(target)), temporary_(temporary_name(target_)) {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  Live::instance().add(temporary_);
  if (::mkdir(temporary_.c_str(), 0777) != 0) {
    const int reason = errno;
    Live::instance().remove(temporary_);
    raise(target_, "cannot be created", reason);
  }
}

AtomicDir::~AtomicDir() {
  if (!done_) {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
  Live::instance().remove(temporary_);
}

void AtomicDir::commit(Existing existing) {
  if (done_) fail(HEDDLE_INTERNAL, "{}: committed twice", target_.string());
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(temporary_))
    if (!entry.is_symlink()) flush_path(entry.path(), entry.is_directory());
  flush_path(temporary_, true);
  if (existing == Existing::keep && fs::exists(target_)) return;  // the destructor drops ours
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) raise(target_, "cannot be written", errno);
    // A full folder is in the way: swap the two in one step where the file system can, else move the old one aside
    // first; a kill between those two renames leaves the name absent, never half.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      const fs::path aside = temporary_name(target_);
      if (::rename(target_.c_str(), aside.c_str()) != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0)
        raise(target_, "cannot be replaced", errno);
      temporary_ = aside;
    }
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
  done_ = true;
  flush_path(folder_of(target_), true);
}

int64_t remove_leftovers(const fs::path& folder) {
  std::error_code error;
  int64_t removed = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (!is_temporary(entry.path().filename().string()) || Live::instance().contains(entry.path())) continue;
    std::error_code failed;
    fs::remove_all(entry.path(), failed);
    if (failed)
      fail(HEDDLE_FAILED_PRECONDITION, "{}: left by a killed run, cannot be removed: {}", entry.path().string(),
           failed.message());
    ++removed;
  }
  return removed;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) raise(folder, "cannot be created", error.value());
  if (!fs::is_directory(folder, error)) raise(folder, "cannot be created", ENOTDIR);
}

}  // namespace heddle
