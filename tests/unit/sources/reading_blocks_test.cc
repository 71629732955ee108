// DelimitedEvents in blocks of every size and on several threads: where a block ends, and who parses it, must not show.
#include "plugins/common/delimited_events.h"

#include <sys/mman.h>

#include "support.h"
#include "tests/unit/few_threads.h"

namespace heddle::test {
namespace {

using plugins::DelimitedEvents;
using plugins::EventFormat;
using plugins::OnBadRow;

EventFormat csv() {
  EventFormat format;
  format.columns = {0, 1, 3, 2};
  format.header = true;
  format.quotes = true;
  return format;
}

// "1 2 3.5 7; …", then bad rows if there are any; or the message of the error.
std::string events_of(const std::string& path, const EventFormat& format, int threads, std::size_t block_size) {
  std::string text;
  int64_t bad = 0;
  try {
    DelimitedEvents reader(path, format, threads, block_size);
    const sdk::Carries carries = reader.carries();
    for (bool more = true; more;) {
      sdk::Events block;
      while ((more = reader.next(block)) && block.size() == 0) {}
      const heddle_event_block raw = block.raw(carries);
      bad += raw.bad_rows;
      for (int64_t i = 0; i < raw.count; ++i) {
        const auto id = [&](const int64_t* numbers, const uint64_t* ends, const char* bytes) {
          return numbers != nullptr ? std::to_string(numbers[i]) : std::string(bytes + ends[i], bytes + ends[i + 1]);
        };
        text += fmt::format("{} {} {} {}; ", id(raw.user, raw.user_offsets, raw.user_text),
                            id(raw.item, raw.item_offsets, raw.item_text), raw.value[i], raw.time[i]);
      }
    }
  } catch (const sdk::PluginError& error) {
    return error.what();
  }
  return bad == 0 ? text : text + fmt::format("{} bad", bad);
}

class ReadingBlocks : public SourceTest {
 protected:
  // The same for blocks that end at every offset of the text, and for any number of threads.
  void same_everywhere(const std::string& text, const EventFormat& format, const std::string& expected) {
    const std::string path = write("events.csv", text);
    EXPECT_EQ(events_of(path, format, 1, 1 << 20), expected);
    for (std::size_t size = 1; size <= text.size() + 1; size += 1 + size / 400)
      for (const int threads : {1, 3}) ASSERT_EQ(events_of(path, format, threads, size), expected) << size;
    for (const int threads : {2, 7}) ASSERT_EQ(events_of(path, format, threads, 40), expected) << threads;
  }
  static std::string with_returns(std::string text) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) text.insert(at, "\r");
    return text;
  }
};

constexpr const char* rows =
    "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,0.5,1112484676\n22,3,4,7\n138493,128416,5.0,1427784002\n"
    "138493,1,2.25,123456789012\n7,8,10,1234567890123456\n";
constexpr const char* events =
    "1 2 3.5 1112486027; 1 29 0.5 1112484676; 22 3 4 7; 138493 128416 5 1427784002; 138493 1 2.25 123456789012; "
    "7 8 10 1234567890123456; ";

TEST_F(ReadingBlocks, EveryBlockSize) { same_everywhere(rows, csv(), events); }
TEST_F(ReadingBlocks, WindowsLineEnds) { same_everywhere(with_returns(rows), csv(), events); }
TEST_F(ReadingBlocks, ByteOrderMark) { same_everywhere("\xEF\xBB\xBF" + std::string(rows), csv(), events); }
TEST_F(ReadingBlocks, NoLastLineEnd) {
  const std::string text = rows;
  same_everywhere(text.substr(0, text.size() - 1), csv(), events);
}
TEST_F(ReadingBlocks, BlankLinesAtTheEnd) { same_everywhere(std::string(rows) + "\n\r\n\n", csv(), events); }

TEST_F(ReadingBlocks, LineEndsOfBothKinds) {
  same_everywhere("a,b,c,d\n1,2,3,4\r\n1,3,3,4\n1,4,3,4\r\n", csv(), "1 2 3 4; 1 3 3 4; 1 4 3 4; ");
}

