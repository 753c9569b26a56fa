/* SPDX-License-Identifier: MIT */
/*
 * Networks: which spelling is one, which client is in it.  The tree is also
 * asked the same as a plain list, thousands of times: a radix tree that is
 * wrong is wrong in a corner nobody thought of.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "rules/cidr.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define V4           96         /* bits before the IPv4 part */

int suite_cidr(void);

static struct cidr_set *
set_of(const char *networks)
{
	struct cidr_set *set = cidr_set_new();
	struct str rest = str_of(networks), network;

	while (str_split(&rest, ' ', &network))
		CU_ASSERT_EQUAL(cidr_set_add(set, network), 0);
	cidr_set_freeze(set);
	return set;
}

static struct ip_addr
address_of(const char *text)
{
	struct ip_addr addr = { { 0 } };

	CU_ASSERT_EQUAL(ip_parse(str_of(text), &addr), 0);
	return addr;
}

static void
test_cidr_match(void)
{
	static const struct {
		const char *say, *networks, *address;
		int bits;
	} cases[] = {
		{ "an empty set holds nobody", "",                      "192.0.2.7",       -1 },
		{ "a network holds its hosts", "192.0.2.0/24",          "192.0.2.7",       V4+24 },
		{ "its first address",         "192.0.2.0/24",          "192.0.2.0",       V4+24 },
		{ "its last address",          "192.0.2.0/24",          "192.0.2.255",     V4+24 },
		{ "not the one below",         "192.0.2.0/24",          "192.0.1.255",     -1 },
		{ "not the one above",         "192.0.2.0/24",          "192.0.3.0",       -1 },
		{ "a bare address is that host", "192.0.2.7",             "192.0.2.7",       128 },
		{ "and not its neighbour",     "192.0.2.7",             "192.0.2.6",       -1 },
		{ "the longest prefix wins",   "10.0.0.0/8 10.1.0.0/16", "10.1.9.9",        V4+16 },
		{ "in either order",           "10.1.0.0/16 10.0.0.0/8", "10.1.9.9",        V4+16 },
		{ "the shorter one for the rest", "10.1.0.0/16 10.0.0.0/8", "10.2.9.9",        V4+8 },
		{ "a fork is no network",      "10.1.0.0/16 10.2.0.0/16", "10.3.0.1",        -1 },
		{ "a fork may become one",     "10.0.0.0/16 10.1.0.0/16 10.0.0.0/15", "10.1.0.1",        V4+16 },
		{ "all of IPv4",               "0.0.0.0/0",             "255.255.255.255", V4 },
		{ "all of IPv4 holds no IPv6", "0.0.0.0/0",             "2001:db8::1",     -1 },
		{ "all of IPv6",               "::/0",                  "2001:db8::1",     0 },
		{ "all of IPv6 holds no IPv4", "::/0",                  "192.0.2.7",       -1 },
		{ "nor a mapped one",          "::/0",                  "::ffff:192.0.2.7", -1 },
		{ "v4-mapped client is IPv4",  "192.0.2.7",             "::ffff:192.0.2.7", 128 },
		{ "v4-mapped network is IPv4", "::ffff:192.0.2.0/120",  "192.0.2.7",       V4+24 },
		{ "all that is mapped is all IPv4", "::ffff:0:0/96",         "192.0.2.7",       V4 },
		{ "v6 does not leak into v4",  "::1/128",               "0.0.0.1",         -1 },
		{ "an IPv6 network",           "2001:db8::/32",         "2001:db8:ffff::1", 32 },
		{ "not its neighbour",         "2001:db8::/32",         "2001:db9::1",     -1 },
		{ "a border inside the second half", "2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", 65 },
		{ "and its other side",        "2001:db8::8000:0:0:0/65", "2001:db8::7000:0:0:1", -1 },
		{ "a border between the halves", "2001:db8::/64",         "2001:db8::1",     64 },
		{ "an odd border",             "192.0.2.128/31",        "192.0.2.129",     V4+31 },
		{ "parting at the second half",  "2001:db8::1 2001:db8::8000:0:0:1", "2001:db8::1", 128 },
		{ "both families side by side", "2001:db8::/32 10.0.0.0/8", "10.0.0.1",        V4+8 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_set *set = set_of(cases[i].networks);
		struct ip_addr client = address_of(cases[i].address);
		int bits = cidr_set_match(set, &client);

		if (bits != cases[i].bits)
			printf("\n  %s: want %d, got %d", cases[i].say, cases[i].bits, bits);
		CU_ASSERT_EQUAL(bits, cases[i].bits);
		cidr_set_free(set);
	}
}

static void
test_cidr_add(void)
{
	static const struct {
		const char *say, *network;
		int rc;
	} cases[] = {
		{ "nothing is no network",            "",                 -EINVAL },
		{ "a name is no network",             "localhost/8",      -EINVAL },
		{ "no prefix behind the slash",       "192.0.2.0/",       -EINVAL },
		{ "no address before it",             "/24",              -EINVAL },
		{ "IPv4 has 32 bits",                 "192.0.2.0/33",     -EINVAL },
		{ "IPv6 has 128 bits",                "2001:db8::/129",   -EINVAL },
		{ "leading zeros in the prefix",      "192.0.2.0/024",    -EINVAL },
		{ "a signed prefix",                  "192.0.2.0/+24",    -EINVAL },
		{ "two prefixes",                     "192.0.2.0/24/24",  -EINVAL },
		{ "a netmask",                        "192.0.2.0/255.255.255.0", -EINVAL },
		{ "blanks",                           "192.0.2.0 /24",    -EINVAL },
		{ "short forms",                      "10/8",             -EINVAL },
		{ "leading zeros in the address",     "010.0.0.0/8",      -EINVAL },
		{ "a port",                           "192.0.2.7:80",     -EINVAL },
		{ "host bits are set",                "192.0.2.7/24",     -ERANGE },
		{ "the bit right behind the prefix",  "192.0.2.128/24",   -ERANGE },
		{ "host bits of IPv6",                "2001:db8::1/32",   -ERANGE },
		{ "host bits of IPv6's first half",   "2001:db8:0:1::/48", -ERANGE },
		{ "all but the last bit",             "192.0.2.1/31",     -ERANGE },
		{ "a mapped network wider than IPv4", "::ffff:0:0/95",    -ERANGE },
		{ "a whole address",                  "192.0.2.7/32",     0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_set *set = cidr_set_new();
		int rc = cidr_set_add(set, str_of(cases[i].network));

		if (rc != cases[i].rc)
			printf("\n  %s: want %d, got %d", cases[i].say, cases[i].rc, rc);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_EQUAL(cidr_set_count(set), rc == 0);
		cidr_set_free(set);
	}
}

static void
test_cidr_count(void)
{
	static const struct {
		const char *say, *networks;
		size_t count;
	} cases[] = {
		{ "none",                         "",                                      0 },
		{ "the same twice",               "10.0.0.0/8 10.0.0.0/8",                 1 },
		{ "the same in two spellings",    "192.0.2.7 192.0.2.7/32 ::ffff:192.0.2.7", 1 },
		{ "one inside the other",         "10.0.0.0/8 10.1.0.0/16",                2 },
		{ "forks are not counted",        "10.1.0.0/16 10.2.0.0/16",               2 },
		{ "both roots",                   "0.0.0.0/0 ::/0",                        2 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_set *set = set_of(cases[i].networks);

		if (cidr_set_count(set) != cases[i].count)
			printf("\n  %s: got %zu", cases[i].say, cidr_set_count(set));
		CU_ASSERT_EQUAL(cidr_set_count(set), cases[i].count);
		cidr_set_free(set);
	}
	cidr_set_free(NULL);
}

static void
test_cidr_is_full(void)
{
	struct cidr_set *set = cidr_set_new();
	struct ip_addr client = address_of("15.66.63.255");     /* the last that went in */
	char text[32];
	int len, rc = 0;

	for (unsigned int i = 0; i < CIDR_MAX && rc == 0; i++) {
		len = snprintf(text, sizeof text, "%u.%u.%u.7", i >> 16, i >> 8 & 255, i & 255);
		rc = cidr_set_add(set, (struct str){ text, (size_t)len });
	}
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(cidr_set_add(set, STR("192.0.2.7")), -E2BIG);
	CU_ASSERT_EQUAL(cidr_set_add(set, STR("0.0.1.7")), 0);  /* there already */
	CU_ASSERT_EQUAL(cidr_set_count(set), CIDR_MAX);
	cidr_set_freeze(set);
	client.bytes[15] = 7;
	CU_ASSERT_EQUAL(cidr_set_match(set, &client), 128);
	client.bytes[15] = 8;
	CU_ASSERT_EQUAL(cidr_set_match(set, &client), -1);
	cidr_set_free(set);
}

/* The plain list. */
struct network {
	struct ip_addr addr;
	int            bits;
};

static uint32_t
next_random(uint32_t *state)            /* xorshift32, so that every run is the same */
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void
clear_from(struct ip_addr *addr, int bits)
{
	for (int bit = bits; bit < 128; bit++)
		addr->bytes[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
}

/* Few different bytes and many leading zeros, so that prefixes meet, nest and part late. */
static struct ip_addr
random_address(uint32_t *state)
{
	static const uint8_t bytes[] = { 0, 0, 0xff, 0x80, 0x01, 0x7f };
	struct ip_addr addr = { { 0 } };
	bool v4 = next_random(state) % 2 == 0;

	for (size_t i = v4 ? 12 : next_random(state) % 16; i < 16; i++)
		addr.bytes[i] = bytes[next_random(state) % COUNT(bytes)];
	if (v4)
		addr.bytes[10] = addr.bytes[11] = 0xff;
	return addr;
}

static bool
naive_holds(const struct network *network, const struct ip_addr *addr)
{
	struct ip_addr cut = *addr;

	if (ip_is_v4(&network->addr) != ip_is_v4(addr))
		return false;
	clear_from(&cut, network->bits);
	return ip_eq(&cut, &network->addr);
}

static int
naive_match(const struct network *networks, size_t count, const struct ip_addr *addr)
{
	int best = -1;

	for (size_t i = 0; i < count; i++) {
		if (networks[i].bits > best && naive_holds(&networks[i], addr))
			best = networks[i].bits;
	}
	return best;
}

static int
add_network(struct cidr_set *set, const struct network *network)
{
	char address[IP_TEXT_MAX], text[IP_TEXT_MAX + 4];
	bool v4 = ip_is_v4(&network->addr);
	int len;

	ip_format(&network->addr, address);
	len = snprintf(text, sizeof text, "%s/%d", address, network->bits - (v4 ? V4 : 0));
	return cidr_set_add(set, (struct str){ text, (size_t)len });
}

/* A network that is not mapped by accident; IPv4 ones have 96 bits and more. */
static struct network
random_network(uint32_t *state)
{
	struct network network = { .addr = random_address(state) };
	bool v4 = ip_is_v4(&network.addr);

	network.bits = v4 ? V4 + (int)(next_random(state) % 33) : (int)(next_random(state) % 129);
	clear_from(&network.addr, network.bits);
	return network;
}

static void
compare_with_list(uint32_t seed, size_t count, size_t questions)
{
	struct network *networks = calloc(count, sizeof *networks);
	struct cidr_set *set = cidr_set_new();
	size_t wrong = 0, hits = 0;
	uint32_t state = seed;

	for (size_t i = 0; i < count; i++) {
		networks[i] = random_network(&state);
		CU_ASSERT_EQUAL(add_network(set, &networks[i]), 0);
	}
	cidr_set_freeze(set);
	for (size_t i = 0; i < questions; i++) {
		struct ip_addr addr = random_address(&state);
		int want = naive_match(networks, count, &addr), got;

		got = cidr_set_match(set, &addr);
		wrong += got != want;
		hits += want != -1;
	}
	if (wrong != 0)
		printf("\n  seed %u, %zu networks: %zu wrong", seed, count, wrong);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(hits > 0 || count < 100);     /* a few networks may hold none */
	cidr_set_free(set);
	free(networks);
}

static void
test_cidr_like_a_list(void)
{
	for (uint32_t seed = 1; seed <= 200; seed++)
		compare_with_list(seed, 1 + seed % 40, 200);
	compare_with_list(4711, 3000, 3000);
}

int
suite_cidr(void)
{
	CU_pSuite suite = CU_add_suite("rules/cidr", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "match", test_cidr_match) == NULL ||
	    CU_add_test(suite, "add", test_cidr_add) == NULL ||
	    CU_add_test(suite, "count", test_cidr_count) == NULL ||
	    CU_add_test(suite, "full", test_cidr_is_full) == NULL ||
	    CU_add_test(suite, "like a list", test_cidr_like_a_list) == NULL)
		return -1;
	return 0;
}
