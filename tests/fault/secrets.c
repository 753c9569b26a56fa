/* SPDX-License-Identifier: MIT */
/*
 * How long a compare takes where the first byte is wrong, and where the last one is: two samples in random order, for
 * test_secrets.py.   usage: secrets RUNS [memcmp]
 *
 * As dudect does it: both kinds are made up beforehand and picked by a coin, so that whatever else the machine does
 * falls on both alike; the slowest are cropped at several percentiles, for what interrupts says nothing of the
 * function; of each crop Welch's t is taken.  The greatest |t| is printed.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"

#define CROPS   20
#define KINDS   2
#define LENGTH  256             /* bytes of the secret: memcmp() tells the place of a difference by steps of 32 or 64 */
#define REPEATS 4               /* compares for one figure: more than the clock's own grain */

static char right[LENGTH];

/* What must not be: the plain texts, by a function that stops at the first difference. */
static bool
naive_matches(const struct secret *secret, struct str offered)
{
	(void)secret;
	return memcmp(right, offered.p, offered.len) == 0;
}

static bool (*volatile matches)(const struct secret *secret, struct str offered) = secret_matches;

struct sample {
	double time;                    /* ns */
	int    kind;
};

static double
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int
by_time(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->time, y = ((const struct sample *)b)->time;

	return x < y ? -1 : x > y;
}

/* Welch's t of both kinds among the first `count`. */
static double
welch(const struct sample *samples, size_t count)
{
	double n[KINDS] = { 0 }, mean[KINDS] = { 0 }, square[KINDS] = { 0 };

	for (size_t i = 0; i < count; i++) {
		int k = samples[i].kind;
		double delta = samples[i].time - mean[k];

		n[k]++;
		mean[k] += delta / n[k];
		square[k] += delta * (samples[i].time - mean[k]);
	}
	if (n[0] < 100 || n[1] < 100 || square[0] + square[1] <= 0)
		return 0;
	return (mean[0] - mean[1]) / sqrt(square[0] / (n[0] - 1) / n[0] + square[1] / (n[1] - 1) / n[1]);
}

static double
worst(struct sample *samples, size_t count)
{
	double found = 0;

	qsort(samples, count, sizeof *samples, by_time);
	for (int crop = 1; crop <= CROPS; crop++) {
		double t = fabs(welch(samples, count - (size_t)((double)count * pow(0.5, 10.0 * crop / CROPS))));

		found = t > found ? t : found;
	}
	return found;
}

static void
make_offers(char offers[KINDS][LENGTH], struct secret *secret)
{
	memset(right, 'a', LENGTH);
	(void)secret_parse((struct str){ right, LENGTH }, secret);
	for (int k = 0; k < KINDS; k++) {
		memcpy(offers[k], right, LENGTH);
		offers[k][k == 0 ? 0 : LENGTH - 1] = 'b';
	}
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	bool naive = argc > 2 && strcmp(argv[2], "memcmp") == 0;
	struct sample *samples = calloc(runs + 1, sizeof *samples);
	uint64_t random = 88172645463325252;
	char offers[KINDS][LENGTH], offered[LENGTH];
	struct secret secret;
	bool any = false;

	if (runs < 1000 || samples == NULL || secret_init() != 0)
		return 2;
	make_offers(offers, &secret);
	if (naive)
		matches = naive_matches;
	for (size_t i = 0; i < runs; i++) {
		int kind = (int)(next_random(&random) >> 40 & 1);
		double from;

		memcpy(offered, offers[kind], LENGTH);  /* both at one address */
		from = now_ns();
		for (int j = 0; j < REPEATS; j++)
			any |= matches(&secret, (struct str){ offered, LENGTH });
		samples[i] = (struct sample){ now_ns() - from, kind };
	}
	(void)printf("%zu %.2f %d\n", runs, worst(samples, runs), any);
	free(samples);
	return 0;
}