TEST_F(ReadingBlocks, RowsThatAreNotPlainNumbers) {
  same_everywhere(
      "a,b,c,d\n1,2,3,4\n\"1\",\"3\",\"4.5\",5\n1,4,1e1,-6\n1,5,.5,7.9\n1,123456789,1,12345678901234567\n"
      "007,6,1,2009-02-13 23:31:30\n2,7,1,8\n",
      csv(), "1 2 3 4; 1 3 4.5 5; 1 4 10 -6; 1 5 0.5 7; 1 123456789 1 12345678901234567; 7 6 1 1234567890; 2 7 1 8; ");
}

TEST_F(ReadingBlocks, SeparatorsOfSeveralCharacters) {
  EventFormat format = csv();
  format.header = false;
  format.separator = "::";
  same_everywhere("1::2::3::4\n10::20::4.5::978300760\n3::4::5::6\n", format,
                  "1 2 3 4; 10 20 4.5 978300760; 3 4 5 6; ");
  format.on_bad_row = OnBadRow::skip;
  same_everywhere("1::2::3::4\n1:::3::4\n1::2:::3:4\n1::2::3::4::\n5::6::7::8\n", format, "1 2 3 4; 5 6 7 8; 3 bad");
}

TEST_F(ReadingBlocks, FieldsThatAreNotRead) {
  EventFormat format = csv();
  format.columns = {2, 4, 0, -1};
  format.on_bad_row = OnBadRow::skip;
  // What stands in them still decides whether a row is one: quotes, separators inside of quotes, bytes.
  same_everywhere(
      "t,x,u,y,i\n1,,2,b,3\n2,\"a,b\",3,c,4\n3,a,4,\"c,5\n4,a\xFF,5,d,6\n5,a,6,d\x01,7\n6,\"a\"b,7,e,8\n7,x,8,é,9\n",
      format, "2 3 1 1; 3 4 1 2; 6 7 1 5; 8 9 1 7; 3 bad");
}

TEST_F(ReadingBlocks, ManyFieldsBetween) {
  EventFormat format = csv();
  format.header = false;
  format.columns = {0, 11, 5, 9};
  same_everywhere("1,a,b,c,d,9,e,f,g,2.5,h,3\n4,a,b,c,d,8,e,f,g,1.5,h,5\n", format, "1 3 2.5 9; 4 5 1.5 8; ");
}

TEST_F(ReadingBlocks, WithoutTimesPositionsGoOnFromBlockToBlock) {
  EventFormat format;
  same_everywhere("5,6\n5,7\n4,6\n3,3\n", format, "5 6 1 0; 5 7 1 1; 4 6 1 2; 3 3 1 3; ");
}

TEST_F(ReadingBlocks, TextIds) {
  EventFormat format = csv();
  format.text_users = format.text_items = true;
  same_everywhere("a,b,c,d\nanna,x,1,2\nzo\xC3\xAB,\"x,y\",3,4\n", format, "anna x 1 2; zoë x,y 3 4; ");
}

TEST_F(ReadingBlocks, ABadRowIsToldWithItsLine) {
  std::string text = "a,b,c,d\n";
  for (int i = 2; i < 40; ++i) text += i == 31 ? "1,x,3,4\n" : i == 35 ? "1,2\n" : fmt::format("1,{},3,4\n", i);
  const std::string path = write("events.csv", text);
  same_everywhere(text, csv(), path + ":31: item is 'x'; expected an integer");
}

TEST_F(ReadingBlocks, BadRowsAreCounted) {
  EventFormat format = csv();
  format.on_bad_row = OnBadRow::skip;
  std::string text = "a,b,c,d\n1,2,3,4\n\n\n1,3,3,4\n\nbad\n1,2,3\n1,2,3,4,5\n\n1,4,3,4\n1,0,3,4\n1,5,3,4\n";
  text[text.find("1,0,3") + 2] = '\0';
  same_everywhere(text, format, "1 2 3 4; 1 3 3 4; 1 4 3 4; 1 5 3 4; 7 bad");
}

TEST_F(ReadingBlocks, ABlankLineInTheMiddleIsToldWithTheFirstOfThem) {
  const std::string path = write("events.csv", "");
  same_everywhere("a,b,c,d\n1,2,3,4\n\n\n1,3,3,4\n1,x,3,4\n", csv(), path + ":3: an empty line; expected 4 fields");
}

