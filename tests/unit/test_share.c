/* SPDX-License-Identifier: MIT */
/* The ramp: the same clients all through a window, as many as the share says, then others. */
#include "config.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "rules/share.h"

#define CLIENTS 20000

int suite_share(void);

static struct ip_addr
address_of(const char *text)
{
	struct ip_addr addr = { { 0 } };

	CU_ASSERT_EQUAL(ip_parse(str_of(text), &addr), 0);
	return addr;
}

/* The client of that number below `network`: neighbours, as those of one provider are. */
static struct ip_addr
numbered(const char *network, size_t low_byte, unsigned int number)
{
	struct ip_addr addr = address_of(network);

	addr.bytes[low_byte] = (uint8_t)number;
	addr.bytes[low_byte - 1] = (uint8_t)(number >> 8);
	return addr;
}

static void
check_spread(const char *network, size_t low_byte)
{
	unsigned int places[100] = { 0 };

	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct ip_addr client = numbered(network, low_byte, i);
		int place = share_place(&client, STR("2026-12-db"));

		CU_ASSERT_FATAL(place >= 0 && place <= 99);
		places[place]++;
	}
	for (size_t i = 0; i < 100; i++) {      /* 200 expected; six standard deviations are 85 */
		if (places[i] < 115 || places[i] > 285)
			printf("\n  %s: %u clients at place %zu", network, places[i], i);
		CU_ASSERT(places[i] >= 115 && places[i] <= 285);
	}
}

static void
test_share_is_even(void)
{
	check_spread("10.0.0.0", 15);
	check_spread("2001:db8::", 7);          /* one /64 after the other */
}

static void
test_share_is_lasting(void)
{
	struct ip_addr v4 = address_of("192.0.2.7"), mapped = address_of("::ffff:192.0.2.7");
	struct ip_addr v6 = address_of("2001:db8:1:2::1");
	struct ip_addr tomorrow = address_of("2001:db8:1:2:abcd::9");

	/* written down: a restart, another server and the next version must answer the same */
	CU_ASSERT_EQUAL(share_place(&v4, STR("2026-12-db")), 74);
	CU_ASSERT_EQUAL(share_place(&v6, STR("2026-12-db")), 38);
	CU_ASSERT_EQUAL(share_place(&v4, STR_NONE), 18);
	CU_ASSERT_EQUAL(share_place(&v4, STR("x")), share_place(&mapped, STR("x")));
	CU_ASSERT_EQUAL(share_place(&v6, STR("x")), share_place(&tomorrow, STR("x")));
}

static void
test_share_differs_by_window(void)
{
	unsigned int same = 0;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct ip_addr client = numbered("10.0.0.0", 15, i);

		same += share_place(&client, STR("w1")) == share_place(&client, STR("w2"));
	}
	CU_ASSERT(same > CLIENTS / 200 && same < CLIENTS / 50);         /* chance is one in 100 */
}

int
suite_share(void)
{
	CU_pSuite suite = CU_add_suite("rules/share", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "even", test_share_is_even) == NULL ||
	    CU_add_test(suite, "lasting", test_share_is_lasting) == NULL ||
	    CU_add_test(suite, "differs by window", test_share_differs_by_window) == NULL)
		return -1;
	return 0;
}
