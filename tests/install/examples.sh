#!/usr/bin/env bash
# examples.sh CMAKE BUILD SOURCE: installs BUILD to a scratch prefix, moves the prefix (it must be relocatable), builds a copy
# of examples/ against it and runs the examples' own tests.
set -euo pipefail
cmake=$1 build=$2 source=$3
work=$build/install-test
rm -rf "$work"
mkdir -p "$work"
"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix"
cp -r "$source/examples" "$work/examples"
"$cmake" -S "$work/examples" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix"
"$cmake" --build "$work/build" -j 2
if grep -q -- "-I *$source/\|-isystem *$source/sdk\|-isystem *$source/core" "$work/build/build.ninja"; then
  echo "the examples were built against the source tree $source, not against the installed SDK" >&2
  exit 1
fi
ctest --test-dir "$work/build" --output-on-failure --no-tests=error
