#!/usr/bin/env bash
# sdk_alone.sh CMAKE BUILD PROJECT: the component "sdk" alone must be enough to build a plugin, in C and in C++, and
# asking for the host must then say that it is not there.
set -euo pipefail
cmake=$1 build=$2 project=$3
work=$build/sdk-alone
rm -rf "$work"
mkdir -p "$work"
"$cmake" --install "$build" --component sdk --prefix "$work/prefix" >"$work/install.log"
"$cmake" -S "$project" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix"
"$cmake" --build "$work/build"
# One exported symbol, whatever the language.
for plugin in "$work"/build/plugins/*.so; do
  exported=$(nm -D --defined-only "$plugin" | awk '{print $3}' | grep -v '^heddle_plugin_entry_v1$' || true)
  if [[ -n $exported ]]; then
    echo "$plugin exports more than its entry point: $exported" >&2
    exit 1
  fi
done
if "$cmake" -S "$project" -B "$work/host" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DWANT_HOST=ON >"$work/host.log" 2>&1; then
  echo "find_package(Heddle COMPONENTS host) succeeded without a host" >&2
  exit 1
fi
grep -q host "$work/host.log"
