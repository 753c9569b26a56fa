#!/bin/sh
# Writes the C source of builtin_files[] for the files given.  Octal escapes only: any byte, any compiler.
# usage: embed.sh FILE... > builtin_files.c
set -eu
LC_ALL=C
export LC_ALL

# What stands between <$2> and </$2> in the file $1, to the byte.
element() {
	awk -v tag="$2" 'BEGIN { RS = "\001" } {
		from = index($0, "<" tag ">")
		rest = substr($0, from + length(tag) + 2)
		printf "%s", substr(rest, 1, index(rest, "</" tag ">") - 1)
	}' "$1"
}

# The SHA-256 of that in base64, as Content-Security-Policy names it; nothing where a page has no such element.
hash_of() {
	case $1 in
	*.html) grep -q "<$2>" "$1" || return 0 ;;
	*) return 0 ;;
	esac
	hash=$(element "$1" "$2" | sha256sum | awk '{
		hex = "0123456789abcdef"
		base = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		for (i = 1; i <= 64; i += 3) {
			bits = 0
			for (k = i; k < i + 3; k++)
				bits = bits * 16 + (k > 64 ? 0 : index(hex, substr($1, k, 1)) - 1)
			printf "%s", substr(base, int(bits / 64) + 1, 1)
			printf "%s", i < 64 ? substr(base, bits % 64 + 1, 1) : "="
		}
	}')
	[ ${#hash} -eq 44 ] || { echo "embed.sh: no SHA-256 of <$2> in $1: is sha256sum there?" >&2; exit 1; }
	printf '%s' "$hash"
}

printf '/* Made by embed.sh from the pages in www/. */\n#include "config.h"\n\n#include "answer/builtin.h"\n\n'
printf 'const struct builtin_file builtin_files[] = {\n'
for file in "$@"; do
	style=$(hash_of "$file" style)
	script=$(hash_of "$file" script)
	printf '\t{ "%s", STR_INIT(\n' "${file##*/}"
	od -An -v -to1 -w24 "$file" | sed 's/ /\\/g; s/^/\t    "/; s/$/"/'
	printf '\t), STR_INIT("%s"), STR_INIT("%s") },\n' "$style" "$script"
done
printf '};\n\nconst size_t builtin_file_count = sizeof builtin_files / sizeof *builtin_files;\n'
