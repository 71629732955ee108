// heddle.movielens on hand-made files of every layout.
#include "support.h"

namespace heddle::test {
namespace {

class MovieLensSource : public SourceTest {
 protected:
  static Given at(const std::string& path) { return {{"path", path, {}}}; }
  static Given skipping(const std::string& path) {
    return {{"path", path, {}}, {"on_bad_row", std::string("skip"), {}}};
  }
};

TEST_F(MovieLensSource, Layout100K) {
  const std::string path = write("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t300\t1\t881250000\n");
  EXPECT_EQ(describe(read("heddle.movielens", at(path)), true),
            "186: 302@891717742=3; 196: 300@881250000=1 242@881250949=3");
  EXPECT_EQ(read("heddle.movielens", at(folder())).event_count(), 3);
}

TEST_F(MovieLensSource, Layout1MAnd10M) {
  write("ratings.dat", "1::1193::5::978300760\n1::661::3.5::978302109\n");
  EXPECT_EQ(describe(read("heddle.movielens", at(folder())), true), "1: 1193@978300760=5 661@978302109=3.5");
}

TEST_F(MovieLensSource, Layout20M) {
  const std::string path =
      write("ratings.csv", "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,0.5,1112484676\n");
  EXPECT_EQ(describe(read("heddle.movielens", at(path)), true), "1: 29@1112484676=0.5 2@1112486027=3.5");
}

TEST_F(MovieLensSource, WithoutRatingsAndWithFurtherColumns) {
  const std::string path =
      write("ratings.csv", "userId,movieId,timestamp,exact\n1,3186,978300019,1\n1,1270,978300055,0\n");
  const Interactions log = read("heddle.movielens", at(path));
  EXPECT_EQ(describe(log), "1: 3186@978300019 1270@978300055");
  EXPECT_TRUE(log.values.empty());
}

TEST_F(MovieLensSource, WindowsLineEndsByteOrderMarkAndMissingLastLineEnd) {
  const std::string path = write("ratings.csv", "\xEF\xBB\xBFuserId,movieId,rating,timestamp\r\n1,2,3.5,7\r\n1,3,4,8");
  EXPECT_EQ(describe(read("heddle.movielens", at(path))), "1: 2@7 3@8");
}

TEST_F(MovieLensSource, GzipIsRecognisedByContent) {
  write_gzip("ratings.csv.gz", "userId,movieId,rating,timestamp\n1,2,3.5,7\n");
  EXPECT_EQ(describe(read("heddle.movielens", at(folder()))), "1: 2@7");
  write_gzip("named_like_text.csv", "1::2::3::4\n");
  EXPECT_EQ(describe(read("heddle.movielens", at(folder() + "/named_like_text.csv"))), "1: 2@4");
}

TEST_F(MovieLensSource, AGzipFileOfSeveralMembersIsOneFile) {
  const std::string first = write_gzip("a.gz", "1::2::3::4\n"), second = write_gzip("b.gz", "1::3::3::5\n");
  std::ofstream(first, std::ios::binary | std::ios::app) << std::ifstream(second, std::ios::binary).rdbuf();
  EXPECT_EQ(describe(read("heddle.movielens", at(first))), "1: 2@4 3@5");
}

TEST_F(MovieLensSource, AGzipFileThatIsCutShortIsAlwaysAnError) {
  std::string rows = "userId,movieId,rating,timestamp\n";
  for (int i = 0; i < 5000; ++i)
    rows += std::to_string(i) + "," + std::to_string(i * 7919 % 1000) + ",3," + std::to_string(i * i) + "\n";
  const std::string path = write_gzip("ratings.csv.gz", rows);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_EQ(failure("heddle.movielens", at(path)), "heddle.movielens: " + path + ": the gzip file is cut short");
  EXPECT_EQ(failure("heddle.movielens", skipping(path)), "heddle.movielens: " + path + ": the gzip file is cut short");
}

TEST_F(MovieLensSource, ADamagedGzipFileIsAnError) {
  const std::string path =
      write_gzip("ratings.csv.gz", "userId,movieId,rating,timestamp\n1,2,3.5,7\n1,2,3.5,7\n1,2,3.5,7\n");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(20).write("\xff\xff\xff\xff", 4);
  file.close();
  EXPECT_NE(failure("heddle.movielens", at(path)).find("the gzip file is "), std::string::npos);
}

// Every bad row: one error that names file and line, says what was found and what is expected; or it is skipped and
// counted.
struct BadRowCase {
  const char* name;
  std::string row, message;
};
class MovieLensBadRow : public SourceTest, public testing::WithParamInterface<BadRowCase> {};

TEST_P(MovieLensBadRow, IsToldWithItsLineOrSkipped) {
  const std::string path = (std::filesystem::path(folder()) / "ratings.csv").string();
  write("ratings.csv", "userId,movieId,rating,timestamp\n1,10,4,100\n" + GetParam().row + "\n1,20,4,101\n");
  EXPECT_EQ(failure("heddle.movielens", {{"path", path, {}}}),
            "heddle.movielens: " + path + ":3: " + GetParam().message);
  const Interactions log = read("heddle.movielens", {{"path", path, {}}, {"on_bad_row", std::string("skip"), {}}});
  EXPECT_EQ(describe(log), "1: 10@100 20@101");
  EXPECT_EQ(log.report.bad_rows, 1);
  EXPECT_EQ(log.report.rows, 2);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, MovieLensBadRow,
    testing::Values(BadRowCase{"MissingField", "1,11,4", "3 fields; expected 4, separated by ','"},
                    BadRowCase{"ExtraField", "1,11,4,5,6", "5 fields; expected 4, separated by ','"},
                    BadRowCase{"UserNoNumber", "x1,11,4,5", "user is 'x1'; expected an integer"},
                    BadRowCase{"UserEmpty", ",11,4,5", "user is ''; expected an integer"},
                    BadRowCase{"UserNegative", "-1,11,4,5", "user is -1; expected an integer of 0 or more"},
                    BadRowCase{"ItemReal", "1,1.5,4,5", "item is '1.5'; expected an integer"},
                    BadRowCase{"ItemTooLarge", "1,99999999999999999999,4,5",
                               "item is '99999999999999999999'; expected an integer"},
                    BadRowCase{"ItemWithSpace", "1, 11,4,5", "item is ' 11'; expected an integer"},
                    BadRowCase{"ValueNaN", "1,11,nan,5", "value is 'nan'; expected a finite number"},
                    BadRowCase{"ValueInfinite", "1,11,inf,5", "value is 'inf'; expected a finite number"},
                    BadRowCase{"ValueEmpty", "1,11,,5", "value is ''; expected a finite number"},
                    BadRowCase{"TimeNoNumber", "1,11,4,yesterday",
                               "time is 'yesterday'; expected a number, or a date like 2019-01-20 18:05"},
                    BadRowCase{"NotUtf8", "1,11,4,\xE9",
                               "bytes that are not UTF-8; declare encoding = \"latin-1\" if the file is that"},
                    BadRowCase{"Nul", std::string("1,11,4,\0", 8), "a NUL byte in column 8; text is expected"}),
    [](const auto& row) { return row.param.name; });

TEST_F(MovieLensSource, AnEmptyLineInTheMiddleIsBadAtTheEndItIsNot) {
  const std::string path = write("u.data", "1\t2\t3\t4\n\n1\t3\t3\t5\n\n\n");
  EXPECT_EQ(failure("heddle.movielens", at(path)),
            "heddle.movielens: " + path + ":2: an empty line; expected 4 fields");
  const Interactions log = read("heddle.movielens", skipping(path));
  EXPECT_EQ(describe(log), "1: 2@4 3@5");
  EXPECT_EQ(log.report.bad_rows, 1);
}

TEST_F(MovieLensSource, ALastRowThatIsCutShortSaysSo) {
  const std::string path = write("u.data", "1\t2\t3\t4\n1\t3\t3");
  EXPECT_EQ(
      failure("heddle.movielens", at(path)),
      "heddle.movielens: " + path +
          ":2: 3 fields; expected 4, separated by '\t' (the last line, without a line end: the file may be cut short)");
}

TEST_F(MovieLensSource, WhatIsNoMovieLensIsToldSo) {
  EXPECT_EQ(
      failure("heddle.movielens", at(folder())),
      "heddle.movielens: the folder " + folder() + " has none of u.data, ratings.dat, ratings.csv (nor with .gz)");
  EXPECT_EQ(failure("heddle.movielens", at(folder() + "/no")),
            "heddle.movielens: there is no file or folder " + folder() + "/no");
  const std::string path = write("ratings.csv", "a,b,c\n1,2,3\n");
  EXPECT_TRUE(failure("heddle.movielens", at(path))
                  .starts_with("heddle.movielens: " + path + ":1: the first line is 'a,b,c'; expected user<tab>"));
  EXPECT_EQ(failure("heddle.movielens", at(write("ratings.csv", ""))),
            "heddle.movielens: " + path + ": the file is empty; expected MovieLens ratings");
  write("ratings.dat", "1::1::1::1\n");
  EXPECT_NE(failure("heddle.movielens", at(folder())).find("name the file that is meant"), std::string::npos);
}

TEST_F(MovieLensSource, TheFingerprintFollowsTheContent) {
  const std::string path = write("u.data", "1\t2\t3\t4\n");
  const auto print = [&] { return OpenSource("heddle.movielens", at(path)).source.fingerprint(); };
  const std::string first = print();
  EXPECT_EQ(first.substr(0, 8), "8 bytes ");
  EXPECT_EQ(print(), first);
  write("u.data", "1\t2\t3\t5\n");
  EXPECT_NE(print(), first);
  std::string long_text(100000, '1');
  write("big", long_text);
  write("u.data", "1\t2\t3\t4\n");
  EXPECT_EQ(print(), first);
}

TEST_F(MovieLensSource, LinesCrossBuffersWhole) {
  std::string rows;
  for (int i = 0; i < 200000; ++i)
    rows += "1\t" + std::to_string(i) + "\t3\t" + std::to_string(1000000 + i) + "\n";  // 4 buffers
  const Interactions log = read("heddle.movielens", at(write("u.data", rows)));
  ASSERT_EQ(log.event_count(), 200000);
  for (size_t i = 0; i < log.items.size(); ++i) ASSERT_EQ(log.items[i], static_cast<int32_t>(i));
}

}  // namespace
}  // namespace heddle::test
