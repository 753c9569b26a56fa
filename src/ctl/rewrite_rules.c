/* SPDX-License-Identifier: MIT */
/* Counting and quoting for mod_rewrite.  What it does with its arguments was read in its parser and tried on 2.4. */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/rewrite_rules.h"

struct rewrite_rule {
	struct rewrite_rule        *next;
	size_t                      number;
	size_t                      end;        /* of its lines */
	const char                 *what, *flags;
	const struct rewrite_place *to;         /* NULL: no skip */
};

void
rewrite_init(struct rewrite_rules *rules, struct arena *arena)
{
	*rules = (struct rewrite_rules){ .arena = arena };
	rules->lines = open_memstream(&rules->text, &rules->len);
	rules->failed = rules->lines == NULL;
}

void
rewrite_line(struct rewrite_rules *rules, const char *format, ...)
{
	va_list args;

	if (rules->failed)
		return;
	va_start(args, format);
	rules->failed = vfprintf(rules->lines, format, args) < 0 || fputc('\n', rules->lines) == EOF;
	va_end(args);
}

static void
add(struct rewrite_rules *rules, const char *what, const char *flags, const struct rewrite_place *to)
{
	struct rewrite_rule *rule = arena_zalloc(rules->arena, 1, sizeof *rule);

	rules->failed = rules->failed || rule == NULL || what == NULL || flags == NULL || fflush(rules->lines) != 0;
	if (rules->failed)
		return;
	*rule = (struct rewrite_rule){ NULL, rules->count++, rules->len, what, flags, to };
	if (rules->last != NULL)
		rules->last->next = rule;
	else
		rules->first = rule;
	rules->last = rule;
}

void
rewrite_rule(struct rewrite_rules *rules, const char *what, const char *flags)
{
	add(rules, what, flags, NULL);
}

void
rewrite_skip(struct rewrite_rules *rules, const struct rewrite_place *place, const char *flags)
{
	add(rules, "^ -", flags, place);
}

void
rewrite_here(struct rewrite_rules *rules, struct rewrite_place *place)
{
	place->number = rules->count;
}

static void
print_rule(const struct rewrite_rule *rule, FILE *out)
{
	(void)fprintf(out, "RewriteRule %s", rule->what);
	if (rule->to != NULL)
		(void)fprintf(out, " [%s%sS=%zu]", rule->flags, rule->flags[0] != '\0' ? "," : "",
		    rule->to->number - rule->number - 1);
	else if (rule->flags[0] != '\0')
		(void)fprintf(out, " [%s]", rule->flags);
	(void)fputc('\n', out);
}

bool
rewrite_print(struct rewrite_rules *rules, FILE *out)
{
	size_t printed = 0;

	if (rules->lines != NULL && (fflush(rules->lines) != 0 || ferror(rules->lines) != 0))
		rules->failed = true;
	if (rules->lines != NULL && (fclose(rules->lines) != 0 || rules->text == NULL))
		rules->failed = true;           /* it moves the text a last time */
	for (const struct rewrite_rule *r = rules->first; r != NULL && !rules->failed; r = r->next) {
		(void)fwrite(rules->text + printed, 1, r->end - printed, out);
		printed = r->end;
		print_rule(r, out);
	}
	if (!rules->failed)
		(void)fwrite(rules->text + printed, 1, rules->len - printed, out);
	free(rules->text);
	rules->lines = NULL;
	rules->text = NULL;
	return !rules->failed;
}

/* `text` with each byte of `escaped` as the two-digit escape of regular expressions, or behind a backslash. */
static const char *
escape(struct arena *arena, struct str text, const char *escaped, bool hex)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(arena, 4 * text.len + 1);
	size_t len = 0;

	for (size_t i = 0; out != NULL && i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (strchr(escaped, c) == NULL) {
			out[len++] = (char)c;
		} else if (hex) {
			memcpy(out + len, (char[4]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
			len += 4;
		} else {
			out[len++] = '\\';
			out[len++] = (char)c;
		}
	}
	if (out != NULL)
		out[len] = '\0';
	return out;
}

const char *
rewrite_regex(struct arena *arena, const char *regex)
{
	return escape(arena, str_of(regex), "\" ", true);
}

const char *
rewrite_exactly(struct arena *arena, struct str text)
{
	const char *quoted = escape(arena, text, " !\"#$%&'()*+,./:;<=>?@[\\]^`{|}~", true);

	return quoted == NULL ? NULL : arena_printf(arena, "^%s$", quoted).p;
}

/* "{" too: "${NAME}" is replaced when the configuration is read, whatever stands before it. */
const char *
rewrite_path(struct arena *arena, const char *path)
{
	return escape(arena, str_of(path), "\\%${", false);
}

const char *
rewrite_expr_path(struct arena *arena, const char *path)
{
	return escape(arena, str_of(path), "\\%${'", false);
}

bool
rewrite_can_quote(const char *path)
{
	for (; *path != '\0'; path++)
		if (*path == '"' || (unsigned char)*path < 0x20 || *path == 0x7f)
			return false;
	return true;
}

bool
rewrite_is_plain(const char *path)
{
	return path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+,@=:~-")] == '\0';
}
