#!/bin/sh
# Fills the line "@KEYS SCOPE" of a manual page with the list of that scope's keys.  usage: keys.sh keys.def page.in
set -eu
awk '
function field(n) { split($0, part, "\""); return part[n] }
FNR == NR {
	if ($0 !~ /^KEY\(/) next
	split($0, word, /[(,[:blank:]]+/)
	scope = word[3]; kind = word[5]; range = field(4); standard = field(6); help = field(8)
	gsub(/-/, "\\-", standard)
	text = ".It Cm " field(2)
	if (standard != "") text = text " No = Ar " standard
	text = text "\n" toupper(substr(help, 1, 1)) substr(help, 2) "."
	gsub(/\|/, ", ", range)
	if (kind == "WORD") text = text "\nOne of " range "."
	if (kind == "NUMBER") { sub(" ", " to ", range); text = text "\nFrom " range "." }
	if (kind == "LIST") text = text "\nA list."
	if (kind == "LOCAL") text = text "\nMay be given for a language."
	keys[scope] = keys[scope] text "\n"
	next
}
/^@KEYS / { printf ".Bl -tag -width Ds\n%s.El\n", keys[$2]; next }
{ print }
' "$1" "$2"
