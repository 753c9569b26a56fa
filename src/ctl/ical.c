/* SPDX-License-Identifier: MIT */
/*
 * Windows as calendars (RFC 5545), by libical.  What a window cannot say (RDATE, EXDATE, a zone of the calendar's own)
 * is refused by name: an event that is left out silently would be one that nobody is warned of.
 */
#include "config.h"

#include "ctl/schedule.h"

#ifndef HAVE_ICAL

static int
without_calendars(void)
{
	return ctl_fail(CTL_SYSTEM, "this wardenctl was built without calendars (./configure --disable-ical)");
}

int
schedule_import(struct ctl *ctl, const char *file)
{
	(void)ctl, (void)file;
	return without_calendars();
}

int
schedule_export(struct ctl *ctl)
{
	(void)ctl;
	return without_calendars();
}

#else

#include <errno.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ICS_MAX (8 * 1024 * 1024)

/* Small letters, digits and "-": what a window's id is made of. */
static struct str
id_of(struct ctl *ctl, const char *uid)
{
	struct str lower = arena_lower(ctl->arena, str_of(uid));
	char *id = (char *)(uintptr_t)lower.p;
	size_t len = str_find(lower, '@');

	for (size_t i = 0; i < len; i++)
		if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') || id[i] == '_'))
			id[i] = '-';
	return str_sub(lower, 0, len < 64 ? len : 64);
}

static struct str
time_text(struct ctl *ctl, struct icaltimetype time)
{
	return arena_printf(ctl->arena, "%04d-%02d-%02d %02d:%02d:%02d%s", time.year, time.month, time.day, time.hour,
	    time.minute, time.second, icaltime_is_utc(time) ? "Z" : "");
}

/* The IANA name of the zone that DTSTART is in; empty for UTC and for floating times. */
static struct str
zone_of(icalproperty *property)
{
	icalparameter *parameter = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);

	return parameter != NULL ? str_of(icalparameter_get_tzid(parameter)) : STR_NONE;
}

/* RRULE as its text, without the week's first day where that is the usual one. */
static struct str
repeat_of(struct ctl *ctl, icalcomponent *event)
{
	icalproperty *property = icalcomponent_get_first_property(event, ICAL_RRULE_PROPERTY);
	struct str text, week = STR(";WKST=MO");
	char *owned;

	if (property == NULL)
		return STR_NONE;
	owned = icalproperty_get_value_as_string_r(property);
	text = arena_copy(ctl->arena, str_of(owned));
	icalmemory_free_buffer(owned);
	for (size_t i = 0; i + week.len <= text.len; i++)
		if (str_starts(str_sub(text, i, text.len), week))
			return arena_printf(
			    ctl->arena, "%.*s%.*s", (int)i, text.p, STR_ARG(str_sub(text, i + week.len, text.len)));
	return text;
}

/* What is missing, or would be misread; NULL for neither. */
static const char *
wrong_times(icalcomponent *event, icalproperty *start)
{
	icalproperty *end = icalcomponent_get_first_property(event, ICAL_DTEND_PROPERTY);

	/* a date alone is a whole day (RFC 5545 section 3.6.1) */
	if (end == NULL && icalcomponent_get_first_property(event, ICAL_DURATION_PROPERTY) == NULL &&
	    !icalproperty_get_dtstart(start).is_date)
		return "it has neither DTEND nor DURATION";
	if (end != NULL && !icaltime_is_utc(icalproperty_get_dtend(end)) &&
	    (!str_eq(zone_of(start), zone_of(end)) || icaltime_is_utc(icalproperty_get_dtstart(start))))
		return "its start and its end are in different zones";
	return NULL;
}

