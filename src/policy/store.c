/* SPDX-License-Identifier: MIT */
/*
 * A counted pointer under a mutex, and a generation number that can be looked
 * at without it.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/store.h"

struct policy_store {
	pthread_mutex_t   mutex;        /* guards `current` and the holders of all policies */
	struct policy    *current;
	_Atomic(uint64_t) generation;
	struct str        path;
	uint64_t          seen;         /* fingerprint of the sources at the last attempt to load */
};

static uint64_t
add_identity(uint64_t hash, const struct file_identity *id)
{
	const int64_t fields[] = { (int64_t)id->device, (int64_t)id->inode, id->size, id->mtime.tv_sec,
	    id->mtime.tv_nsec, id->ctime.tv_sec, id->ctime.tv_nsec };

	return str_hash(hash, (struct str){ (const char *)fields, sizeof fields });
}

/* The sources as the policy was made from them. */
static uint64_t
fingerprint_of(const struct source *sources)
{
	uint64_t hash = STR_HASH_SEED;

	for (const struct source *s = sources; s != NULL; s = s->next)
		hash = add_identity(hash, &s->identity);
	return hash;
}

/* The same files as they are now. */
static uint64_t
fingerprint_now(const struct source *sources)
{
	uint64_t hash = STR_HASH_SEED;

	for (const struct source *s = sources; s != NULL; s = s->next) {
		struct file_identity identity = { 0 };
		struct stat status;

		if (stat(s->path, &status) == 0)
			identity = file_identity_of(&status);
		hash = add_identity(hash, &identity);
	}
	return hash;
}

int
policy_store_open(struct str path, struct problems *problems, struct policy_store **ret)
{
	struct policy_store *store = calloc(1, sizeof *store);
	int rc;

	if (store == NULL)
		return -ENOMEM;
	store->path.p = strndup(path.p, path.len);
	store->path.len = path.len;
	rc = store->path.p == NULL ? -ENOMEM : policy_compile(path, NULL, problems, &store->current);
	if (rc != 0) {
		free((char *)store->path.p);
		free(store);
		return rc;
	}
	(void)pthread_mutex_init(&store->mutex, NULL);
	store->current->holders = 1;    /* the store itself */
	store->generation = POLICY_FIRST;
	store->seen = fingerprint_of(store->current->sources);
	*ret = store;
	return 0;
}

void
policy_store_close(struct policy_store *store)
{
	if (store == NULL)
		return;
	assert(store->current->holders == 1);
	policy_free(store->current);
	(void)pthread_mutex_destroy(&store->mutex);
	free((char *)store->path.p);
	free(store);
}

bool
policy_store_changed(struct policy_store *store)
{
	return fingerprint_now(store->current->sources) != store->seen;
}

/* Under the mutex: whether nobody is left. */
static bool
drop(struct policy *policy)
{
	assert(policy->holders > 0);
	return --policy->holders == 0;
}

int
policy_store_reload(struct policy_store *store, struct problems *problems)
{
	uint64_t before = fingerprint_now(store->current->sources);
	struct policy *policy, *old;
	bool last;
	int rc = policy_compile(store->path, store->current, problems, &policy);

	if (rc != 0) {
		store->seen = before;
		return rc;
	}
	policy->holders = 1;
	(void)pthread_mutex_lock(&store->mutex);
	old = store->current;
	store->current = policy;
	last = drop(old);
	atomic_fetch_add_explicit(&store->generation, 1, memory_order_release);
	(void)pthread_mutex_unlock(&store->mutex);
	store->seen = fingerprint_of(policy->sources);
	if (last)
		policy_free(old);
	return 0;
}

void
policy_release(struct policy_store *store, struct policy_ref *held)
{
	bool last = false;

	if (held->policy == NULL)
		return;
	(void)pthread_mutex_lock(&store->mutex);
	last = drop((struct policy *)held->policy);
	(void)pthread_mutex_unlock(&store->mutex);
	if (last)
		policy_free((struct policy *)held->policy);
	*held = (struct policy_ref){ 0 };
}

const struct policy *
policy_refresh(struct policy_store *store, struct policy_ref *held)
{
	if (held->generation == atomic_load_explicit(&store->generation, memory_order_acquire))
		return held->policy;
	policy_release(store, held);
	(void)pthread_mutex_lock(&store->mutex);
	held->policy = store->current;
	store->current->holders++;
	held->generation = atomic_load_explicit(&store->generation, memory_order_relaxed);
	(void)pthread_mutex_unlock(&store->mutex);
	return held->policy;
}
