/* SPDX-License-Identifier: MIT */
/*
 * Networks in two path-compressed binary radix trees, one for IPv4 and one for
 * IPv6, that share one array of nodes.  A node says how many leading bits all
 * below it have in common, and whether those bits are a network somebody wrote:
 *
 *         10.0.0.0/8 *
 *         /          \
 *   10.1.0.0/16 *   10.192.0.0/10          * = written by the operator
 *                    /          \
 *            10.192.7.0/24 *   10.240.0.0/16 *
 *
 * Nodes name each other by index, so the array may move while it grows, and a
 * million networks are at most two million nodes of 32 bytes.  Nothing can be
 * taken out again: a policy is built once, and replaced whole.
 *
 * One thread builds; after cidr_set_freeze() any number read without a lock.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "rules/cidr.h"

#define NODES_FIRST 16          /* room of the first array */
#define NODES_EACH  2           /* most that one network can add: itself and a fork */
#define V4_BITS     96          /* of an IPv4-mapped address, before the IPv4 part */
#define NO_NODE     0           /* nodes[0] is never used */

/* The address as two numbers, first bit of the text highest. */
struct key {
	uint64_t high, low;
};

struct node {
	struct key key;         /* bits past `bits` are 0 */
	uint32_t   child[2];    /* by the bit after `bits` */
	uint8_t    bits;        /* 0 to 128 */
	bool       written;     /* a network of the set, not only a fork */
};

_Static_assert(sizeof(struct node) <= 48, "a million networks should stay below 100 MB");

struct cidr_set {
	struct node *nodes;
	uint32_t     used, room;
	uint32_t     roots[2];  /* IPv6, IPv4 */
	size_t       count;     /* of written nodes */
	bool         frozen;
};

struct cidr_set *
cidr_set_new(void)
{
	struct cidr_set *set = calloc(1, sizeof *set);

	if (set != NULL)
		set->used = NO_NODE + 1;
	return set;
}

void
cidr_set_free(struct cidr_set *set)
{
	if (set == NULL)
		return;
	free(set->nodes);
	free(set);
}

