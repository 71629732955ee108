// Errors across the boundary: codes, messages, truncation.
#include "heddle/status.hpp"
#include "harness.h"

namespace {

using namespace heddle::sdk;
using heddle_test::ErrorText;

TEST(Status, TrampolinesTurnEveryExceptionIntoAStatus) {
  ErrorText error;
  EXPECT_EQ(guarded(&error.raw, [] {}), HEDDLE_OK);
  EXPECT_EQ(guarded(&error.raw, [] { raise(HEDDLE_NOT_FOUND, "row ", 7, " of ", 2.5, ' ', std::string("x"), true); }),
            HEDDLE_NOT_FOUND);
  EXPECT_STREQ(error.text, "row 7 of 2.5 xtrue");
  EXPECT_EQ(error.raw.code, HEDDLE_NOT_FOUND);
  EXPECT_EQ(error.raw.length, std::strlen(error.text));
  EXPECT_EQ(guarded(&error.raw, [] { throw std::bad_alloc(); }), HEDDLE_RESOURCE_EXHAUSTED);
  EXPECT_EQ(guarded(&error.raw, [] { throw std::runtime_error("what"); }), HEDDLE_UNKNOWN);
  EXPECT_STREQ(error.text, "what");
  EXPECT_EQ(guarded(&error.raw, [] { throw 7; }), HEDDLE_UNKNOWN);
  EXPECT_EQ(guarded(nullptr, [] { raise(HEDDLE_INTERNAL, "nobody listens"); }), HEDDLE_INTERNAL);
}

TEST(Status, MessagesAreCutAtCharacterBoundaries) {
  for (uint32_t capacity = 0; capacity <= 12; ++capacity) {
    char text[16];
    std::memset(text, '#', sizeof text);
    heddle_error error{sizeof error, 0, 0, capacity, 0, text};
    set_error(&error, HEDDLE_INTERNAL, "aä€😀");  // characters of 1, 2, 3 and 4 bytes
    const uint64_t wanted = capacity > 10 ? 10 : capacity > 6 ? 6 : capacity > 3 ? 3 : capacity > 1 ? 1 : 0;
    EXPECT_EQ(error.length, wanted) << capacity;
    if (capacity > 0) {
      EXPECT_EQ(text[wanted], 0);
    }
    EXPECT_EQ(text[capacity], '#') << "written past the end";
  }
}

TEST(Status, HostErrorsComeBackAsExceptions) {
  try {
    HostError error;
    error.check(set_error(error, HEDDLE_CANCELLED, "stop"));
    FAIL();
  } catch (const PluginError& e) {
    EXPECT_EQ(e.code(), HEDDLE_CANCELLED);
    EXPECT_STREQ(e.what(), "stop");
  }
}

}  // namespace
