// Files and folders must be whole or absent under aborts, kills, full disks and missing rights.
#include "core/store/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/store/output_lock.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

using Names = std::vector<std::string>;

// Runs `body` in a child; returns its exit status as of waitpid. The child never returns into gtest.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = body();
    } catch (...) {}
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(AtomicFile, AppearsOnCommitOnly) {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a");
    file.write("hello");
    file.write_at(0, "J", 1);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    file.commit();
  }
  EXPECT_EQ(read_file(folder / "a"), "Jello");
  EXPECT_EQ(folder.names(), Names{"a"});
}

TEST(AtomicFile, AbandonedLeavesNothingAndKeepsTheOldOne) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.names(), Names{"a"});
}

TEST(AtomicFile, MissingFolderIsNamed) {
  const TemporaryFolder folder;
  const std::string message = error_of([&] { write_file(folder / "none/a", "x"); }, HEDDLE_NOT_FOUND);
  EXPECT_NE(message.find("none/a: cannot be created: No such file"), std::string::npos) << message;
}

TEST(AtomicFile, FolderInTheWayIsAnErrorAndLeavesNoTemporary) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  EXPECT_NE(error_of([&] { write_file(folder / "a", "x"); }, HEDDLE_DATA_LOSS), "");
  EXPECT_EQ(folder.names(), Names{"a"});
}

TEST(AtomicFile, KilledWriterLeavesALeftoverThatIsRemoved) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  const int status = in_child([&] {
    AtomicFile file(folder / "a");
    file.write("half");
    ::raise(SIGKILL);
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.names().size(), 2U);
  AtomicFile mine(folder / "b");  // a live temporary of this process is spared
  EXPECT_EQ(remove_leftovers(folder), 1);
  mine.write("b");
  mine.commit();
  EXPECT_EQ(folder.names(), (Names{"a", "b"}));
}

// Grows the limit byte by byte over the region where a write first fails, so that every partial length occurs.
TEST(AtomicFile, FileSizeLimitIsReportedAndLeavesNothing) {
  const TemporaryFolder folder;
  const std::string text(100, 'x');
  for (rlim_t limit : {0U, 1U, 50U, 99U, 100U}) {
    const int status = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit bound{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &bound);
      try {
        write_file(folder / "a", text);
      } catch (const Error& error) {
        return error.code() == HEDDLE_RESOURCE_EXHAUSTED ? 7 : 8;
      }
      return 0;
    });
    EXPECT_EQ(WEXITSTATUS(status), limit < 100 ? 7 : 0) << limit;
    EXPECT_EQ(std::filesystem::exists(folder / "a"), limit >= 100);
    EXPECT_EQ(folder.names().size(), limit < 100 ? 0U : 1U);
  }
}

TEST(AtomicFile, FullDiskIsReportedAndLeavesTheOldFile) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "disk");
  if (::mount("tmpfs", (folder / "disk").c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "cannot mount a small disk";
  write_file(folder / "disk/a", "old");
  const std::string message =
      error_of([&] { write_file(folder / "disk/a", std::string(1 << 20, 'x')); }, HEDDLE_RESOURCE_EXHAUSTED);
  EXPECT_NE(message.find("No space left"), std::string::npos) << message;
  EXPECT_EQ(read_file(folder / "disk/a"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "disk"), {}), 1);
  ::umount((folder / "disk").c_str());
}

TEST(AtomicFile, FolderWithoutRightsIsAPreconditionError) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder / "", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const int status = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 5;  // root may write everywhere
    try {
      write_file(folder / "a", "x");
    } catch (const Error& error) {
      return error.code() == HEDDLE_FAILED_PRECONDITION ? 7 : 8;
    }
    return 0;
  });
  std::filesystem::permissions(folder / "", std::filesystem::perms::owner_all);
  if (WEXITSTATUS(status) == 5) GTEST_SKIP() << "cannot give up root";
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(AtomicDir, AppearsWhole) {
  const TemporaryFolder folder;
  {
    AtomicDir dir(folder / "d");
    write_file(dir.path() / "x", "1");
    std::filesystem::create_directory(dir.path() / "sub");
    write_file(dir.path() / "sub/y", "2");
    EXPECT_FALSE(std::filesystem::exists(folder / "d"));
    dir.commit();
  }
  EXPECT_EQ(read_file(folder / "d/sub/y"), "2");
  EXPECT_EQ(folder.names(), Names{"d"});
}

TEST(AtomicDir, ReplacesOrKeepsWhatIsThere) {
  const TemporaryFolder folder;
  for (const char* text : {"one", "two"}) {
    AtomicDir dir(folder / "d");
    write_file(dir.path() / "x", text);
    dir.commit();
  }
  EXPECT_EQ(read_file(folder / "d/x"), "two");
  {
    AtomicDir dir(folder / "d");
    write_file(dir.path() / "x", "three");
    dir.commit(AtomicDir::Existing::keep);
  }
  EXPECT_EQ(read_file(folder / "d/x"), "two");
  EXPECT_EQ(folder.names(), Names{"d"});
}

// A child replaces a folder of two files over and over and is killed at some moment: what stands must be one version whole.
TEST(AtomicDir, KilledAtAnyMomentIsWholeOrAbsent) {
  const TemporaryFolder folder;
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0;; ++i) {
        AtomicDir dir(folder / "d");
        write_file(dir.path() / "x", std::to_string(i));
        write_file(dir.path() / "y", std::to_string(i));
        dir.commit();
      }
    }
    ::usleep(static_cast<useconds_t>(300 + 457 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (std::filesystem::exists(folder / "d")) {
      ASSERT_EQ(read_file(folder / "d/x"), read_file(folder / "d/y"));
    }
    remove_leftovers(folder);
    for (const std::string& name : folder.names()) ASSERT_EQ(name, "d");
  }
}

TEST(OutputLock, SecondHolderIsRefusedWithTheFirstOnesNumber) {
  const TemporaryFolder folder;
  const std::string mine = std::to_string(::getpid());
  {
    const OutputLock lock(folder / "new/output");
    const auto refused = [&] {
      try {
        const OutputLock second(folder / "new/output");
      } catch (const Error& error) {
        return std::string(error.what()).find("process " + mine + ")") != std::string::npos ? 7 : 8;
      }
      return 0;
    };
    EXPECT_EQ(refused(), 7);
    EXPECT_EQ(WEXITSTATUS(in_child(refused)), 7);
  }
  const OutputLock again(folder / "new/output");
}

TEST(OutputLock, KilledHolderHoldsNothing) {
  const TemporaryFolder folder;
  in_child([&] {
    const OutputLock lock(folder);
    ::raise(SIGKILL);
    return 0;
  });
  const OutputLock lock(folder);
}

}  // namespace
}  // namespace heddle
