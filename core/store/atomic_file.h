// Files and folders that are whole or absent, whatever kills the process or the machine.
//
// Everything is written under a temporary name in the target's own folder (rename is atomic only inside one file
// system), flushed to the disk, renamed, and then the folder's entry is flushed too. A temporary that was not
// committed is removed by the destructor; one left by a killed process is recognised by its name (".NAME.tmp-…") and
// removed by remove_leftovers. Objects: one thread at a time. Errors name the file and the system's reason:
// RESOURCE_EXHAUSTED when disk or quota is full, NOT_FOUND when the folder is missing, FAILED_PRECONDITION when
// writing is not allowed, DATA_LOSS otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace heddle {

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Overwrites bytes that were written before (a header filled in at the end).
  void write_at(uint64_t offset, const void* data, size_t bytes);
  uint64_t size() const { return size_; }
  // Makes the file appear under its name, replacing one that is there. Once.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// Whole text in one go.
void write_file(const std::filesystem::path& target, std::string_view text);
// The whole file; NOT_FOUND / DATA_LOSS with the file's name.
std::string read_file(const std::filesystem::path& path);

class AtomicDir {
 public:
  enum class Existing { replace, keep };  // what to do with a folder that already stands under the name

  explicit AtomicDir(std::filesystem::path target);
  ~AtomicDir();
  AtomicDir(const AtomicDir&) = delete;
  AtomicDir& operator=(const AtomicDir&) = delete;

  // Where to write until commit().
  const std::filesystem::path& path() const { return temporary_; }
  // Flushes every file below path() and renames. With `keep`, an existing folder stays and this one is dropped. Once.
  void commit(Existing existing = Existing::replace);

 private:
  std::filesystem::path target_, temporary_;
  bool done_ = false;
};

// Removes temporaries of killed processes directly inside `folder`; returns how many. Call it while holding the output
// folder's lock (output_lock.h), so that nobody else's live temporary is taken; this process's own are spared.
int64_t remove_leftovers(const std::filesystem::path& folder);

// Creates a folder and its parents; errors as above.
void make_folder(const std::filesystem::path& folder);

}  // namespace heddle
