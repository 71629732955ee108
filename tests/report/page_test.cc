// The page in headless Chromium: figures drawn, search works, nothing in the console, readable on a phone and on paper.
#include <gtest/gtest.h>

#include <fstream>

#include "core/report/figure_files.h"
#include "core/report/report.h"
#include "core/store/atomic_file.h"
#include "tests/report/chromium_page.h"
#include "tests/report/fake_run.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

using test::ChromiumPage;
using test::FakeRun;

class Page : public testing::Test {
 protected:
  void SetUp() override {
    if (ChromiumPage::missing()) GTEST_SKIP() << "no Chromium here; ./dev test installs it, HEDDLE_CHROMIUM names one";
  }
  // A page with every table and figure, written once.
  static std::filesystem::path full_page() {
    static const std::filesystem::path file = [] {
      const auto path = test::shared_runs() / "page.html";
      write_page(path, collect_report(RunSet({test::shared_runs().string()})));
      return path;
    }();
    return file;
  }
  TemporaryFolder folder_;
};

// Every figure that the page announces has marks inside its svg, and none says that it failed.
constexpr const char* drawn = R"((() => {
  const bad = [];
  for (const plot of document.querySelectorAll('figure .plot')) {
    const svg = plot.querySelector('svg'), id = plot.closest('figure').id;
    const marks = svg ? svg.querySelectorAll('.mark-rect path, .mark-line path, .mark-symbol path, .mark-text text').length : 0;
    const box = svg ? svg.getBoundingClientRect() : { width: 0, height: 0 };
    if (marks < 5 || box.width < 200 || box.height < 60) bad.push(id + ': ' + marks + ' marks, ' + box.width + ' x ' + box.height);
  }
  return bad.join('; ');
})())";

