#include "core/base/console.h"
#include "core/cli/command.h"

int main(int argc, char** argv) {
  heddle::install_signal_handlers();
  return heddle::cli::run_program({argv + 1, argv + argc});
}