TEST_F(ReadingBlocks, ALastRowThatIsCutShort) {
  const std::string path = write("events.csv", "");
  same_everywhere("a,b,c,d\n1,2,3,4\n1,2,3\n1,2", csv(), path + ":3: 3 fields; expected 4, separated by ','");
  same_everywhere(
      "a,b,c,d\n1,2,3,4\n1,2", csv(),
      path +
          ":3: 2 fields; expected 4, separated by ',' (the last line, without a line end: the file may be cut "
          "short)");
}

TEST_F(ReadingBlocks, AColumnThatIsNotThere) {
  EventFormat format = csv();
  format.header = false;
  format.on_bad_row = OnBadRow::skip;
  const std::string path = write("events.csv", "");
  same_everywhere("1,2\n1,3\n", format, path + ":1: column 4 is asked for, but there are 2 fields separated by ','");
}

TEST_F(ReadingBlocks, GzipTooAndCutShortAtItsPlace) {
  std::string text = "a,b,c,d\n", expected;
  for (int i = 0; i < 3000; ++i) {
    text += fmt::format("{},{},3,{}\n", i / 9, i * 7919 % 1000, i * 104729 % 99991);
    expected += fmt::format("{} {} 3 {}; ", i / 9, i * 7919 % 1000, i * 104729 % 99991);
  }
  const std::string path = write_gzip("events.csv.gz", text);
  for (const int threads : {1, 2, 3, 7})
    for (const std::size_t size : {1u, 100u, 4096u, 1u << 20})
      ASSERT_EQ(events_of(path, csv(), threads, size), expected) << threads << " " << size;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  for (const int threads : {1, 7})
    EXPECT_EQ(events_of(path, csv(), threads, 4096), path + ": the gzip file is cut short") << threads;
}

TEST_F(ReadingBlocks, AReaderMayBeLeftBeforeTheEnd) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "1,2\n";
  const std::string path = write("events.csv", text);
  for (const int threads : {1, 2, 7}) {
    DelimitedEvents reader(path, EventFormat(), threads, 512);
    sdk::Events block;
    EXPECT_TRUE(reader.next(block));
    EXPECT_TRUE(reader.next(block));
    EXPECT_EQ(block.size(), 128);
  }
}

TEST_F(ReadingBlocks, ValuesThatOnlyLookLikeStars) {
  // As long as "4.5" in bytes, and with one above 127.
  for (const char* value : {"€", "4é",
                            "4\xAF"
                            "5",
                            "\xAF.5", "4.\xAF", "4\x80\x80", "\xFF\xFF\xFF", "\xB4"}) {
    const std::string text = fmt::format("a,b,c,d\n1,2,3.5,4\n1,3,4.5,4\n1,4,{},4\n1,5,4,4\n", value);
    EventFormat format = csv();
    const std::string path = write("events.csv", text), told = events_of(path, format, 1, 1 << 20);
    EXPECT_EQ(told.rfind(path + ":4: ", 0), 0u) << told;
    same_everywhere(text, format, told);
    format.on_bad_row = OnBadRow::skip;
    same_everywhere(text, format, "1 2 3.5 4; 1 3 4.5 4; 1 5 4 4; 1 bad");
  }
}

TEST_F(ReadingBlocks, SeparatorsOfFourCharactersInTextsOfEveryLength) {
  EventFormat format = csv();
  format.header = false;
  format.separator = "||||";
  const std::string first = "1||||2||||3.5||||4\n";
  for (std::size_t length = 1; length <= 64; ++length) {
    std::string text = first, expected = "1 2 3.5 4; ";
    for (std::size_t left = length; left > 0;) {  // times of 1 to 15 digits: texts grow by a byte
      const std::size_t digits = std::min<std::size_t>(left, 15);
      text += fmt::format("7||||8||||4||||{}\n", std::string(digits, '9'));
      expected += fmt::format("7 8 4 {}; ", std::string(digits, '9'));
      left -= digits;
    }
    const std::string path = write("events.csv", text);
    for (const std::size_t size : {first.size(), text.size() - first.size(), text.size()})
      ASSERT_EQ(events_of(path, format, 1, size), expected) << length << " " << size;
  }
}

