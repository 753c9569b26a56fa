/* SPDX-License-Identifier: MIT */
/*
 * Secrets, over libsodium.  A plain secret is hashed when the configuration is
 * read: then neither its length nor its text can leak by the time of a compare,
 * and it is gone from the policy.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/secret.h"

#define DIGEST_PREFIX "sha256:"

_Static_assert(SHA256_SIZE == crypto_hash_sha256_BYTES, "libsodium's SHA-256");
_Static_assert(SHA256_BASE64_MAX ==
    sodium_base64_ENCODED_LEN(SHA256_SIZE, sodium_base64_VARIANT_ORIGINAL), "base64 of a digest");

int
secret_init(void)
{
	return sodium_init() == -1 ? -EIO : 0;
}

void
secret_random_hex(char *text, size_t digits)
{
	uint8_t bytes[32];

	assert(digits % 2 == 0 && digits / 2 <= sizeof bytes);
	randombytes_buf(bytes, digits / 2);
	(void)sodium_bin2hex(text, digits + 1, bytes, digits / 2);
	sodium_memzero(bytes, sizeof bytes);
}

void
sha256(struct str data, uint8_t digest[SHA256_SIZE])
{
	(void)crypto_hash_sha256(digest, (const unsigned char *)data.p, data.len);
}

void
sha256_base64(struct str data, char text[SHA256_BASE64_MAX])
{
	uint8_t digest[SHA256_SIZE];

	sha256(data, digest);
	(void)sodium_bin2base64(text, SHA256_BASE64_MAX, digest, sizeof digest,
	    sodium_base64_VARIANT_ORIGINAL);
}

int
secret_parse(struct str text, struct secret *ret)
{
	struct secret parsed;
	struct str hex;
	size_t len;

	if (!str_starts(text, STR(DIGEST_PREFIX))) {
		if (text.len < SECRET_PLAIN_MIN)
			return -ERANGE;
		sha256(text, ret->digest);
		return 0;
	}
	hex = str_sub(text, sizeof DIGEST_PREFIX - 1, text.len);
	if (hex.len != 2 * SHA256_SIZE)
		return -EINVAL;
	if (sodium_hex2bin(parsed.digest, sizeof parsed.digest, hex.p, hex.len, NULL, &len, NULL) != 0 ||
	    len != SHA256_SIZE)
		return -EINVAL;
	*ret = parsed;
	return 0;
}

bool
secret_matches(const struct secret *secret, struct str offered)
{
	uint8_t digest[SHA256_SIZE];

	sha256(offered, digest);
	return sodium_memcmp(digest, secret->digest, sizeof digest) == 0;
}