TEST_F(Page, draws_every_figure_and_says_nothing_in_the_console) {
  const auto file = full_page();
  ChromiumPage page(folder_);
  page.open_file(file);
  EXPECT_EQ(page.evaluate("Array.from(document.querySelectorAll('figure'), (f) => f.id).join(' ')"),
            "table1 table1-width table2 fig2 fig3 fig4 fig5 fig6 fig7 fig8a fig8b fig9 runs");
  EXPECT_EQ(page.evaluate(drawn), "");
  EXPECT_EQ(page.evaluate("document.querySelector('.failed') === null"), true);
  EXPECT_EQ(page.evaluate("document.title"), "full");
  EXPECT_GE(page.evaluate("document.querySelectorAll('.card').length").get<int>(), 5);
  EXPECT_EQ(page.evaluate("performance.getEntriesByType('resource').length"), 0) << "nothing is loaded";
  // Axes have titles, and those of quantities have their unit.
  EXPECT_EQ(page.evaluate("Array.from(document.querySelectorAll('#fig8a .role-axis-title text'), (t) => t.textContent)"
                          ".filter((t) => t === 'value of the feature (normalised activations)').length"),
            2);
  EXPECT_EQ(page.evaluate("document.querySelectorAll('#table1 tbody tr').length"), 5);
  EXPECT_EQ(page.evaluate("document.querySelector('#table1 tbody tr').cells[1].textContent"), "–") << "absent, not 0";
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, of_a_run_without_dictionary_says_so) {
  FakeRun run{.output = folder_};
  run.dictionary = false;
  run.write();
  write_page(folder_ / "page.html",
             collect_report(RunSet({static_cast<const std::filesystem::path&>(folder_).string()})));
  ChromiumPage page(folder_);
  page.open_file(folder_ / "page.html");
  EXPECT_NE(page.evaluate("document.getElementById('features').textContent").get<std::string>().find("no dictionary"),
            std::string::npos);
  EXPECT_NE(page.evaluate("document.getElementById('absent').textContent").get<std::string>().find("[[steer]]"),
            std::string::npos);
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, text_of_titles_is_text) {
  const auto file = full_page();
  ChromiumPage page(folder_);
  page.open_file(file, "#feature-1");
  // Film 1 is called </script><b>"Film" & 'one' ★.
  EXPECT_EQ(page.evaluate("document.querySelector('#detail .rank li span').textContent"),
            "</script><b>\"Film\" & 'one' ★");
  EXPECT_EQ(page.evaluate("document.querySelectorAll('b').length === document.querySelectorAll('.stats b').length"),
            true);
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, numbers_are_one_click_away_as_csv) {
  const auto file = full_page();
  ChromiumPage page(folder_);
  page.open_file(file);
  const RunSet set({test::shared_runs().string()});
  for (const Figure& figure : collect_report(set).figures) {
    if (!figure.absent.empty()) continue;
    const std::string text =
        page.evaluate(fmt::format("fetch(document.querySelector('#{} a.csv').href).then((r) => r.text())", figure.id));
    EXPECT_EQ(text.substr(0, text.find('\r')), figure_csv(figure).substr(0, figure_csv(figure).find('\r')));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<long>(figure.rows.size()) + 1) << figure.id;
    EXPECT_EQ(page.evaluate(fmt::format("document.querySelector('#{} a.csv').download", figure.id)),
              figure.id + ".csv");
  }
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, features_are_found_by_attribute_title_and_number) {
  const auto file = full_page();
  ChromiumPage page(folder_);
  page.open_file(file);
  auto search = [&](const std::string& text) {
    page.evaluate(
        fmt::format("(() => {{ const s = document.getElementById('search'); s.value = '{}';"
                    " s.dispatchEvent(new Event('input')); }})()",
                    text));
    return page.evaluate("Array.from(document.querySelectorAll('#list button'), (b) => Number(b.dataset.feature))")
        .get<std::vector<int>>();
  };
  auto first = [&](const std::string& text) {
    const auto found = search(text);
    return found.empty() ? -1 : found.front();
  };
  EXPECT_EQ(search("").size(), 32u);
  EXPECT_EQ(search("sci-fi"), (std::vector<int>{4, 10, 16, 22, 28})) << "best first";
  EXPECT_EQ(first("genre:WAR"), 5);
  EXPECT_EQ(first("17"), 17);
  // "Film 33 (1983)" is among the top items of features 3, 9, … whose number leaves 3.
  EXPECT_EQ(first("film 33 (") % 6, 3);
  EXPECT_EQ(search("no such film").size(), 0u);
  EXPECT_NE(page.evaluate("document.getElementById('found').textContent").get<std::string>().find("no feature matches"),
            std::string::npos);
  search("");
  page.evaluate("document.querySelector('#list button').click()");
  EXPECT_EQ(page.evaluate("document.querySelector('#detail h3').textContent"), "Feature 0");
  EXPECT_EQ(page.evaluate("document.querySelectorAll('#detail .sequence').length"), 3);
  EXPECT_GT(page.evaluate("document.querySelectorAll('#detail .plot svg .mark-rect path').length").get<int>(), 20);
  EXPECT_EQ(page.evaluate("document.querySelectorAll('#detail .chips a').length"), 5);
  page.evaluate("document.querySelector('#detail .chips a').click()");
  EXPECT_EQ(page.evaluate("document.querySelector('#detail h3').textContent"), "Feature 1");
  EXPECT_EQ(page.evaluate("location.hash"), "#feature-1");
  // A feature of Table 2.
  page.evaluate("document.querySelectorAll('#table2 tbody a')[3].click()");
  EXPECT_EQ(page.evaluate("document.querySelector('#detail h3').textContent"), "Feature 3");
  // One that never fires.
  page.evaluate("heddleBrowser.open(31, true)");
  EXPECT_NE(page.evaluate("document.getElementById('detail').textContent").get<std::string>().find("never active"),
            std::string::npos);
  EXPECT_EQ(page.evaluate("document.querySelector('main').textContent.includes('NaN')"), false);
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, runs_are_sorted_by_a_click) {
  const auto file = full_page();
  ChromiumPage page(folder_);
  page.open_file(file);
  const std::string column =
      "Array.from(document.querySelectorAll('#runs tbody tr'), (r) => Number(r.cells[i].textContent))";
  page.evaluate(
      "var i = Array.from(document.querySelectorAll('#runs th'), (h) => h.textContent).indexOf('Explained variance')");
  ASSERT_GE(page.evaluate("i").get<int>(), 1);
  page.evaluate("document.querySelectorAll('#runs th')[i].click()");
  auto values = page.evaluate(column).get<std::vector<double>>();
  EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
  page.evaluate("document.querySelectorAll('#runs th')[i].click()");
  values = page.evaluate(column).get<std::vector<double>>();
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
}

