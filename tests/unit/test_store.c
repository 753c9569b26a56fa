/* SPDX-License-Identifier: MIT */
/* policy/store.c: the policy is exchanged under those who hold it, and never for a broken one. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "policy/store.h"
#include "support.h"

int suite_store(void);

#define TITLE(title) "[gateway]\nstate_dir = .\n[site]\ntitle = " title "\n"

/* All of one test. */
struct fixture {
	struct folder        folder;
	struct problems      problems;
	struct policy_store *store;
};

static int
open_store(struct fixture *f)
{
	return policy_store_open(str_of(folder_path(&f->folder, "warden.ini")), &f->problems, &f->store);
}

static void
begin(struct fixture *f, const char *text)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	f->problems.arena = arena_new_growing(1024 * 1024);
	folder_write(&f->folder, "warden.ini", text);
}

static void
end(struct fixture *f)
{
	policy_store_close(f->store);
	arena_free(f->problems.arena);
	folder_remove(&f->folder);
}

static struct str
title_of(const struct policy *policy)
{
	return policy->sites[0].answers.title.v[0];
}

static void
test_store_reload(void)
{
	struct fixture f;
	struct policy_ref a = { 0 }, b = { 0 };
	const struct policy *held;

	begin(&f, TITLE("one"));
	CU_ASSERT_EQUAL_FATAL(open_store(&f), 0);
	held = policy_refresh(f.store, &a);
	check_str("the policy", title_of(held), "one");
	CHECK("nothing new is the same", policy_refresh(f.store, &a) == held);
	folder_write(&f.folder, "warden.ini", TITLE("two"));
	check_int("a reload", policy_store_reload(f.store, &f.problems), 0);
	check_str("who holds the old one reads on", title_of(held), "one");
	check_str("who comes gets the new one", title_of(policy_refresh(f.store, &b)), "two");
	check_str("... and who asks again", title_of(policy_refresh(f.store, &a)), "two");
	CHECK("it is one for all", a.policy == b.policy);
	policy_release(f.store, &b);
	CHECK("released is empty", b.policy == NULL && b.generation == 0);
	policy_release(f.store, &b);
	check_str("... twice is fine, and the other still holds", title_of(a.policy), "two");
	check_str("it may come again", title_of(policy_refresh(f.store, &b)), "two");
	policy_release(f.store, &a);
	policy_release(f.store, &b);
	end(&f);
}

/* Each of three holders has another generation; ASan sees whether each goes when it must, and not before. */
static void
test_store_generations(void)
{
	struct fixture f;
	struct policy_ref refs[3] = { { 0 } };

	begin(&f, TITLE("one"));
	CU_ASSERT_EQUAL_FATAL(open_store(&f), 0);
	for (size_t i = 0; i < COUNT(refs); i++) {
		(void)policy_refresh(f.store, &refs[i]);
		folder_write(&f.folder, "warden.ini", i == 0 ? TITLE("two") : TITLE("three"));
		CU_ASSERT_EQUAL(policy_store_reload(f.store, &f.problems), 0);
	}
	check_str("the first", title_of(refs[0].policy), "one");
	check_str("the second", title_of(refs[1].policy), "two");
	check_str("the third", title_of(refs[2].policy), "three");
	policy_release(f.store, &refs[1]);
	check_str("the first still", title_of(refs[0].policy), "one");
	policy_release(f.store, &refs[0]);
	policy_release(f.store, &refs[2]);
	end(&f);
}

static void
test_store_broken(void)
{
	struct fixture f;
	struct policy_ref held = { 0 };
	const struct policy *before;

	begin(&f, "[site]\nstaus = 1\n");
	check_int("a broken INI opens nothing", open_store(&f), -EINVAL);
	f.store = NULL;
	folder_write(&f.folder, "warden.ini", TITLE("one"));
	CU_ASSERT_EQUAL_FATAL(open_store(&f), 0);
	before = policy_refresh(f.store, &held);
	folder_write(&f.folder, "warden.ini", "[site]\nmode = half\n");
	check_int("a reload of a broken INI", policy_store_reload(f.store, &f.problems), -EINVAL);
	CHECK("... keeps the policy in force", policy_refresh(f.store, &held) == before);
	CHECK("... tells why", find_problem(&f.problems, "full|read-only") != NULL);
	CHECK("... and is not tried again at once", !policy_store_changed(f.store));
	folder_delete(&f.folder, "warden.ini");
	CHECK("an INI that is gone is a change", policy_store_changed(f.store));
	check_int("... that cannot be loaded", policy_store_reload(f.store, &f.problems), -EINVAL);
	folder_write(&f.folder, "warden.ini", TITLE("two"));
	CHECK("mended is a change", policy_store_changed(f.store));
	check_int("... that is taken", policy_store_reload(f.store, &f.problems), 0);
	check_str("... by all", title_of(policy_refresh(f.store, &held)), "two");
	policy_release(f.store, &held);
	end(&f);
}

/* Replaces the file by another one, as editors and configuration management do. */
static void
replace(const struct folder *folder, const char *name, const char *text)
{
	folder_write(folder, "new", text);
	CU_ASSERT_EQUAL(rename(folder_path(folder, "new"), folder_path(folder, name)), 0);
}

static void
test_store_changed(void)
{
	struct fixture f;

	begin(&f, "[gateway]\nstate_dir = .\n[site]\npage = page.html\nbypass_address_file = nets\n");
	folder_write(&f.folder, "page.html", "a");
	folder_write(&f.folder, "nets", "10.0.0.0/8\n");
	CU_ASSERT_EQUAL_FATAL(open_store(&f), 0);
	CHECK("nothing changed", !policy_store_changed(f.store));
	replace(&f.folder, "nets", "10.0.0.0/8\n192.0.2.1\n");
	CHECK("a list's file", policy_store_changed(f.store));
	CHECK("... until it is loaded", policy_store_changed(f.store));
	CU_ASSERT_EQUAL(policy_store_reload(f.store, &f.problems), 0);
	CHECK("... then no more", !policy_store_changed(f.store));
	replace(&f.folder, "page.html", "b");
	CHECK("a page", policy_store_changed(f.store));
	CU_ASSERT_EQUAL(policy_store_reload(f.store, &f.problems), 0);
	folder_write(&f.folder, "page.de.html", "c");
	CHECK("a page in another language that comes", policy_store_changed(f.store));
	CU_ASSERT_EQUAL(policy_store_reload(f.store, &f.problems), 0);
	folder_delete(&f.folder, "page.de.html");
	CHECK("... and goes", policy_store_changed(f.store));
	CU_ASSERT_EQUAL(policy_store_reload(f.store, &f.problems), 0);
	folder_write(&f.folder, "maintenance.flag", "");
	CHECK("a flag is no source", !policy_store_changed(f.store));
	end(&f);
}

int
suite_store(void)
{
	CU_pSuite suite = CU_add_suite("policy/store", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "reload", test_store_reload) == NULL ||
	    CU_add_test(suite, "generations", test_store_generations) == NULL ||
	    CU_add_test(suite, "broken", test_store_broken) == NULL ||
	    CU_add_test(suite, "changed", test_store_changed) == NULL)
		return -1;
	return 0;
}
