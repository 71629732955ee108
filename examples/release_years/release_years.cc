// Years of items from a text file "item<tab>year<tab>title": a numeric attribute, one binary attribute per decade,
// titles.
#include <heddle/attributes.hpp>

using namespace heddle::sdk;

namespace {

struct ReleaseYears : Attributes<ReleaseYears> {
  static constexpr About about{"example.release_years", "Release years, decades and titles of items from a text file."};

  struct Options {
    std::string_view path;
    bool decades = true;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path).path().required().doc("File of lines item, tab, year, tab, title."),
      field("decades", &Options::decades).doc("Also give every decade an attribute of its own.")};

  void read(const Catalogue&, Labels& labels) const {
    const Attribute year = labels.numeric("year");
    TextFile in(options.path);
    while (in.next()) {
      const auto& fields = in.fields('\t');
      if (fields.size() != 3) in.fail("expected item, year and title, found ", fields.size(), " fields");
      const auto value = in.to_number<int>(fields[1]);
      labels.label(fields[0], year, value);
      if (options.decades) labels.label(fields[0], labels.binary(text("decade:", value / 10 * 10)));
      labels.title(fields[0], fields[2]);
    }
  }
  std::string fingerprint() const { return file_fingerprint(options.path); }
};

}  // namespace

HEDDLE_PLUGIN("example.release_years", "1.0.0", ReleaseYears)
