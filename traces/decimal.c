/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decimal is kept as its significant digits and the power of ten of the last; moving the point is
 * then an addition, and rounding looks at one digit. Sixty-four digits are kept: an integer of 64
 * bits has at most twenty, and rounding halves up needs only the first digit behind them, so more
 * can change nothing but exactness.
 *
 * Days are counted by the proleptic Gregorian calendar; the year is taken to begin in March, so
 * that the leap day is its last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 * Refused: signs, blanks, hexadecimal, infinities, a point without digits on both sides, second 60.
 */
#include "traces/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX   64
#define EXPONENT_MAX 9999

struct cursor {
	const char *at;
	const char *end;
};

static bool is_digit(const struct cursor *cursor)
{
	return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

static bool take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

struct digits {
	char kept[DIGITS_MAX]; /* 0..9, the first is not 0 */
	int count;
	int power;  /* of ten, of the last digit kept */
	bool extra; /* digits other than 0 were dropped behind them */
};

/* A run of digits; those behind the point lower the power. Returns how many there were. */
static size_t take_digits(struct cursor *cursor, struct digits *digits, bool behind_point)
{
	size_t taken = 0;

	for (; is_digit(cursor); cursor->at++, taken++) {
		char digit = (char)(*cursor->at - '0');
		bool keep = digits->count < DIGITS_MAX;

		if (keep && (digit || digits->count))
			digits->kept[digits->count++] = digit;
		else if (!keep && digit)
			digits->extra = true;
		if (behind_point && keep)
			digits->power--;
		else if (!behind_point && !keep)
			digits->power++;
	}
	return taken;
}

static int take_exponent(struct cursor *cursor, int *ret)
{
	bool negative;
	int exponent = 0;

	if (!take(cursor, 'e') && !take(cursor, 'E')) {
		*ret = 0;
		return 0;
	}
	negative = take(cursor, '-');
	if (!negative)
		take(cursor, '+');
	if (!is_digit(cursor))
		return -1;
	for (; is_digit(cursor); cursor->at++) {
		exponent = 10 * exponent + (*cursor->at - '0');
		if (exponent > EXPONENT_MAX)
			return -1;
	}
	*ret = negative ? -exponent : exponent;
	return 0;
}

/* The integer part of the digits with the point `places` behind the first, rounded. */
static int round_digits(const struct digits *digits, int places, uint64_t max, uint64_t *ret,
			bool *ret_exact)
{
	uint64_t value = 0;
	bool exact = !digits->extra;

	for (int i = 0; i < places; i++) {
		unsigned digit = i < digits->count ? (unsigned)digits->kept[i] : 0;

		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -1;
	}
	for (int i = places < 0 ? 0 : places; i < digits->count; i++)
		exact = exact && digits->kept[i] == 0;
	if (places >= 0 && places < digits->count && digits->kept[places] >= 5 &&
	    __builtin_add_overflow(value, 1u, &value))
		return -1;
	if (value > max)
		return -1;
	*ret = value;
	if (ret_exact)
		*ret_exact = exact;
	return 0;
}

int tr_decimal_parse(const char *text, size_t length, unsigned scale, uint64_t max, uint64_t *ret,
		     bool *ret_exact)
{
	struct cursor cursor = {text, text + length};
	struct digits digits = {.count = 0};
	int exponent;

	TR_ASSERT(scale <= 18);
	if (take_digits(&cursor, &digits, false) == 0)
		return -1;
	if (take(&cursor, '.') && take_digits(&cursor, &digits, true) == 0)
		return -1;
	if (take_exponent(&cursor, &exponent) < 0 || cursor.at != cursor.end)
		return -1;
	if (digits.count == 0)
		digits.power = exponent = 0;
	return round_digits(&digits, digits.count + digits.power + exponent + (int)scale, max, ret,
			    ret_exact);
}

/* Exactly `count` digits. */
static int take_number(struct cursor *cursor, int count, unsigned *ret)
{
	unsigned number = 0;

	for (int i = 0; i < count; i++, cursor->at++) {
		if (!is_digit(cursor))
			return -1;
		number = 10 * number + (unsigned)(*cursor->at - '0');
	}
	*ret = number;
	return 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Days since 1970-01-01 of a day not before it. */
static uint64_t days_of_date(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return UINT64_C(365) * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static int take_date(struct cursor *cursor, uint64_t *ret_days)
{
	unsigned year, month, day;

	if (take_number(cursor, 4, &year) < 0 || !take(cursor, '-') ||
	    take_number(cursor, 2, &month) < 0 || !take(cursor, '-') ||
	    take_number(cursor, 2, &day) < 0)
		return -1;
	if (year < 1970 || year > 2261 || month < 1 || month > 12)
		return -1;
	if (day < 1 || day > days_in_month(year, month))
		return -1;
	*ret_days = days_of_date(year, month, day);
	return 0;
}

/* ".9799600" or nothing, in ns. */
static int take_fraction(struct cursor *cursor, uint64_t *ret)
{
	struct digits digits = {.count = 0};

	*ret = 0;
	if (!take(cursor, '.'))
		return 0;
	if (take_digits(cursor, &digits, true) == 0)
		return -1;
	if (digits.count == 0)
		return 0;
	return round_digits(&digits, digits.count + digits.power + 9, TR_SECOND, ret, NULL);
}

/* Z, +HH, +HHMM, +HH:MM or nothing, in seconds east of Greenwich. */
static int take_offset(struct cursor *cursor, int64_t *ret)
{
	unsigned hours, minutes = 0;
	bool east = take(cursor, '+');

	*ret = 0;
	if (!east && !take(cursor, '-')) {
		take(cursor, 'Z');
		return 0;
	}
	if (take_number(cursor, 2, &hours) < 0)
		return -1;
	if (cursor->at < cursor->end) {
		take(cursor, ':');
		if (take_number(cursor, 2, &minutes) < 0)
			return -1;
	}
	if (hours > 14 || minutes > 59)
		return -1;
	*ret = (int64_t)(hours * 3600 + minutes * 60) * (east ? 1 : -1);
	return 0;
}

int tr_clock_parse(const char *text, size_t length, tr_time_ns *ret)
{
	struct cursor cursor = {text, text + length};
	uint64_t days, fraction;
	unsigned hour, minute, second;
	int64_t offset, seconds;

	if (take_date(&cursor, &days) < 0 || (!take(&cursor, ' ') && !take(&cursor, 'T')))
		return -1;
	if (take_number(&cursor, 2, &hour) < 0 || !take(&cursor, ':') ||
	    take_number(&cursor, 2, &minute) < 0 || !take(&cursor, ':') ||
	    take_number(&cursor, 2, &second) < 0)
		return -1;
	if (hour > 23 || minute > 59 || second > 59)
		return -1;
	if (take_fraction(&cursor, &fraction) < 0 || take_offset(&cursor, &offset) < 0 ||
	    cursor.at != cursor.end)
		return -1;
	seconds = (int64_t)(days * 86400 + hour * 3600 + minute * 60 + second) - offset;
	if (seconds < 0)
		return -1;
	*ret = (uint64_t)seconds * TR_SECOND + fraction;
	return 0;
}

const char *tr_clock_format(tr_time_ns time, char text[TR_CLOCK_TEXT_MAX])
{
	unsigned days, second, year = 1970, month = 1;
	uint64_t fraction = time % TR_SECOND;

	TR_ASSERT(time <= TR_TRACE_TIME_MAX);
	days = (unsigned)(time / TR_DAY);
	second = (unsigned)(time / TR_SECOND % 86400);
	while (days_of_date(year + 1, 1, 1) <= days)
		year++;
	days -= (unsigned)days_of_date(year, 1, 1);
	for (; days >= days_in_month(year, month); month++)
		days -= days_in_month(year, month);
	snprintf(text, TR_CLOCK_TEXT_MAX, "%04u-%02u-%02u %02u:%02u:%02u.%09" PRIu64, year, month,
		 days + 1, second / 3600, second / 60 % 60, second % 60, fraction);
	if (fraction % 100 == 0)
		text[strlen(text) - 2] = '\0';
	return text;
}