// Behind the bytes that a block has around its text the memory ends.
TEST_F(ReadingBlocks, NothingIsReadBeyondABlock) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const memory = ::mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char* const first = static_cast<char*>(memory) + page;
  ASSERT_EQ(::mprotect(memory, page, PROT_NONE), 0);
  ASSERT_EQ(::mprotect(first + 2 * page, page, PROT_NONE), 0);
  const std::size_t margin = plugins::TextBlock::margin;
  for (const std::string separator : {",", "::", "|||", "||||"}) {
    plugins::NumberRows numbers(separator, {0, 1, 3, 2}, 4);
    if (!numbers.possible()) GTEST_SKIP() << "every row takes the exact way here";
    for (std::size_t digits = 1; digits <= 128; ++digits) {
      std::string text;
      for (std::size_t left = digits; left > 0;) {
        const std::size_t n = std::min<std::size_t>(left, 15);
        text += fmt::format("7{0}8{0}4.5{0}{1}\n", separator, std::string(n, '9'));
        left -= n;
      }
      for (char* const at : {first + margin, first + 2 * page - margin - text.size()}) {
        text.copy(at, text.size());
        int64_t users[16], items[16], times[16];
        double values[16];
        numbers.start({at, text.size()});
        const int64_t count = numbers.left();
        ASSERT_EQ(count, static_cast<int64_t>(digits + 14) / 15);
        ASSERT_EQ(numbers.read(count, {users, items, times, values}), count);
        ASSERT_EQ(values[count - 1], 4.5);
      }
    }
  }
  ::munmap(memory, 4 * page);
}

TEST_F(ReadingBlocks, AFaultIsToldAgainInsteadOfTheEvents) {
  const auto told = [](DelimitedEvents& reader) {
    try {
      for (sdk::Events block; reader.next(block);) {}
    } catch (const sdk::PluginError& error) {
      return std::string(error.what());
    }
    return std::string("the end");
  };
  std::string later = "a,b,c,d\n";
  for (int i = 2; i < 200; ++i) later += i == 150 ? "\n" : "1,2,3,4\n";
  for (const std::string& text : {std::string("a,b,c,d\n1,x,3,4\n1,2,3,4\n"), later}) {
    const std::string path = write("events.csv", text);
    for (const int threads : {1, 3}) {
      DelimitedEvents reader(path, csv(), threads, 64);
      const std::string first = told(reader);
      EXPECT_EQ(first.rfind(path + ":", 0), 0u) << first;
      EXPECT_EQ(told(reader), first);
      EXPECT_EQ(told(reader), first);
    }
  }
}

TEST_F(ReadingBlocks, ThreadsThatCannotBeMadeAreNotMissed) {
  if (!address_space_limited) GTEST_SKIP() << "sanitizers do not live under a limit of address space";
  const std::string path = write("events.csv", rows);
  std::string found;
  {
    const FewThreads few;
    found = events_of(path, csv(), FewThreads::many, 40);
  }
  EXPECT_EQ(found, events);
}

// Every plain number that the quick way may see, against the exact way's answer.
TEST_F(ReadingBlocks, NumbersOfEveryLength) {
  EventFormat format = csv();
  format.header = false;
  std::string text, expected, digits;
  for (int length = 1; length <= 18; ++length) {
    digits += static_cast<char>('0' + length * 7 % 10);
    const std::string id = digits.substr(0, static_cast<std::size_t>(std::min(length, 10)));
    text += fmt::format("{0},{0},{1},{2}\n", id, length % 2 == 0 ? "0.5" : "3", digits);
    expected += fmt::format("{0} {0} {1} {2}; ", id, length % 2 == 0 ? "0.5" : "3", digits);
  }
  for (int tenths = 0; tenths < 100; ++tenths) {
    text += fmt::format("1,2,{}.{},3\n", tenths / 10, tenths % 10);
    expected += fmt::format("1 2 {} 3; ", tenths / 10.0);
  }
  same_everywhere(text, format, expected);
  same_everywhere(with_returns(text), format, expected);
}

}  // namespace
}  // namespace heddle::test
