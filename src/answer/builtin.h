/* The pages in www/, compiled into the program, so that it answers with no file at all.  Constant: any thread. */
#ifndef ANSWER_BUILTIN_H
#define ANSWER_BUILTIN_H

#include "answer/negotiate.h"

/* One file of www/: made by embed.sh at build time. */
struct builtin_file {
	const char *name;               /* "page.de.html" */
	struct str  text;
	struct str  style, script;      /* SHA-256 of these elements, in base64; empty where there is none */
};

extern const struct builtin_file builtin_files[];
extern const size_t              builtin_file_count;

/* The page in `language`, else in English. */
const struct builtin_file *builtin_page(struct str language, enum format format);

#endif