TEST_F(Page, fits_a_phone) {
  const auto file = full_page();
  ChromiumPage page(folder_, 390, 844);
  page.open_file(file);
  EXPECT_LE(page.evaluate("document.documentElement.scrollWidth").get<int>(), 390)
      << "the page itself does not scroll sideways";
  EXPECT_EQ(page.evaluate(drawn), "");
  // Drawings are made for the width, not shrunk or cut; lists of Fig 7 stand below one another.
  EXPECT_EQ(page.evaluate(
                "Array.from(document.querySelectorAll('figure .plot')).filter((p) => p.scrollWidth > p.clientWidth + 1)"
                ".map((p) => p.closest('figure').id + ' ' + p.scrollWidth).join(', ')"),
            "");
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, follows_the_systems_theme_and_the_button) {
  const auto file = full_page();
  ChromiumPage page(folder_, 1280, 900, true);
  page.open_file(file);
  const std::string background = "getComputedStyle(document.body).backgroundColor",
                    label = "document.querySelector('#fig4 .role-axis-label text').getAttribute('fill')";
  EXPECT_EQ(page.evaluate(background), "rgb(21, 24, 28)");
  const std::string dark = page.evaluate(label);
  page.evaluate("document.getElementById('theme').click()");  // light, whatever the system is
  page.evaluate("new Promise((done) => setTimeout(done, 1500))");
  EXPECT_EQ(page.evaluate(background), "rgb(255, 255, 255)");
  EXPECT_NE(page.evaluate(label), dark) << "figures are drawn again in the colours of the theme";
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, prints_light_with_every_figure) {
  const auto file = full_page();
  ChromiumPage page(folder_, 1280, 900, true);
  page.open_file(file);
  page.evaluate(
      "window.seen = ''; window.addEventListener('beforeprint', () => { window.seen = "
      "document.querySelector('#fig4 .role-axis-label text').getAttribute('fill'); })");
  const std::string pdf = page.call("Page.printToPDF", {{"printBackground", true}}).at("data");
  EXPECT_GT(pdf.size(), 50000u);
  EXPECT_EQ(page.evaluate("window.seen"), "#5c6670") << "the light theme's labels";
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, of_2048_features_opens_in_two_seconds_and_25_megabytes) {
  FakeRun run{.output = folder_};
  run.items = 4000, run.features = 2048, run.sequence_length = 20;
  run.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder_).string()});
  write_page(folder_ / "page.html", collect_report(set));
  const auto bytes = std::filesystem::file_size(folder_ / "page.html");
  EXPECT_LT(bytes, 25u * 1000 * 1000);
  ChromiumPage page(folder_);
  // The browser itself starts cold on a busy machine: the better of two openings counts.
  const double first = page.open_file(folder_ / "page.html"),
               second = page.open_file(folder_ / "page.html", "#features");
  EXPECT_LT(std::min(first, second), 2.0);
  RecordProperty("bytes", static_cast<int>(bytes));
  RecordProperty("milliseconds", static_cast<int>(1000 * std::min(first, second)));
  EXPECT_EQ(page.evaluate("document.querySelectorAll('#list button').length"), 80)
      << "the list grows as it is scrolled";
  page.evaluate("document.getElementById('list').scrollTop = 1e6; new Promise((done) => setTimeout(done, 300))");
  EXPECT_GT(page.evaluate("document.querySelectorAll('#list button').length").get<int>(), 80);
  EXPECT_LT(
      page.evaluate("(() => { const t = performance.now(), s = document.getElementById('search'); s.value = 'film 12';"
                    " s.dispatchEvent(new Event('input')); return performance.now() - t; })()")
          .get<double>(),
      200);
  EXPECT_TRUE(page.errors().empty()) << page.errors().front();
}

TEST_F(Page, figures_become_svg_files_by_the_same_specifications) {
  const RunSet set({test::shared_runs().string()});
  const FigureFiles files = write_figure_files(folder_ / "figures", collect_report(set).figures);
  EXPECT_EQ(files.absent, "");
  ASSERT_EQ(files.pictures.size(), 9u);
  EXPECT_EQ(files.tables.size(), 12u);
  for (const auto& file : files.pictures) {
    const std::string svg = read_file(file);
    EXPECT_TRUE(svg.starts_with("<svg")) << file;
    EXPECT_NE(svg.find("xmlns=\"http://www.w3.org/2000/svg\""), std::string::npos);
    EXPECT_GT(std::count(svg.begin(), svg.end(), '<'), 100) << file;
    EXPECT_EQ(svg.find("NaN"), std::string::npos) << file;
    EXPECT_EQ(svg.find("file:"), std::string::npos) << file << " refers to the page that it was drawn in";
  }
  const std::string table = read_file(folder_ / "figures" / "table2.csv");
  EXPECT_TRUE(table.starts_with(
      "attribute,feature,pearson,roc_auc,sensitivity,over_seeds,over_seeds.sd,neuron,probe,popularity\r\n"))
      << table;
}

TEST(FigureFilesWithoutBrowser, tables_are_written_and_the_rest_is_said) {
  const TemporaryFolder folder;
  const RunSet set({test::shared("full")});
  setenv("HEDDLE_CHROMIUM", "none", 1);
  const FigureFiles files = write_figure_files(folder / "figures", collect_report(set).figures);
  unsetenv("HEDDLE_CHROMIUM");
  EXPECT_TRUE(files.pictures.empty());
  EXPECT_GT(files.tables.size(), 8u);
  EXPECT_NE(files.absent.find("chromium"), std::string::npos);
}

TEST(PageText, is_the_same_for_the_same_runs_and_needs_no_network) {
  const std::string page = report_page(collect_report(RunSet({test::shared("full")})));
  EXPECT_EQ(page, report_page(collect_report(RunSet({test::shared("full")}))));
  // Nothing is loaded: no src, no link to a sheet, no import.
  for (const char* word : {"<script src", "rel=\"stylesheet\"", "@import"})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  EXPECT_NE(page.find("University of Washington Interactive Data Lab"), std::string::npos)
      << "the notice that Vega's licence asks for";
}

}  // namespace
}  // namespace heddle