static const char *
unsupported(icalcomponent *event)
{
	static const struct {
		icalproperty_kind kind;
		const char       *name;
	} kinds[] = {
		{ ICAL_RDATE_PROPERTY, "RDATE" },
		{ ICAL_EXDATE_PROPERTY, "EXDATE" },
		{ ICAL_EXRULE_PROPERTY, "EXRULE" },
		{ ICAL_RECURRENCEID_PROPERTY, "RECURRENCE-ID" },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (icalcomponent_get_first_property(event, kinds[i].kind) != NULL)
			return kinds[i].name;
	return NULL;
}

static struct str
text_of(struct ctl *ctl, const char *text)
{
	struct str copy = arena_copy(ctl->arena, str_of(text));
	char *p = (char *)(uintptr_t)copy.p;

	for (size_t i = 0; i < copy.len; i++)           /* a description may have lines; a value has one */
		if ((unsigned char)p[i] < 0x20)
			p[i] = ' ';
	return str_trim(copy);
}

static int
import_event(struct ctl *ctl, icalcomponent *event)
{
	const char *uid = icalcomponent_get_uid(event), *against = unsupported(event);
	icalproperty *start = icalcomponent_get_first_property(event, ICAL_DTSTART_PROPERTY);
	struct planned planned = { .site = str_of(ctl->site_name), .owner = ctl_who(ctl) };

	if (uid == NULL || start == NULL)
		return ctl_fail(CTL_NO, "an event without UID or DTSTART is refused");
	if (against != NULL)
		return ctl_fail(CTL_NO, "event %s is refused: a window cannot say %s", uid, against);
	if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED)
		return ctl_fail(CTL_NO, "event %s is refused: it is cancelled", uid);
	against = wrong_times(event, start);
	if (against != NULL)
		return ctl_fail(CTL_NO, "event %s is refused: %s", uid, against);
	planned.id = id_of(ctl, uid);
	planned.start = time_text(ctl, icalcomponent_get_dtstart(event));
	planned.end = time_text(ctl, icalcomponent_get_dtend(event));
	planned.zone = zone_of(start);
	planned.repeat = repeat_of(ctl, event);
	planned.title = text_of(ctl, icalcomponent_get_summary(event));
	planned.message = text_of(ctl, icalcomponent_get_description(event));
	return schedule_plan(ctl, &planned);
}

int
schedule_import(struct ctl *ctl, const char *file)
{
	icalcomponent *calendar;
	struct str text;
	unsigned taken = 0, refused = 0;
	int rc = file_read(file, ICS_MAX, ctl->arena, &text, NULL);

	if (rc != 0)
		return ctl_fail(CTL_SYSTEM, "cannot read %s: %s", file, strerror(-rc));
	calendar = icalparser_parse_string(text.p);
	if (calendar == NULL || icalcomponent_count_errors(calendar) > 0) {
		if (calendar != NULL)
			icalcomponent_free(calendar);
		return ctl_fail(CTL_USAGE, "%s is no sound calendar (RFC 5545)", file);
	}
	for (icalcomponent *e = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
	     e != NULL; e = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
		int event_code = import_event(ctl, e);

		taken += event_code == CTL_YES;
		refused += event_code != CTL_YES;
	}
	icalcomponent_free(calendar);
	ctl_say(ctl, "%u windows planned, %u refused\n", taken, refused);
	return refused > 0 ? CTL_NO : CTL_YES;
}

static struct icaltimetype
ical_time(int64_t local, bool utc)
{
	struct icaltimetype time = icaltime_from_timet_with_zone((time_t)local, 0, icaltimezone_get_utc_timezone());

	if (!utc)
		time.zone = NULL;
	return time;
}

static icalproperty *
with_zone(icalproperty *property, const char *zone)
{
	if (strcmp(zone, "UTC") != 0)
		icalproperty_add_parameter(property, icalparameter_new_tzid(zone));
	return property;
}

static void
add_times(icalcomponent *event, const struct window *w)
{
	const char *zone = zone_name(w->times.zone);
	bool utc = strcmp(zone, "UTC") == 0;

	if (w->times.start_local != TIME_NONE)
		icalcomponent_add_property(
		    event, with_zone(icalproperty_new_dtstart(ical_time(w->times.start_local, utc)), zone));
	if (w->times.end_local != TIME_NONE)
		icalcomponent_add_property(event, with_zone(icalproperty_new_dtend(ical_time(w->times.end_local, utc)),
		    zone));
}

