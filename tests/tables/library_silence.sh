#!/bin/sh
# The library neither prints nor exits, and reads no clock or environment: it
# refers to no function that would. usage: library_silence.sh ROOT ARCHIVE
set -eu
archive=$2
forbidden='exit|_exit|abort|atexit|quick_exit
printf|fprintf|vprintf|vfprintf|dprintf|vdprintf|puts|fputs|putchar|putc|fputc|perror
__printf_chk|__fprintf_chk|__vprintf_chk|__vfprintf_chk|__dprintf_chk
fwrite|stdout|stderr|stdin
getenv|secure_getenv|setenv|putenv|environ
time|gettimeofday|clock|clock_gettime|clock_gettime64|localtime|localtime_r|gmtime|gmtime_r|mktime|strftime
setlocale|newlocale|uselocale|strtod|strtof|strtold
signal|sigaction|system|popen|fork
rand|random|srand'
pattern=$(printf '%s' "$forbidden" | tr '\n' '|')

# Sanitizers and checked libc calls bring their own names, which start with
# two underscores and are not in the list.
symbols=$(nm -A -u "$archive") || exit 2
[ -n "$symbols" ] || { echo "nm shows nothing of $archive"; exit 2; }
found=$(printf '%s\n' "$symbols" | grep -E " U ($pattern)(@.*)?\$" || true)
if [ -n "$found" ]; then
  echo "the library must not use:"
  printf '%s\n' "$found"
  exit 1
fi
