/* SPDX-License-Identifier: MIT */
/* gate_file, and what of gate_on stands in it in which state. */
#include "config.h"

#include "base/file.h"
#include "policy/compile_gate.h"
#include "policy/values.h"

static const struct str mark = STR_INIT("#?");  /* begins a line that says when the lines below are there */

/* gate_on, while it is read. */
struct reading {
	struct values *values;
	struct policy *policy;
	struct place   place;
};

static bool
take_site(const struct policy *policy, struct str name, struct gate_part *part)
{
	for (size_t i = 0; i < policy->site_count; i++) {
		const struct site *site = &policy->sites[i];

		if (str_eq(name, site->name.len > 0 ? site->name : STR("*")))
			part->site = site;
	}
	return part->site != NULL;
}

static bool
take_word(const struct policy *policy, struct str word, struct gate_part *part)
{
	if (part->site == NULL)
		return take_site(policy, word, part);
	if (str_eq(word, STR("full")))
		part->mode = MODE_FULL;
	else if (str_eq(word, STR("read-only")))
		part->mode = MODE_READ_ONLY;
	else if (str_eq(word, STR("bypass")))
		part->bypass = GATE_BYPASS_ON;
	else if (str_eq(word, STR("bypass.off")))
		part->bypass = GATE_BYPASS_OFF;
	else
		return false;
	return true;
}

static void
begin_part(struct reading *r, struct str words)
{
	struct gate_part *part = &r->policy->gate_parts[r->policy->gate_part_count++];
	struct str word;

	while (str_split(&words, ' ', &word)) {
		if (word.len == 0 || take_word(r->policy, word, part))
			continue;
		problem_error(r->values->problems, &r->place, "\"%.*s\": expected #? and a site (* for [site]), "
		    "then maybe full or read-only, then maybe bypass or bypass.off", STR_ARG(word));
		return;
	}
}

/* The text grows line by line: they follow one another. */
static void
read_line(struct reading *r, struct str text, size_t begin, size_t end)
{
	struct str line = str_sub(text, begin, end);
	struct gate_part *part;

	r->place.line++;
	if (str_starts(line, mark)) {
		begin_part(r, str_sub(line, mark.len, str_find(line, '\n')));
		return;
	}
	part = &r->policy->gate_parts[r->policy->gate_part_count - 1];
	part->text = (struct str){ part->text.len > 0 ? part->text.p : line.p, part->text.len + line.len };
}

static size_t
count_marks(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i + 1 < text.len; i++)
		count += text.p[i] == mark.p[0] && text.p[i + 1] == mark.p[1];
	return count;
}

/* Where sites are told apart, one without lines would have no gate. */
static void
check_sites(struct reading *r, const struct place *place)
{
	const struct policy *policy = r->policy;

	for (size_t i = 0; policy->gate_part_count > 1 && i < policy->site_count; i++) {
		const struct site *site = &policy->sites[i];
		bool found = site->condition.enabled == ENABLED_OFF;

		for (size_t k = 0; k < policy->gate_part_count; k++)
			found = found || policy->gate_parts[k].site == site;
		if (!found)
			problem_error(r->values->problems, place, "%.*s has no lines for [site%s%.*s]: make it "
			    "anew with wardenctl snippet", STR_ARG(r->place.file), site->name.len > 0 ? "." : "",
			    STR_ARG(site->name));
	}
}

static void
read_gate_on(struct values *values, struct policy *policy, const struct value *on)
{
	struct reading r = { values, policy, { .file = file_resolve(policy->file, on->text, values->arena) } };
	struct str text;

	values_refuse_writable(values, &on->place, on->text);
	if (values_read_file(values, &on->place, on->text, GATE_FILE_MAX, &text) != 0)
		return;
	policy->gate_parts = arena_zalloc(values->arena, count_marks(text) + 1, sizeof *policy->gate_parts);
	if (policy->gate_parts == NULL) {
		problem_error(values->problems, &on->place, "out of memory");
		return;
	}
	policy->gate_part_count = 1;
	for (size_t begin = 0, end; begin < text.len; begin = end) {
		end = begin + str_find(str_sub(text, begin, text.len), '\n') + 1;
		end = end > text.len ? text.len : end;
		read_line(&r, text, begin, end);
	}
	check_sites(&r, &on->place);
}

void
compile_gate(struct values *values, struct policy *policy)
{
	const struct value *file = &values->gateway.v[KEY_GATE_FILE], *on = &values->gateway.v[KEY_GATE_ON];
	const struct value *off = &values->gateway.v[KEY_GATE_OFF];

	if (file->text.len == 0 && on->text.len + off->text.len > 0)
		problem_error(values->problems, on->text.len > 0 ? &on->place : &off->place, "needs gate_file");
	if (file->text.len > 0 && on->text.len == 0)
		problem_error(values->problems, &file->place, "needs gate_on: the file that it is a copy of");
	if (file->text.len == 0 || on->text.len == 0)
		return;
	policy->gate_file = file_resolve(policy->file, file->text, values->arena).p;
	read_gate_on(values, policy, on);
	values_refuse_writable(values, &off->place, off->text);
	if (off->text.len > 0)
		(void)values_read_file(values, &off->place, off->text, GATE_FILE_MAX, &policy->gate_off);
}
