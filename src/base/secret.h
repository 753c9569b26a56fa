/*
 * What secrets need, over libsodium: comparing without telling by time how
 * much was right, and SHA-256.  secret_init() first, once; then any thread.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

#define SECRET_PLAIN_MIN 16     /* bytes of a plain-text secret: 128 bits */
#define SHA256_SIZE      32

/* A secret at rest: always its SHA-256, so that all compares are of one length. */
struct secret {
	uint8_t digest[SHA256_SIZE];
};

int  secret_init(void);         /* 0, or -EIO when the system has no randomness */

/*
 * "sha256:" and 64 hex digits, or a plain text of SECRET_PLAIN_MIN bytes or more.
 * Returns 0, -EINVAL for a malformed digest, or -ERANGE for a plain text that is too short.
 */
int  secret_parse(struct str text, struct secret *ret);

/* True when `offered` is the secret.  Constant time in what is secret. */
bool secret_matches(const struct secret *secret, struct str offered);

/* `digits` random digits of lower-case hex, an even number up to 64, and a NUL. */
void secret_random_hex(char *text, size_t digits);

void sha256(struct str data, uint8_t digest[SHA256_SIZE]);

/* The digest in base64 with padding, NUL-terminated, as a Content-Security-Policy source wants it. */
#define SHA256_BASE64_MAX 45
void sha256_base64(struct str data, char text[SHA256_BASE64_MAX]);

#endif
