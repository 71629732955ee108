// @ID@: labels of items from a text file "item,label".
#include <heddle/attributes.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : Attributes<@CLASS@> {
  static constexpr About about{"@ID@", "Labels of items from a text file of lines item, comma, label."};

  struct Options {
    std::string_view path;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path).path().required().doc("File of lines item, comma, label.")};

  // Items are named by their raw id as text; those that are not in the catalogue are dropped by the host.
  void read(const Catalogue&, Labels& labels) const {
    TextFile in(options.path);
    while (in.next()) {
      const auto& fields = in.fields(',');
      if (fields.size() != 2) in.fail("expected item and label, found ", fields.size(), " fields");
      labels.label(fields[0], labels.binary(text("label:", fields[1])));
    }
  }
  std::string fingerprint() const { return file_fingerprint(options.path); }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
