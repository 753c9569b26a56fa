/* SPDX-License-Identifier: MIT */
/* Tokens are hashed when they are read, and all are compared each time: which one fits cannot be told by time. */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "front/control_tokens.h"

#define TOKEN_FILE_MAX ((size_t)64 * 1024)

static bool
is_gateways(const struct policy *policy, uid_t owner)
{
	char name[64] = "";
	const struct passwd *user;

	if (owner == 0 || owner == geteuid())
		return true;
	if (policy->user.len == 0 || policy->user.len >= sizeof name)
		return false;
	memcpy(name, policy->user.p, policy->user.len);
	user = getpwnam(name);
	return user != NULL && user->pw_uid == owner;
}

static bool
is_safe(const struct policy *policy, const struct place *place, struct problems *problems)
{
	const char *path = policy->control_token_file;
	struct stat status;

	if (stat(path, &status) == -1) {
		problem_error(problems, place, "cannot read %s: %s", path, strerror(errno));
		return false;
	}
	if (!is_gateways(policy, status.st_uid)) {
		problem_error(
		    problems, place, "%s must belong to root or to the gateway's user: chown root %s", path, path);
		return false;
	}
	if ((status.st_mode & 0027) == 0)
		return true;
	problem_error(problems, place, "%s can be %s: chmod 0640 %s", path,
	    (status.st_mode & 0004) != 0 ? "read by everybody" : "changed by its group, or by others", path);
	return false;
}

static int
add_token(struct str line, unsigned number, const struct place *place, struct problems *problems, struct tokens *ret)
{
	int rc;

	if (line.len == 0 || line.p[0] == '#')
		return 0;
	if (ret->count == TOKENS_MAX) {
		problem_error(problems, place, "line %u: more than %d tokens", number, TOKENS_MAX);
		return -EINVAL;
	}
	rc = secret_parse(line, &ret->v[ret->count]);
	if (rc == 0) {
		ret->count++;
		return 0;
	}
	problem_error(problems, place, rc == -ERANGE ? "line %u: expected a token of %d bytes or more, such as "
	    "openssl rand -hex 32 makes" : "line %u: expected sha256: and 64 hex digits", number, SECRET_PLAIN_MIN);
	return -EINVAL;
}

int
tokens_read(const struct policy *policy, struct problems *problems, struct tokens *ret)
{
	struct place place = { policy->file, 0, STR("gateway"), STR("control_token_file") };
	unsigned number = 0;
	struct str text, line;
	int rc = 0;

	memset(ret, 0, sizeof *ret);
	if (!is_safe(policy, &place, problems))
		return -EINVAL;
	rc = file_read(policy->control_token_file, TOKEN_FILE_MAX, problems->arena, &text, NULL);
	if (rc != 0)
		problem_error(problems, &place, "cannot read %s: %s", policy->control_token_file, strerror(-rc));
	while (rc == 0 && str_split(&text, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line = str_trim(str_sub(line, 0, line.len - 1));
		rc = add_token(line, ++number, &place, problems, ret);
	}
	if (rc == 0 && ret->count == 0) {
		problem_error(problems, &place, "%s holds no token", policy->control_token_file);
		rc = -EINVAL;
	}
	if (rc != 0)
		memset(ret, 0, sizeof *ret);
	return rc == 0 ? 0 : -EINVAL;
}

bool
tokens_match(const struct tokens *tokens, struct str authorization)
{
	static const struct str scheme = STR_INIT("Bearer ");
	struct str offered = str_eq_nocase(str_sub(authorization, 0, scheme.len), scheme) ?
	    str_trim(str_sub(authorization, scheme.len, authorization.len)) : STR("");
	bool found = false;

	for (size_t i = 0; i < tokens->count; i++)
		found |= secret_matches(&tokens->v[i], offered);
	return found && offered.len > 0;
}
