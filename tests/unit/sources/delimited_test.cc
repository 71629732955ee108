// heddle.delimited: column maps, separators, headers, quotes, encodings, ids, sequences.
#include "support.h"

namespace heddle::test {
namespace {

class DelimitedSource : public SourceTest {
 protected:
  // key, value pairs of text and choice options.
  static Given with(const std::string& path, const std::vector<std::pair<std::string, std::string>>& options = {}) {
    Given given = {{"path", path, {}}};
    for (const auto& [name, value] : options) given.push_back({name, value, {}});
    return given;
  }
  std::string read_text(std::string_view text, const std::vector<std::pair<std::string, std::string>>& options = {},
                        bool values = false) {
    return describe(read("heddle.delimited", with(write("events.csv", text), options)), values);
  }
  std::string failure_of(std::string_view text, const std::vector<std::pair<std::string, std::string>>& options = {}) {
    const std::string path = write("events.csv", text), message = failure("heddle.delimited", with(path, options));
    const size_t at = message.find(path);
    return at == message.npos ? message : message.substr(at + path.size());
  }
};

TEST_F(DelimitedSource, ColumnsByNumber) {
  EXPECT_EQ(read_text("7,1,20\n5,1,10\n", {{"user", "2"}, {"item", "3"}, {"time", "1"}}), "1: 10@5 20@7");
}

TEST_F(DelimitedSource, ColumnsByName) {
  EXPECT_EQ(read_text("stars,when,who,what\n4.5,7,1,20\n",
                      {{"user", "who"}, {"item", "what"}, {"time", "when"}, {"value", "stars"}}, true),
            "1: 20@7=4.5");
  EXPECT_EQ(failure_of("a,b\n1,2\n", {{"user", "who"}, {"item", "b"}}),
            ":1: column 'who' is not in the header, which has: a, b");
  EXPECT_EQ(failure_of("a,b\n1,2\n", {{"user", "a"}, {"item", "b"}, {"header", "no"}}),
            ":1: column 'a' is asked for by name, but header = \"no\"; give its number");
}

TEST_F(DelimitedSource, WithoutTimeTheFileIsTheOrder) {
  EXPECT_EQ(read_text("1,30\n2,10\n1,10\n"), "1: 30@0 10@2; 2: 10@1");
}

TEST_F(DelimitedSource, HeaderIsFoundByATimeThatIsNoNumber) {
  EXPECT_EQ(read_text("user,item,time\n1,2,3\n", {{"time", "3"}}), "1: 2@3");
  EXPECT_EQ(read_text("1,2,3\n1,3,4\n", {{"time", "3"}}), "1: 2@3 3@4");
  EXPECT_EQ(read_text("user,item\n1,2\n", {{"header", "yes"}}), "1: 2@0");
  EXPECT_EQ(read_text("user,item\n1,2\n", {{"header", "no"}}), "1: 2@1; user: item@0");  // then ids are texts
}

TEST_F(DelimitedSource, SeparatorsOfAnyLength) {
  EXPECT_EQ(read_text("1\t2\t3\n", {{"separator", "tab"}, {"time", "3"}}), "1: 2@3");
  EXPECT_EQ(read_text("1 <> 2 <> 3\n", {{"separator", " <> "}, {"time", "3"}}), "1: 2@3");
  EXPECT_EQ(read_text("1|2|3\n", {{"separator", "|"}, {"time", "3"}}), "1: 2@3");
}

TEST_F(DelimitedSource, TextIds) {
  EXPECT_EQ(read_text("zoë,b1,1\nanna,a,2\nzoë,a,3\n", {{"time", "3"}}), "anna: a@2; zoë: b1@1 a@3");
  EXPECT_EQ(read_text("u1,7,1\n", {{"time", "3"}}), "u1: 7@1");
  EXPECT_EQ(read_text("7,i1,1\n", {{"time", "3"}}), "7: i1@1");
  EXPECT_EQ(read_text("007,1\n08,1\n"), "007: 1@0; 08: 1@1");  // leading zeros belong to the id
  EXPECT_EQ(read_text("10,1\n9,1\n", {{"user_ids", "text"}}), "10: 1@0; 9: 1@1");
}

TEST_F(DelimitedSource, AnIdThatIsNoIntegerAfterAllIsABadRow) {
  EXPECT_EQ(failure_of("1,1\nanna,1\n"), ":2: user is 'anna'; expected an integer (user_ids = \"text\" allows any)");
}

TEST_F(DelimitedSource, Quotes) {
  EXPECT_EQ(read_text("\"a,b\",\"say \"\"hi\"\"\"\n"), "a,b: say \"hi\"@0");
  EXPECT_EQ(read_text("\"1\",\"2\",\"3\"\n", {{"time", "3"}}), "1: 2@3");
  EXPECT_EQ(failure_of("1,\"2\n"), ":1: the quote of field 2 is not closed on its line");
  EXPECT_EQ(failure_of("1,\"2\"3\n"), ":1: text after the closing quote of field 2; expected ','");
  EXPECT_EQ(read_text("x,\\\"q\n").substr(0, 2), "x:");
  const std::string path = write("raw.csv", "x,\"q\n");
  Given given = with(path);
  given.push_back({"quotes", false, {}});
  EXPECT_EQ(describe(read("heddle.delimited", given)), "x: \"q@0");
}

TEST_F(DelimitedSource, Latin1MustBeDeclared) {
  EXPECT_EQ(failure_of("1,1\n2,caf\xE9\n", {{"item_ids", "text"}}),
            ":2: bytes that are not UTF-8; declare encoding = \"latin-1\" if the file is that");
  EXPECT_EQ(read_text("a,caf\xE9\n", {{"encoding", "latin-1"}}), "a: café@0");
}

TEST_F(DelimitedSource, TimesMayHaveFractions) {
  EXPECT_EQ(read_text("1,2,3.9\n1,3,-0.5\n1,4,1e3\n", {{"time", "3"}}), "1: 3@-1 2@3 4@1000");
}

TEST_F(DelimitedSource, Gzip) {
  const std::string path = write_gzip("events.gz", "1,2\n1,3\n");
  EXPECT_EQ(describe(read("heddle.delimited", with(path))), "1: 2@0 3@1");
}

TEST_F(DelimitedSource, Sequences) {
  const std::vector<std::pair<std::string, std::string>> options = {{"layout", "sequences"}, {"separator", "space"}};
  EXPECT_EQ(read_text("1 10 20 10\n2  30 \n", options), "1: 10@0 20@1 10@2; 2: 30@3");
  EXPECT_EQ(read_text("anna a b\n", options), "anna: a@0 b@1");
  EXPECT_EQ(failure_of("1 10\n2\n", options), ":2: 1 fields; expected a user and at least one item, separated by ' '");
  EXPECT_EQ(failure_of("1 10\n2 -3\n", options), ":2: item is -3; expected an integer of 0 or more");
}

TEST_F(DelimitedSource, OptionsThatContradictEachOther) {
  EXPECT_NE(failure_of("1,2\n", {{"layout", "sequences"}, {"time", "3"}})
                .find("layout = \"sequences\" has no columns, but time names one"),
            std::string::npos);
  EXPECT_NE(failure_of("1,2\n", {{"separator", ""}}).find("separator is empty"), std::string::npos);
  EXPECT_EQ(failure_of("1,2\n", {{"item", "3"}}), ":1: column 3 is asked for, but there are 2 fields separated by ','");
  EXPECT_EQ(failure_of("", {}), ": the file is empty");
}

}  // namespace
}  // namespace heddle::test