static uint64_t
read_64(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static struct key
key_of(const struct ip_addr *addr)
{
	return (struct key){ read_64(addr->bytes), read_64(addr->bytes + 8) };
}

/* The first `bits` of `key`, the rest 0. */
static struct key
key_cut(struct key key, unsigned int bits)
{
	if (bits == 0)
		return (struct key){ 0, 0 };
	if (bits <= 64)
		return (struct key){ key.high & UINT64_MAX << (64 - bits), 0 };
	return (struct key){ key.high, key.low & UINT64_MAX << (128 - bits) };
}

/* How many leading bits two keys share, 0 to 128. */
static unsigned int
key_common(struct key a, struct key b)
{
	if (a.high != b.high)
		return (unsigned int)__builtin_clzll(a.high ^ b.high);
	if (a.low != b.low)
		return 64 + (unsigned int)__builtin_clzll(a.low ^ b.low);
	return 128;
}

/* The bit behind the first `bits`; there is none behind 128. */
static unsigned int
key_bit(struct key key, unsigned int bits)
{
	uint64_t half = bits < 64 ? key.high : key.low;

	return (unsigned int)(half >> (63 - bits % 64) & 1);
}

/* Reads "192.0.2.0/24" into an address and a prefix in bits of 128. */
static int
parse_network(struct str text, struct ip_addr *ret_addr, unsigned int *ret_bits)
{
	size_t slash = str_find(text, '/');
	struct str address = str_sub(text, 0, slash);
	bool dotted = str_find(address, ':') == address.len;
	int64_t bits = dotted ? 128 - V4_BITS : 128;

	if (ip_parse(address, ret_addr) != 0)
		return -EINVAL;
	if (slash != text.len &&
	    str_number(str_sub(text, slash + 1, text.len), 0, bits, &bits) != 0)
		return -EINVAL;
	*ret_bits = (unsigned int)bits + (dotted ? V4_BITS : 0);
	return 0;
}

/* Makes room for one more network, so that adding it cannot fail half way. */
static bool
reserve(struct cidr_set *set)
{
	uint32_t room = set->room == 0 ? NODES_FIRST : set->room * 2;
	struct node *nodes;

	if (set->room >= set->used + NODES_EACH)
		return true;
	nodes = realloc(set->nodes, room * sizeof *nodes);
	if (nodes == NULL)
		return false;
	set->nodes = nodes;
	set->room = room;
	return true;
}

static uint32_t
new_node(struct cidr_set *set, struct key key, unsigned int bits, bool written)
{
	set->nodes[set->used] = (struct node){
		.key = key_cut(key, bits), .bits = (uint8_t)bits, .written = written,
	};
	return set->used++;
}

/*
 * Where the network belongs: `*ret_common` bits are shared with the node that
 * the returned link names, which may be NO_NODE (then there is nothing below).
 */
static uint32_t *
find_link(struct cidr_set *set, uint32_t *root, struct key key, unsigned int bits,
    unsigned int *ret_common)
{
	uint32_t *link = root;

	*ret_common = 0;
	while (*link != NO_NODE) {
		struct node *node = &set->nodes[*link];
		unsigned int common = key_common(node->key, key);

		if (common > node->bits)
			common = node->bits;
		if (common > bits)
			common = bits;
		*ret_common = common;
		if (common < node->bits || common == bits)
			break;
		link = &node->child[key_bit(key, common)];
	}
	return link;
}

/* Puts the network at `link`, above what is there; needs reserve(). */
static void
insert_at(struct cidr_set *set, uint32_t *link, struct key key, unsigned int bits,
    unsigned int common)
{
	uint32_t below = *link, here;

	if (below == NO_NODE) {
		*link = new_node(set, key, bits, true);
		return;
	}
	here = new_node(set, key, common, common == bits);
	set->nodes[here].child[key_bit(set->nodes[below].key, common)] = below;
	if (common < bits)
		set->nodes[here].child[key_bit(key, common)] = new_node(set, key, bits, true);
	*link = here;
}

static int
add_key(struct cidr_set *set, uint32_t *root, struct key key, unsigned int bits)
{
	unsigned int common;
	uint32_t *link = find_link(set, root, key, bits, &common);
	struct node *node = *link == NO_NODE ? NULL : &set->nodes[*link];
	bool there = node != NULL && common == bits && node->bits == bits;

	if (there && node->written)
		return 0;
	if (set->count == CIDR_MAX)
		return -E2BIG;
	if (there)
		node->written = true;           /* it was only a fork until now */
	else
		insert_at(set, link, key, bits, common);
	set->count++;
	return 0;
}

int
cidr_set_add(struct cidr_set *set, struct str text)
{
	struct ip_addr addr;
	struct key key, cut;
	unsigned int bits;
	bool v4;
	int rc;

	assert(!set->frozen);
	rc = parse_network(text, &addr, &bits);
	if (rc != 0)
		return rc;
	key = key_of(&addr);
	cut = key_cut(key, bits);
	if (cut.high != key.high || cut.low != key.low)
		return -ERANGE;
	if (!reserve(set))
		return -ENOMEM;
	v4 = ip_is_v4(&addr);           /* then bits >= 96, or bits past the prefix were set */
	return add_key(set, &set->roots[v4], key, bits);
}

/* Gives back the room that growing left over. */
void
cidr_set_freeze(struct cidr_set *set)
{
	struct node *nodes;

	set->frozen = true;
	if (set->nodes == NULL)
		return;
	nodes = realloc(set->nodes, set->used * sizeof *nodes);
	if (nodes != NULL) {
		set->nodes = nodes;
		set->room = set->used;
	}
}

size_t
cidr_set_count(const struct cidr_set *set)
{
	return set->count;
}

int
cidr_set_match(const struct cidr_set *set, const struct ip_addr *addr)
{
	struct key key = key_of(addr);
	uint32_t index = set->roots[ip_is_v4(addr)];
	int best = -1;

	while (index != NO_NODE) {
		const struct node *node = &set->nodes[index];

		if (key_common(node->key, key) < node->bits)
			break;
		if (node->written)
			best = node->bits;
		if (node->bits == 128)
			break;
		index = node->child[key_bit(key, node->bits)];
	}
	return best;
}
