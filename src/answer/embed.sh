#!/bin/sh
# Writes the C source of builtin_files[] for the files given.  Octal escapes only: any byte, any compiler.
# usage: embed.sh FILE... > builtin_files.c
set -eu
printf '/* Made by embed.sh from the pages in www/. */\n#include "config.h"\n\n#include "answer/builtin.h"\n\n'
printf 'const struct builtin_file builtin_files[] = {\n'
for file in "$@"; do
	printf '\t{ "%s", STR_INIT(\n' "${file##*/}"
	od -An -v -to1 -w24 "$file" | sed 's/ /\\/g; s/^/\t    "/; s/$/"/'
	printf '\t) },\n'
done
printf '};\n\nconst size_t builtin_file_count = sizeof builtin_files / sizeof *builtin_files;\n'
