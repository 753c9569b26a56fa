/* SPDX-License-Identifier: MIT */
/* Which site a request belongs to. */
#include "config.h"

#include "policy/policy.h"

struct site *
policy_site_named(const struct policy *policy, struct str name)
{
	for (size_t i = 0; i < policy->site_count; i++)
		if (str_eq(policy->sites[i].name, name))
			return &policy->sites[i];
	return NULL;
}

static struct site *
default_site(const struct policy *policy)
{
	for (size_t i = 1; i < policy->site_count; i++)
		if (policy->sites[i].is_default)
			return &policy->sites[i];
	return &policy->sites[0];
}

/* How closely the site's hosts match: 0 not at all, 1 for a site of any host. */
static int
host_closeness(const struct site *site, struct str host)
{
	int best = site->host_count == 0;

	for (size_t i = 0; i < site->host_count && host.len > 0; i++) {
		int closeness = host_match(site->hosts[i], host);

		if (closeness > 0 && closeness + 1 > best)
			best = closeness + 1;
	}
	return best;
}

struct site *
policy_site_find(const struct policy *policy, const struct request *request)
{
	struct site *found = NULL;
	int best = 0;

	if (request->raw->site.len > 0)
		found = policy_site_named(policy, request->raw->site);
	if (found != NULL)
		return found;
	for (size_t i = 1; i < policy->site_count; i++) {
		struct site *site = &policy->sites[i];
		int closeness = host_closeness(site, request->host);

		if (closeness == 0 || closeness < best || !path_is_below(request->path, site->path))
			continue;
		if (closeness == best && site->path.len <= found->path.len)
			continue;
		best = closeness;
		found = site;
	}
	return found != NULL ? found : default_site(policy);
}

bool
policy_site_concerned(const struct policy *policy, const struct site *site, const struct request *request)
{
	struct str named = request->raw->site;

	if (named.len > 0 && policy_site_named(policy, named) != NULL)
		return str_eq(site->name, named);
	if (site == default_site(policy) || request->any_host)
		return true;
	return site != &policy->sites[0] && host_closeness(site, request->host) > 0;
}
