// The `heddle` program: a table of commands. Arguments in, exit code out, nothing else: the work is done by other rooms.
//
// Exit codes: 0 done, 1 failed, 2 wrong use or wrong file, 130 interrupted. Data goes to stdout, everything else to stderr.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace heddle::cli {

using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* usage;    // after "heddle NAME "
  const char* summary;  // one line
  int (*run)(const Arguments& arguments);
};

// All commands in the order of `heddle --help`.
const std::vector<Command>& commands();

// Parses `arguments` of `command`: named options, then positional ones by name in order. --help prints usage and options and throws HelpShown. Unknown options and missing positionals throw
// wrong-use errors that quote the usage.
struct HelpShown {};
boost::program_options::variables_map parse(const Command& command, const Arguments& arguments,
                                            const boost::program_options::options_description& options,
                                            const std::vector<std::string>& positionals, size_t required_positionals);
// The same with one positional option that may repeat and must be there at least once: values[name] is a list of texts.
boost::program_options::variables_map parse_many(const Command& command, const Arguments& arguments,
                                                 const boost::program_options::options_description& options,
                                                 const std::string& positional);
const Command& find_command(const std::string& name);

// The whole program without the process around it: what main() returns. [main]
int run_program(const Arguments& arguments);

int run(const Arguments& arguments);
int validate(const Arguments& arguments);
int plan(const Arguments& arguments);
int data(const Arguments& arguments);
int plugins(const Arguments& arguments);
int results(const Arguments& arguments);
int features(const Arguments& arguments);
int recommend(const Arguments& arguments);
int steer(const Arguments& arguments);
int report(const Arguments& arguments);

}  // namespace heddle::cli
