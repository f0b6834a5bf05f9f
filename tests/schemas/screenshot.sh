#!/bin/sh
# The comment as a forge shows it: rendered by a GFM library, its charts by
# Mermaid, in a real browser. What the page must hold is checked; the pictures
# stay beside it to be looked at. usage: screenshot.sh MAKE_REPORT WORK
make_report=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
. "$here/packages.sh"

for browser in chromium chromium-browser google-chrome; do
  browser=$(command -v "$browser") && break
done
[ -n "$browser" ] || skip "no chromium"
packages "$work/browser" markdown-it@15.0.3 mermaid@11.17.2 \
  playwright-core@1.65.1
mkdir -p "$work" || exit 2
files=
for content in reviewed hostile plain 200; do
  file=$work/markdown.$content
  "$make_report" markdown "$content" >"$file" || exit 2
  files="$files $file"
done
BROWSER=$browser timeout 200 node "$here/screenshot.mjs" $files
