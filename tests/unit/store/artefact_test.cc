#include "core/store/artefact.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/store/hash.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

const std::string key = sha256_hex("a"), other_key = sha256_hex("b");

Artefact write_one(const ArtefactStore& store, const std::string& text) {
  nlohmann::ordered_json params;
  params["z"] = 1, params["a"] = 0.5;
  ArtefactWriter writer = store.create({"backbone", key, params, {{"split", other_key}}});
  write_file(writer.file("weights"), text);
  write_file(writer.file("history"), "[]");
  return writer.commit();
}

TEST(Artefact, RoundTrip) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  EXPECT_FALSE(store.has("backbone", key));
  EXPECT_FALSE(store.open("backbone", key).has_value());
  const Artefact written = write_one(store, "w");
  EXPECT_TRUE(store.has("backbone", key));
  EXPECT_EQ(written.folder(), store.folder("backbone", key));
  EXPECT_EQ(written.name(), "backbone-" + key.substr(0, 16));
  const auto opened = store.open("backbone", key);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(read_file(opened->file("weights")), "w");
  EXPECT_EQ(opened->record().inputs.at("split"), other_key);
  EXPECT_EQ(opened->record().params.at("a"), 0.5);
  EXPECT_EQ(opened->created_by().rfind("heddle ", 0), 0U);
  EXPECT_FALSE(opened->contains("manifest.json"));
  EXPECT_NE(error_of([&] { opened->file("none"); }, HEDDLE_NOT_FOUND), "");
}

TEST(Artefact, TheFirstOneStays) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  write_one(store, "first");
  EXPECT_EQ(read_file(write_one(store, "second").file("weights")), "first");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "store"), {}), 1);
}

TEST(Artefact, AbandonedWriterLeavesNothing) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  {
    ArtefactWriter writer = store.create({"split", key, {}, {}});
    write_file(writer.file("x"), "1");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "store"));
}

TEST(Artefact, EveryDamageIsFoundAndNamed) {
  const struct {
    const char* what;
    std::string expected;
    void (*damage)(const std::filesystem::path&);
  } cases[] = {
      {"changed", "the content of 'weights' has changed",
       [](const std::filesystem::path& p) { write_file(p / "weights", "v"); }},
      {"cut", "'weights' has 0 bytes instead of 1",
       [](const std::filesystem::path& p) { write_file(p / "weights", ""); }},
      {"missing", "'weights' cannot be read",
       [](const std::filesystem::path& p) { std::filesystem::remove(p / "weights"); }},
      {"extra", "'more' does not belong to it", [](const std::filesystem::path& p) { write_file(p / "more", ""); }},
      {"no manifest", "manifest.json",
       [](const std::filesystem::path& p) { std::filesystem::remove(p / "manifest.json"); }},
      {"manifest cut", "not sound JSON",
       [](const std::filesystem::path& p) {
         write_file(p / "manifest.json", read_file(p / "manifest.json").substr(0, 60));
       }},
      {"manifest empty", "its manifest is not one",
       [](const std::filesystem::path& p) { write_file(p / "manifest.json", "{}"); }},
      {"manifest list", "its manifest is not one",
       [](const std::filesystem::path& p) { write_file(p / "manifest.json", "[]"); }},
      {"foreign", "its manifest is of split",
       [](const std::filesystem::path& p) {
         nlohmann::json manifest = nlohmann::json::parse(read_file(p / "manifest.json"));
         manifest["stage"] = "split";
         write_file(p / "manifest.json", manifest.dump());
       }},
      {"newer", "its format is 2, this program reads 1",
       [](const std::filesystem::path& p) {
         nlohmann::json manifest = nlohmann::json::parse(read_file(p / "manifest.json"));
         manifest["format"] = 2;
         write_file(p / "manifest.json", manifest.dump());
       }},
      {"escape", "does not belong to it",
       [](const std::filesystem::path& p) {
         nlohmann::json manifest = nlohmann::json::parse(read_file(p / "manifest.json"));
         manifest["files"] = nlohmann::json::object();
         write_file(p / "manifest.json", manifest.dump());
       }},
  };
  for (const auto& c : cases) {
    const TemporaryFolder folder;
    const ArtefactStore store(folder);
    c.damage(write_one(store, "w").folder());
    const std::string message = error_of([&] { store.open("backbone", key); }, HEDDLE_DATA_LOSS);
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.what << ": " << message;
    EXPECT_NE(message.find("remove this folder"), std::string::npos) << message;
  }
}

TEST(Artefact, KilledWhileWritingIsAbsentAndCleanedUp) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  std::filesystem::create_directory(folder / "store");
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      write_one(store, std::string(size_t{1} << 20, 'w'));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(500 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    store.remove_leftovers();
    if (store.has("backbone", key)) {
      EXPECT_TRUE(store.open("backbone", key).has_value());  // whole
      std::filesystem::remove_all(store.folder("backbone", key));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder / "store"));
  }
}

TEST(Artefact, PartialFoldersSurviveAndAreDropped) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  const auto partial = store.partial("backbone", key);
  write_file(partial / "checkpoint", "1");
  store.remove_leftovers();
  EXPECT_EQ(read_file(store.partial("backbone", key) / "checkpoint"), "1");
  store.drop_partial("backbone", key);
  EXPECT_FALSE(std::filesystem::exists(partial));
}

TEST(Artefact, PartialFoldersOfCompleteArtefactsAreLeftovers) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  const auto partial = store.partial("backbone", key);
  write_file(partial / "checkpoint", "1");
  write_one(store, "w");  // a kill right here leaves both
  EXPECT_EQ(store.remove_leftovers(), 1);
  EXPECT_FALSE(std::filesystem::exists(partial));
  EXPECT_TRUE(store.open("backbone", key).has_value());
}

TEST(Artefact, NamesThatAreNoStagesAreBugs) {
  const TemporaryFolder folder;
  const ArtefactStore store(folder);
  EXPECT_NE(error_of([&] { store.folder("../x", key); }, HEDDLE_INTERNAL), "");
  EXPECT_NE(error_of([&] { store.folder("x", "abc"); }, HEDDLE_INTERNAL), "");
}

}  // namespace
}  // namespace heddle
