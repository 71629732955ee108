// The small tables of the experiment file: what is accepted, and how it becomes plain data.
#include "core/base/error.h"
#include "core/config/activations.h"
#include "core/config/compute_options.h"
#include "core/config/data_sections.h"
#include "core/config/evaluation.h"
#include "core/config/interpretation.h"
#include "core/config/option_table.h"
#include "core/config/steering.h"

namespace heddle {
namespace {

using namespace option;
constexpr uint32_t not_numeric = HEDDLE_PARAM_NOT_NUMERIC;
constexpr double many = 1e9;

constexpr const char* precisions[] = {"f32", "bf16"};
constexpr const char* instruction_sets[] = {"auto", "avx2", "avx512", "avx512_bf16", "amx"};
constexpr const char* cores[] = {"iterative", "single_pass"};
constexpr const char* kept_duplicates[] = {"keep", "first", "last"};
constexpr const char* kept_consecutive[] = {"keep", "drop"};
constexpr const char* split_kinds[] = {"leave_one_out", "global_time", "new_users"};
constexpr const char* validations[] = {"automatic", "users", "last_item", "activation_users"};
constexpr const char* storings[] = {"f32", "bf16", "stream"};
constexpr const char* normalizers[] = {"none", "scalar", "per_dimension"};
constexpr const char* coverages[] = {"catalogue", "train"};
constexpr const char* generations[] = {"top_k", "next_k"};
constexpr const char* points_of[] = {"test_users", "activation_users"};
constexpr const char* steer_kinds[] = {"set_feature", "add_vector"};
constexpr const char* all_or_last[] = {"all", "last"};
constexpr const char* steer_errors[] = {"drop", "keep"};
constexpr const char* steer_directions[] = {"decoder", "probe"};
constexpr const char* steer_scales[] = {"none", "unit_norm", "unit_variance"};

}  // namespace

const OptionTable& experiment_table() {
  static const std::vector<heddle_param> params = {
      text("name", "", "Name of the experiment, used for its folder and in results; default: the file's name.",
           not_numeric),
      integer("seed", 1, 0, 9007199254740992.0, "All random numbers are drawn from it."),
      text("output", "", "Folder for results; default: results/NAME in the current folder.", not_numeric)};
  static const OptionTable table =
      option_table("[experiment]",
                   "Any key of the file can be changed from the command line: `--set backbone.training.epochs=3`, with "
                   "a TOML value or a bare word. "
                   "A file that begins with `extends = \"other.toml\"` (relative to itself; above the first table) is "
                   "laid over that one: tables are merged "
                   "and the file wins, lists and [[tables]] are replaced, a table with another `plugin` keeps `site` "
                   "and `training` only, keys that are set "
                   "leave the other file's [sweep], and `name` is not inherited. `--set extends=third.toml` runs the "
                   "same file over other data.",
                   params);
  return table;
}

const OptionTable& plugins_table() {
  static const std::vector<heddle_param> params = {texts(
      "path", nullptr, "Folders or files with plugins, searched first; relative to the experiment file.", not_numeric)};
  static const OptionTable table = option_table(
      "[plugins]", "Where plugins are looked for, before HEDDLE_PLUGIN_PATH and the installed ones.", params);
  return table;
}

const OptionTable& compute_table() {
  static const ComputeOptions d;
  static const std::vector<heddle_param> params = {
      text("device", "cpu", "The built-in cpu, or the id of a device plugin."),
      integer("threads", d.threads, 0, 4096,
              "Threads to compute with; 0 takes all. Results are the same for any number.", not_numeric),
      choice("isa", instruction_sets, 0,
             "Instruction set of the cpu device, at most; auto takes the machine's best. Bits repeat within one."),
      choice(
          "precision", precisions, 0,
          "Type of the inputs of matrix products (backbone, encoders of dictionaries), in training and after it; sums, "
          "weights and optimiser stay f32.")};
  static const OptionTable table = option_table("[compute]", "What computes.", params);
  return table;
}

ComputeOptions read_compute(const Values& v) {
  return {v.text("device"), v.integer("threads"), v.text("isa"),
          v.choice("precision") == 1 ? HEDDLE_PRECISION_BF16 : HEDDLE_PRECISION_F32};
}

const OptionTable& filter_table() {
  static const FilterOptions d;
  static const std::vector<heddle_param> params = {
      real("minimum_value", 0, -infinity, infinity,
           "Drop events of smaller value (rating); when it is not given, no event is dropped."),
      choice("duplicates", kept_duplicates, 0,
             "Of several events of one user and item, keep all, the first or the last."),
      choice("consecutive_duplicates", kept_consecutive, 0, "Keep or drop immediate repeats of an item."),
      integer("min_user_interactions", d.min_user_events, 1, many, "Remove users with fewer events."),
      integer("min_item_interactions", d.min_item_events, 1, many, "Remove items with fewer events."),
      choice("k_core", cores, 0, "Apply the two minimum counts until nothing changes, or once (items, then users)."),
      integer("first_n", d.first_n, 0, many, "Keep the first n events of each user; 0 keeps all."),
      integer("last_n", d.last_n, 0, many, "Keep the last n events of each user; 0 keeps all.")};
  static const OptionTable table =
      option_table("[filters]", "Filters of the interaction log, applied in the order of this table.", params);
  return table;
}

FilterOptions read_filters(const Values& v) {
  FilterOptions o;
  if (v.given("minimum_value")) o.minimum_value = v.real("minimum_value");
  o.duplicates = static_cast<Duplicates>(v.choice("duplicates"));
  o.consecutive = v.choice("consecutive_duplicates") == 1;
  o.min_user_events = v.integer("min_user_interactions");
  o.min_item_events = v.integer("min_item_interactions");
  o.iterative = v.choice("k_core") == 0;
  o.first_n = v.integer("first_n");
  o.last_n = v.integer("last_n");
  return o;
}

const OptionTable& split_table() {
  static const SplitOptions d;
  static const std::vector<heddle_param> params = {
      choice("kind", split_kinds, static_cast<int64_t>(d.kind),
             "Last event of each user, events after a moment, or the users who came last, held out for the test."),
      real("test", d.test, 0, 1, "Share of users (new_users) or events (global_time) that is held out for the test."),
      real("activation_users", d.activation_users, 0, 0.999,
           "Share of the training side's users kept from the backbone, for dictionaries."),
      choice("validation", validations, 0,
             "Who validates: users held out, each user's last event, or the activation users; automatic: by the kind "
             "of split."),
      integer("validation_users", d.validation_users, 0, many, "Validation users, at most; 0 validates nothing."),
      boolean("drop_cold_items", d.drop_cold_items, "Drop test events whose item has no event on the training side.")};
  static const OptionTable table =
      option_table("[split]", "Who trains, who validates, who gives activations, who is tested.", params);
  return table;
}

SplitOptions read_split(const Values& v) {
  SplitOptions o;
  o.kind = static_cast<SplitKind>(v.choice("kind"));
  o.test = v.real("test");
  o.activation_users = v.real("activation_users");
  o.validation = static_cast<Validation>(v.choice("validation"));
  o.validation_users = v.integer("validation_users");
  o.drop_cold_items = v.boolean("drop_cold_items");
  return o;
}

const OptionTable& activation_table() {
  static const ActivationOptions d;
  static const std::vector<heddle_param> params = {
      choice("store", storings, 0,
             "Keep activations on disk as f32 or bf16, or compute them anew whenever they are needed."),
      choice("normalizer", normalizers, static_cast<int64_t>(d.normalize),
             "Standardise the input of dictionaries: not, by one factor, or per dimension."),
      choice("positions", all_or_last, 0, "Take every position of a sequence, or only the last.")};
  static const OptionTable table =
      option_table("[activations]", "How activations are taken from the backbone.", params);
  return table;
}

ActivationOptions read_activations(const Values& v) {
  return {static_cast<ActivationStoring>(v.choice("store")), static_cast<Normalization>(v.choice("normalizer")),
          static_cast<Positions>(v.choice("positions"))};
}

const OptionTable& evaluation_table() {
  static const EvaluationOptions d;
  static const std::vector<heddle_param> params = {
      texts("metrics", nullptr,
            "Ranking metrics: ids (the part after the dot will do) or { plugin = …, parameters }; default: all "
            "installed."),
      integer("top", d.top, 1, 1000, "Length of the recommendation lists."),
      boolean("filter_seen", d.filter_seen, "Leave out items that the user has had."),
      choice("coverage", coverages, 0, "Denominator of coverage: the whole catalogue, or items of the training side."),
      choice("generation", generations, static_cast<int64_t>(d.generation),
             "A list is the best items of one scoring (top_k), or is built item by item, each appended to the history "
             "before the next is scored (next_k)."),
      integer("users", d.users, 0, many, "Test users, at most (the first ones); 0 takes all."),
      integer("batch_users", d.batch_users, 1, 1e6, "Users that are scored at once.", not_numeric)};
  static const OptionTable table = option_table("[evaluate]", "Ranking quality, over the full catalogue.", params);
  return table;
}

EvaluationOptions read_evaluation(const Values& v) {
  return {v.integer("top"),         v.boolean("filter_seen"), static_cast<CoverageDenominator>(v.choice("coverage")),
          v.integer("batch_users"), v.integer("users"),       static_cast<Generation>(v.choice("generation"))};
}

const OptionTable& interpretation_table() {
  static const InterpretOptions d;
  static const std::vector<heddle_param> params = {
      texts("metrics", nullptr,
            "Metrics of features: ids (the part after the dot will do) or { plugin = …, parameters }; default: all "
            "installed."),
      text("best_by", "", "The metric that chooses an attribute's best feature; default: the first."),
      integer("top_items", d.top_items, 0, 10000, "Most activating items kept per feature."),
      integer("top_points", d.top_points, 0, 10000, "Most activating data points kept per feature."),
      boolean("neurons", d.neurons, "Score the raw activations likewise, as a baseline."),
      choice("points", points_of, static_cast<int64_t>(d.points), "Whose events are the data points."),
      integer("top_sequences", d.top_sequences, 0, 1000, "Users with the largest activations kept per feature."),
      integer("sequence_length", d.sequence_length, 1, 10000,
              "Items kept of such a user, around the largest activation."),
      integer("histogram_bins", d.histogram_bins, 1, 1000,
              "Bins of a feature's positive activations, from 0 to the largest."),
      integer("similar", d.similar, 0, 1000, "Most similar features kept per feature, by the cosine of decoder rows."),
      integer("promoted", d.promoted, 0, 1000,
              "Items kept per feature that its decoder row promotes most, and as many that it demotes most.")};
  static const OptionTable table = option_table(
      "[interpret]", "Scores features against the attributes; left out when the table is missing.", params);
  return table;
}

InterpretOptions read_interpretation(const Values& v) {
  return {v.text("best_by"),
          v.integer("top_items"),
          v.integer("top_points"),
          v.boolean("neurons"),
          static_cast<PointsOf>(v.choice("points")),
          v.integer("top_sequences"),
          v.integer("sequence_length"),
          v.integer("histogram_bins"),
          v.integer("similar"),
          v.integer("promoted")};
}

const OptionTable& steering_table() {
  static const SteerOptions d;
  static const std::vector<heddle_param> params = {
      choice("kind", steer_kinds, 0, "Set a feature and decode, or add a multiple of a vector to the activations."),
      text("dictionary", "", "NAME of a [dictionary.NAME]; not needed when there is one.", not_numeric),
      texts("feature", nullptr,
            "A number, an attribute such as \"genre:Horror\" (its best feature), { top = \"genre:Horror\", by = "
            "METRIC, rank = 1 }, or a list of "
            "these, each swept on its own; \"genre:*\" stands for all of a source."),
      reals("vector", nullptr, -infinity, infinity,
            "add_vector: the direction itself, instead of the decoder row of `feature`."),
      choice(
          "direction", steer_directions, static_cast<int64_t>(d.direction),
          "add_vector: the feature's decoder row, or the weights of the attribute's probe ([probe]), which `feature` "
          "names then."),
      choice("scale", steer_scales, static_cast<int64_t>(d.scale),
             "add_vector: the direction as it is, of length 1, or with entries of standard deviation 1."),
      text(
          "site", "",
          "add_vector with `vector` or a probe: where it is added; default: the dictionary's site, or the probe's only "
          "one."),
      reals("values", nullptr, -infinity, infinity,
            "What the feature is set to, or the factors: a list, or { from = -10, to = 10, step = 1 }."),
      choice("positions", all_or_last, static_cast<int64_t>(d.positions), "Positions of a sequence that are edited."),
      choice("replace", all_or_last, static_cast<int64_t>(d.replace),
             "set_feature: positions replaced by the dictionary's reconstruction."),
      choice("error", steer_errors, static_cast<int64_t>(d.error),
             "set_feature: the reconstruction error is lost, or added back."),
      integer("users", d.users, 0, many, "Test users, at most (the first ones); 0 takes all.")};
  static const OptionTable table =
      option_table("[[steer]]", "An intervention and its sweep of values. May be given several times.", params);
  return table;
}

}  // namespace heddle
