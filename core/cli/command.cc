#include "core/cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <new>
#include <sstream>
#include <typeinfo>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle::cli {

namespace po = boost::program_options;

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"run", "FILE [--set KEY=VALUE]... [--out DIR]", "run an experiment; what is already there is not computed again",
       run},
      {"validate", "FILE [--set KEY=VALUE]...", "check an experiment file completely, without computing", validate},
      {"plan", "FILE [--set KEY=VALUE]... [--out DIR]", "show the stages of an experiment and which are done", plan},
      {"data", "FILE [--set KEY=VALUE]...", "report the data of an experiment and its split", data},
      {"plugins", "list | describe ID | check FILE.so | new KIND ID | reference DIR",
       "look at, check and start plugins", plugins},
      {"results", "DIR [--metric M]... [--stage S] [--format table|csv|json]",
       "print the numbers of all runs below DIR", results},
      {"features", "RUN [--attribute A] [--feature N] [--top N] [--format table|csv|json]",
       "list features with their best attributes and top items", features},
      {"recommend", "RUN (--user ID | --history ITEM,...) [--set FEATURE=VALUE]...",
       "recommend items, with sliders on features", recommend},
      {"steer", "RUN --feature F --values A:B[:STEP]", "sweep a feature over values and show what changes", steer},
      {"report", "RUN... [-o FILE] [--figures DIR]", "write one page of tables, figures and features of runs", report},
  };
  return table;
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (name == command.name) return command;
    names.emplace_back(command.name);
  }
  wrong_use("unknown command '{}'{}; accepted: {}", name, did_you_mean(name, names), fmt::join(names, ", "));
}

namespace {

// What the option that boost stumbled over takes: boost itself only says "invalid".
std::string accepted_by(const po::options_description& options, const std::string& name) {
  const po::option_description* option = options.find_nothrow(name, false);
  if (option == nullptr)
    option = options.find_nothrow(name.substr(std::min(name.find_first_not_of('-'), name.size())), false);
  const auto* typed = option != nullptr ? dynamic_cast<const po::typed_value_base*>(option->semantic().get()) : nullptr;
  if (typed == nullptr) return "";
  if (typed->value_type() == typeid(int64_t)) return "; accepted: a whole number";
  if (typed->value_type() == typeid(double)) return "; accepted: a number";
  return "";
}

// `hidden` and `order` describe the positional options, of which the first `required` must be there.
po::variables_map parse_all(const Command& command, const Arguments& arguments, const po::options_description& options,
                            const po::options_description& hidden, const po::positional_options_description& order,
                            const std::vector<std::string>& required) {
  po::options_description visible("Options", 80, 40);
  visible.add(options);
  visible.add_options()("help,h", "show this help")("quiet,q", "errors only, no progress")("verbose,v",
                                                                                           "more on stderr");
  po::options_description all;
  all.add(visible);
  all.add(hidden);
  po::variables_map values;
  try {
    // Guessing of abbreviated options is off: a script must not change meaning when an option is added.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(order).style(style).run(), values);
  } catch (const po::validation_error& error) {
    wrong_use("{}{}; usage: heddle {} {}", error.what(), accepted_by(all, error.get_option_name()), command.name,
              command.usage);
  } catch (const po::error& error) {
    wrong_use("{}; usage: heddle {} {}", error.what(), command.name, command.usage);
  }
  if (values.count("help") != 0) {
    std::ostringstream text;
    text << visible;
    fmt::print("usage: heddle {} {}\n\n{}.\n\n{}", command.name, command.usage, command.summary, text.str());
    throw HelpShown{};
  }
  for (const std::string& name : required)
    if (values.count(name) == 0) wrong_use("{} is missing; usage: heddle {} {}", name, command.name, command.usage);
  if (values.count("quiet") != 0) set_quiet(true);
  if (values.count("verbose") != 0) set_verbose(true);
  return values;
}

}  // namespace

po::variables_map parse(const Command& command, const Arguments& arguments, const po::options_description& options,
                        const std::vector<std::string>& positionals, size_t required) {
  po::options_description hidden;
  po::positional_options_description order;
  for (const std::string& name : positionals) {
    hidden.add_options()(name.c_str(), po::value<std::string>());
    order.add(name.c_str(), 1);
  }
  return parse_all(command, arguments, options, hidden, order,
                   {positionals.begin(), positionals.begin() + static_cast<std::ptrdiff_t>(required)});
}

po::variables_map parse_many(const Command& command, const Arguments& arguments, const po::options_description& options,
                             const std::string& positional) {
  po::options_description hidden;
  hidden.add_options()(positional.c_str(), po::value<std::vector<std::string>>());
  po::positional_options_description order;
  order.add(positional.c_str(), -1);
  return parse_all(command, arguments, options, hidden, order, {positional});
}

namespace {

void print_help() {
  fmt::print(
      "heddle {} - readable and steerable sequential recommenders\n\n"
      "usage: heddle COMMAND ...            heddle COMMAND --help\n\n",
      HEDDLE_VERSION);
  for (const Command& command : commands()) fmt::print("  {:<10} {}\n", command.name, command.summary);
  fmt::print(
      "\nA first run:  heddle run configs/quickstart.toml\n"
      "Data paths are looked up in HEDDLE_DATA (default: data/), then beside the experiment file.\n"
      "Plugins are looked up in [plugins] path, HEDDLE_PLUGIN_PATH, and the install's own folder.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong use or wrong file, 130 interrupted.\n");
}

}  // namespace

int run_program(const Arguments& arguments) {
  try {
    if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
      print_help();
      return arguments.empty() ? 2 : 0;
    }
    if (arguments[0] == "--version") {
      fmt::print("heddle {}\nplugin ABI {}.{}\n", HEDDLE_VERSION, HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR);
      return 0;
    }
    const Command& command = find_command(arguments[0]);
    const int code = command.run(Arguments(arguments.begin() + 1, arguments.end()));
    if (std::fflush(stdout) != 0) fail(HEDDLE_DATA_LOSS, "cannot write to stdout");
    return code;
  } catch (const HelpShown&) {
    return 0;
  } catch (const Error& error) {
    if (error.code() == HEDDLE_CANCELLED) {
      log_line(HEDDLE_LOG_INFO, "", "interrupted; the same command goes on from here");
      return 130;
    }
    log_line(HEDDLE_LOG_ERROR, "", error.what());
    return error.wrong_use() ? 2 : 1;
  } catch (const std::bad_alloc&) {
    log_line(HEDDLE_LOG_ERROR, "", "out of memory");
    return 1;
  } catch (const std::exception& error) {
    log_line(HEDDLE_LOG_ERROR, "", error.what());
    return 1;
  }
}

}  // namespace heddle::cli