static void
add_text(struct ctl *ctl, icalcomponent *event, icalproperty *(*make)(const char *), struct str text)
{
	if (text.len > 0)
		icalcomponent_add_property(event, make(arena_copy(ctl->arena, text).p));
}

static icalcomponent *
event_of(struct ctl *ctl, const struct window *w)
{
	icalcomponent *event = icalcomponent_new(ICAL_VEVENT_COMPONENT);
	struct str title = w->title.len > 0 ? w->title : STR("Maintenance");

	if (w->site.len > 0 && w->title.len == 0)
		title = arena_printf(ctl->arena, "Maintenance of %.*s", STR_ARG(w->site));
	icalcomponent_add_property(event, icalproperty_new_uid(arena_printf(ctl->arena, "%.*s@maintenance-warden",
	    STR_ARG(w->id)).p));
	icalcomponent_add_property(event, icalproperty_new_dtstamp(ical_time(ctl->now, true)));
	add_times(event, w);
	if (w->repeat.len > 0)
		icalcomponent_add_property(event, icalproperty_new_rrule(
		    icalrecurrencetype_from_string(arena_copy(ctl->arena, w->repeat).p)));
	add_text(ctl, event, icalproperty_new_summary, title);
	add_text(ctl, event, icalproperty_new_description, w->message);
	return event;
}

/* A TZID needs its VTIMEZONE (RFC 5545 section 3.2.19); once for each zone. */
static void
add_zone(icalcomponent *calendar, const struct window *w)
{
	const char *name = zone_name(w->times.zone);
	icaltimezone *zone = icaltimezone_get_builtin_timezone(name);
	icalcomponent *component;
	icalproperty *id;

	if (strcmp(name, "UTC") == 0 || zone == NULL)
		return;
	for (icalcomponent *c = icalcomponent_get_first_component(calendar, ICAL_VTIMEZONE_COMPONENT); c != NULL;
	    c = icalcomponent_get_next_component(calendar, ICAL_VTIMEZONE_COMPONENT)) {
		id = icalcomponent_get_first_property(c, ICAL_TZID_PROPERTY);
		if (id != NULL && strcmp(icalproperty_get_tzid(id), name) == 0)
			return;
	}
	component = icalcomponent_new_clone(icaltimezone_get_component(zone));
	id = icalcomponent_get_first_property(component, ICAL_TZID_PROPERTY);
	icalproperty_set_tzid(id, name);                /* libical's own begins with a path */
	icalcomponent_add_component(calendar, component);
}

int
schedule_export(struct ctl *ctl)
{
	icalcomponent *calendar = icalcomponent_new(ICAL_VCALENDAR_COMPONENT);
	char *text;

	icalcomponent_add_property(calendar, icalproperty_new_version("2.0"));
	icalcomponent_add_property(calendar, icalproperty_new_prodid("-//Maintenance Warden//wardenctl//EN"));
	for (size_t i = 0; i < ctl->policy->window_count; i++) {
		const struct window *w = &ctl->policy->windows[i];

		if (ctl->site_name != NULL && w->site.len > 0 && !str_eq(w->site, str_of(ctl->site_name)))
			continue;
		if (w->times.start_local == TIME_NONE) {
			(void)ctl_fail(CTL_NO, "window %.*s has no start: a calendar cannot say that, it is left out",
			    STR_ARG(w->id));
			continue;
		}
		add_zone(calendar, w);
		icalcomponent_add_component(calendar, event_of(ctl, w));
	}
	text = icalcomponent_as_ical_string_r(calendar);
	(void)fputs(text, stdout);
	icalmemory_free_buffer(text);
	icalcomponent_free(calendar);
	return CTL_YES;
}

#endif
