#!/bin/sh
# Sources are as .clang-format wants them; ./dev format makes them so. Skipped
# where that clang-format is not installed. usage: formatted.sh ROOT
set -eu
cd "$1"
command -v clang-format-14 >/dev/null || { echo "no clang-format-14"; exit 77; }
find src cmd tests -name '*.[ch]' | LC_ALL=C sort |
  xargs clang-format-14 --dry-run -Werror
