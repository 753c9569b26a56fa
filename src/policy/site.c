/* SPDX-License-Identifier: MIT */
/*
 * Which site a request belongs to: the closest host, then the longest path.  All hosts stand in one table, and a
 * request's is looked up as it is, then below each of its dots as a wildcard, then as any:
 *
 *     shop.example.com    looked up: "shop.example.com", ".example.com", ".com", ""
 *
 * The first of them with a site whose path is above the request's has it.
 */
#include "config.h"

#include <stdlib.h>

#include "policy/policy.h"

struct site *
policy_site_named(const struct policy *policy, struct str name)
{
	size_t number;

	return table_find(&policy->site_index.names, name, &number) ? &policy->sites[number] : NULL;
}

static int
compare_str(struct str a, struct str b)
{
	size_t least = a.len < b.len ? a.len : b.len;
	int order = least == 0 ? 0 : memcmp(a.p, b.p, least);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By host, by path, and in the order of the file. */
static int
compare_places(const void *left, const void *right)
{
	const struct site_place *a = left, *b = right;
	int order = compare_str(a->host, b->host);

	if (order == 0)
		order = compare_str(a->path, b->path);
	return order != 0 ? order : (a->site > b->site) - (a->site < b->site);
}

/* "/shop" of "/shop/". */
static struct str
path_of(const struct site *site)
{
	return str_sub(site->path, 0, site->path.len - 1);
}

/* As it stands in the table. */
static struct str
host_of(struct str pattern)
{
	return str_starts(pattern, STR("*")) ? str_sub(pattern, 1, pattern.len) : pattern;
}

static void
add_places(struct site_index *index, struct site *site)
{
	struct str path = path_of(site);

	if (site->host_count == 0)
		index->places[index->place_count++] = (struct site_place){ .path = path, .site = site };
	for (size_t i = 0; i < site->host_count; i++) {
		struct str host = host_of(site->hosts[i]);

		if (host.len < site->hosts[i].len && host.len > index->wildcard)
			index->wildcard = host.len;
		index->places[index->place_count++] =
		    (struct site_place){ .host = host, .path = path, .site = site };
	}
}

/* From the last, as each place knows how many of its host are behind it. */
static void
add_hosts(struct site_index *index)
{
	for (size_t i = index->place_count; i-- > 0;) {
		struct site_place *place = &index->places[i], *next = place + 1;
		bool alone = i + 1 == index->place_count || !str_eq(place->host, next->host);

		place->peers = alone ? 1 : next->peers + 1;
		place->longest = alone || place->path.len > next->longest ? place->path.len : next->longest;
		if (i == 0 || !str_eq(place->host, place[-1].host))
			(void)table_add(&index->hosts, place->host, i);
	}
}

bool
policy_index_sites(struct policy *policy)
{
	struct site_index *index = &policy->site_index;
	size_t most = 0;

	for (size_t i = 1; i < policy->site_count; i++)
		most += policy->sites[i].host_count + 1;
	index->places = arena_zalloc(policy->arena, most + 1, sizeof *index->places);
	if (index->places == NULL || !table_init(&index->names, policy->site_count, policy->arena) ||
	    !table_init(&index->hosts, most, policy->arena))
		return false;
	index->standard = &policy->sites[0];
	for (size_t i = policy->site_count; i-- > 1;)
		if (policy->sites[i].is_default)
			index->standard = &policy->sites[i];
	for (size_t i = 0; i < policy->site_count; i++)
		(void)table_add(&index->names, policy->sites[i].name, i);
	for (size_t i = 1; i < policy->site_count; i++)
		add_places(index, &policy->sites[i]);
	qsort(index->places, index->place_count, sizeof *index->places, compare_places);
	add_hosts(index);
	return true;
}

/* The first of the places that has exactly this path, or NULL. */
static struct site *
site_at(const struct site_place *places, size_t count, struct str path)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_str(places[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && str_eq(places[low].path, path) ? places[low].site : NULL;
}

static const struct site *
site_first_at(const struct site_index *index, struct str host, struct str path)
{
	size_t first;

	return !table_find(&index->hosts, host, &first) ? NULL :
	    site_at(&index->places[first], index->places[first].peers, path);
}

const struct site *
policy_site_first(const struct policy *policy, const struct site *site)
{
	const struct site_index *index = &policy->site_index;
	const struct site *first = site;

	if (site->host_count == 0)
		return site_first_at(index, STR_NONE, path_of(site));
	for (size_t i = 0; i < site->host_count && first == site; i++)
		first = site_first_at(index, host_of(site->hosts[i]), path_of(site));
	return first;
}

/* The site of that host with the longest path that is above `path`, or is it; or NULL. */
static struct site *
site_of_host(const struct site_index *index, struct str host, struct str path)
{
	const struct site_place *places;
	struct site *found = NULL;
	size_t first, len;

	if (!table_find(&index->hosts, host, &first))
		return NULL;
	places = &index->places[first];
	len = path.len < places->longest ? path.len : places->longest;
	for (size_t i = len + 1; i-- > 0 && found == NULL;)
		if (i == path.len || path.p[i] == '/')
			found = site_at(places, places->peers, str_sub(path, 0, i));
	return found;
}

static struct site *
site_of_request(const struct site_index *index, const struct request *request)
{
	struct str host = request->host;
	struct site *found = host.len == 0 ? NULL : site_of_host(index, host, request->path);

	/* a host may be made of dots: what is longer than any wildcard is not looked up */
	for (size_t i = host.len > index->wildcard ? host.len - index->wildcard : 1; i < host.len && found == NULL; i++)
		if (host.p[i] == '.')
			found = site_of_host(index, str_sub(host, i, host.len), request->path);
	return found != NULL ? found : site_of_host(index, STR_NONE, request->path);
}

struct site *
policy_site_find(const struct policy *policy, const struct request *request)
{
	struct site *found = NULL;

	if (request->raw->site.len > 0)
		found = policy_site_named(policy, request->raw->site);
	if (found == NULL)
		found = site_of_request(&policy->site_index, request);
	return found != NULL ? found : policy->site_index.standard;
}

/* Whether one of the site's hosts is the request's, or any is. */
static bool
has_host(const struct site *site, struct str host)
{
	bool found = site->host_count == 0;

	for (size_t i = 0; i < site->host_count && host.len > 0 && !found; i++)
		found = host_match(site->hosts[i], host) > 0;
	return found;
}

bool
policy_site_concerned(const struct policy *policy, const struct site *site, const struct request *request)
{
	struct str named = request->raw->site;

	if (named.len > 0 && policy_site_named(policy, named) != NULL)
		return str_eq(site->name, named);
	if (site == policy->site_index.standard || request->any_host)
		return true;
	return site != &policy->sites[0] && has_host(site, request->host);
}
