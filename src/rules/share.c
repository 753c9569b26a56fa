/* SPDX-License-Identifier: MIT */
/*
 * The ramp's lottery: who is in at 10 percent is in at 20.  No cookie and no
 * table, only a hash of the client and the window, so that all servers and all
 * restarts agree, and another window favours other clients.
 *
 * An IPv6 client counts by its /64: its own half of the address changes daily
 * (RFC 8981), and must neither throw it out nor be a free second draw.  The
 * hash is not secret; the ramp spares the backend, it keeps nobody out.
 */
#include "config.h"

#include "rules/share.h"

#define IPV6_NETWORK_BYTES 8

/* FNV leaves its last bytes' trace in few bits; this spreads it (the finaliser of MurmurHash3). */
static uint64_t
mixed(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

int
share_place(const struct ip_addr *client, struct str id)
{
	size_t len = ip_is_v4(client) ? sizeof client->bytes : IPV6_NETWORK_BYTES;
	uint64_t hash = str_hash(STR_HASH_SEED, (struct str){ (const char *)client->bytes, len });

	return (int)(mixed(str_hash(hash, id)) % 100);
}
