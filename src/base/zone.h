/*
 * Time zones read from TZif files (RFC 8536), because localtime() knows one
 * zone per process and races.  A zone is read once, then only read: any thread.
 * "UTC" always works, without a file.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/str.h"

struct zone;

/*
 * Loads the zone `name` ("Europe/Berlin") from /usr/share/zoneinfo, or the folder in the
 * environment variable TZDIR.  "" and "UTC" need no file.  Absolute names, names with a "."
 * segment or a byte outside [A-Za-z0-9_+/-] are refused.  Returns 0, -EINVAL (no such name
 * could be), -ENOENT, -EBADMSG (no sound TZif file), -ENOMEM or another -errno.
 */
int         zone_load(struct str name, struct zone **ret);
void        zone_free(struct zone *zone);               /* NULL is fine */
const char *zone_name(const struct zone *zone);

/* What clocks in the zone show at `utc`: seconds east of UTC, and the abbreviation ("CET"). */
struct zone_offset {
	int32_t     seconds;
	const char *abbreviation;       /* lives as long as the zone */
};
struct zone_offset zone_offset_at(const struct zone *zone, int64_t utc);

/*
 * The instant at which clocks in the zone show `local` (seconds since 1970-01-01T00:00 as if it were UTC).
 * In a gap the offset before it counts; of a doubled time the first is meant.
 */
int64_t     zone_to_utc(const struct zone *zone, int64_t local);

#endif
