/* SPDX-License-Identifier: MIT */
/* Looking fields up so that one that came twice is never taken for one. */
#include "config.h"

#include "front/http_request.h"

struct str
http_field(const struct http_request *request, struct str name, size_t *ret_count)
{
	struct str value = STR_NONE;
	size_t count = 0;

	for (size_t i = 0; i < request->field_count; i++) {
		if (!str_eq_nocase(request->fields[i].name, name))
			continue;
		value = request->fields[i].value;
		count++;
	}
	*ret_count = count;
	return count == 1 ? value : STR_NONE;
}
