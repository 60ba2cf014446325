/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground of the engine: time, fixed point, assertions, handles.
 *
 * There are three kinds of wrong and three channels. A programmer's error panics, in release builds
 * too (TR_ASSERT). Input that cannot be taken is refused with a negative code (enum tr_error_code).
 * What goes wrong in the world is an event or an action, never either of these.
 *
 * Absent on purpose: a clock, allocation, floating point, printing.
 */
#ifndef TR_ENGINE_BASE_H
#define TR_ENGINE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since the Unix epoch, kept monotone by the host. */
typedef uint64_t tr_time_ns;
/* A span of time in nanoseconds. */
typedef uint64_t tr_span_ns;
/* XXH3-64 of a name's bytes; 0 is "no name". Names cross the doors of the engine only in this form,
 * so an event means the same whatever policy is loaded. */
typedef uint64_t tr_name;

#define TR_TIME_NEVER UINT64_MAX
#define TR_MS	      UINT64_C(1000000)
#define TR_SECOND     UINT64_C(1000000000)
#define TR_MINUTE     (60 * TR_SECOND)
#define TR_DAY	      (86400 * TR_SECOND)

/* Index that means "none" in every table of the engine. */
#define TR_NONE UINT32_MAX

__extension__ typedef unsigned __int128 tr_u128;

/* By-value handles: slot + 1 and the slot's generation. All zeroes is null; a handle whose slot was
 * reused is refused with TR_E_STALE. */
typedef struct tr_job_handle {
	uint32_t slot1;
	uint32_t generation;
} tr_job_handle;

typedef struct tr_attempt_handle {
	uint32_t slot1;
	uint32_t generation;
} tr_attempt_handle;

/*
 * Why an event or a call was refused. Nothing has changed when one of these is returned.
 *   X(name, value, text)
 */
#define TR_ERROR_MAP(X)                                                                            \
	X(INVALID, -1, "a field is out of its range")                                              \
	X(KIND, -2, "unknown event kind")                                                          \
	X(TIME, -3, "the event is earlier than one already taken, or observed after its own time") \
	X(CLOCK_DUE, -4, "a timer is due before this event: send CLOCK first")                     \
	X(STALE, -5, "the handle's job or attempt has already ended")                              \
	X(STATE, -6, "the event does not fit the state of its job or attempt")                     \
	X(DUPLICATE, -7, "a live job has this id")                                                 \
	X(LIMITS, -8, "a limit is zero, too large, or too small for the policy")                   \
	X(POLICY_SLOTS_FULL, -9, "every policy slot still has jobs admitted under it")             \
	X(POLICY_UNKNOWN, -10, "no policy with this id is loaded in this slot")                    \
	X(SNAPSHOT, -11, "the snapshot is damaged or of another version")                          \
	X(SHORT, -12, "the bytes end inside a value")                                              \
	X(ENDPOINT_UNKNOWN, -13, "no endpoint has this name")

enum tr_error_code {
#define X(name, value, text) TR_E_##name = value,
	TR_ERROR_MAP(X)
#undef X
};

/* The text of an error code; "ok" for 0, "unknown error" for a number that is none. Static. */
const char *tr_error_text(int code);

/* Called when an assertion fails. A host may set its own to write a last word; it must not return.
 * The default traps. */
typedef void tr_panic_hook(const char *condition, const char *file, int line);
void tr_panic_hook_set(tr_panic_hook *hook);
_Noreturn void tr_panic(const char *condition, const char *file, int line);

/* Holds in release builds too. One fact per assertion. */
#define TR_ASSERT(condition)                                                                       \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			tr_panic(#condition, __FILE__, __LINE__);                                  \
	} while (0)
/* Documents that a condition may or may not hold here. */
#define TR_MAYBE(condition) ((void)(condition))

/* For a large local that is written before it is read: builds that zero every local leave it alone.
 */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define TR_UNINITIALIZED __attribute__((uninitialized))
#endif
#endif
#ifndef TR_UNINITIALIZED
#define TR_UNINITIALIZED
#endif

#define TR_ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t tr_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t tr_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a + b, or UINT64_MAX: for times, where UINT64_MAX is "never". */
static inline uint64_t tr_add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* a - b, or 0. */
static inline uint64_t tr_sub_sat(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* a * b / c rounded down, with a 128-bit product; UINT64_MAX where the quotient does not fit.
 * c > 0. */
static inline uint64_t tr_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	tr_u128 product = (tr_u128)a * b;

	if (product <= UINT64_MAX)
		return (uint64_t)product / c;
	product /= c;
	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

#endif
