/*
 * moment.c
 *	  A number up to the year 9999 is of seconds, one from 10^12 on of milliseconds;
 *	  what lies between is neither.
 */
#include "common/moment.h"

#include <string.h>

/* 9999-12-31 23:59:59 UTC in unix seconds: the last one. */
#define LAST_SECOND INT64_C(253402300799)

/* From here on a number is of milliseconds. */
#define FIRST_MILLISECOND 1e12

bool
wc_moment_of_number(double n, int64_t *at_us)
{
	int64_t us;

	/* put so that a NaN is refused too */
	if (n > 0 && n <= (double) LAST_SECOND)
		us = (int64_t) (n * 1e6 + 0.5);
	else if (n >= FIRST_MILLISECOND && n <= (double) LAST_SECOND * 1e3)
		us = (int64_t) (n * 1e3 + 0.5);
	else
		return false;
	*at_us = us > 0 ? us : 1;
	return true;
}

typedef struct cursor
{
	const char *p;
	const char *end;
} cursor;

/* So many digits, as a number from low to high. */
static bool
take_number(cursor *c, int digits, int low, int high, int *out)
{
	int n = 0;

	if (c->end - c->p < digits)
		return false;
	for (int i = 0; i < digits; i++)
	{
		char digit = *c->p++;

		if (digit < '0' || digit > '9')
			return false;
		n = n * 10 + (digit - '0');
	}
	*out = n;
	return n >= low && n <= high;
}

static bool
take_char(cursor *c, const char *any_of)
{
	if (c->p == c->end || *c->p == '\0' || strchr(any_of, *c->p) == NULL)
		return false;
	c->p++;
	return true;
}

/* Days from 1970-01-01 to a date that there is; false: there is none such. */
static bool
take_date(cursor *c, int64_t *days)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year;
	int month;
	int day;
	bool leap;

	if (!take_number(c, 4, 1970, 9999, &year) || !take_char(c, "-") || !take_number(c, 2, 1, 12, &month) ||
		!take_char(c, "-") || !take_number(c, 2, 1, 31, &day))
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day > lengths[month - 1] + (leap && month == 2))
		return false;
	*days = (int64_t) (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
	for (int m = 1; m < month; m++)
		*days += lengths[m - 1] + (leap && m == 2);
	*days += day - 1;
	return true;
}

/* What stands behind the point, as microseconds; more digits than six are passed over. */
static bool
take_fraction(cursor *c, int64_t *us)
{
	int64_t unit = 100000;
	const char *begin = c->p;

	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, unit /= 10)
		*us += (*c->p - '0') * unit;
	return c->p > begin;
}

/* Z, or how far the clock is ahead of UTC, in seconds. */
static bool
take_zone(cursor *c, int *ahead)
{
	bool behind = c->p < c->end && *c->p == '-';
	int hours;
	int minutes = 0;

	*ahead = 0;
	if (take_char(c, "Zz"))
		return true;
	if (!take_char(c, "+-") || !take_number(c, 2, 0, 23, &hours))
		return false;
	if (c->p < c->end)
	{
		(void) take_char(c, ":");
		if (!take_number(c, 2, 0, 59, &minutes))
			return false;
	}
	*ahead = (hours * 60 + minutes) * (behind ? -60 : 60);
	return true;
}

static bool
read_iso(wc_str text, int64_t *at_us)
{
	cursor c = {text.p, text.p + text.len};
	int64_t days;
	int64_t us = 0;
	int hour;
	int minute;
	int second = 0;
	int ahead;

	if (!take_date(&c, &days) || !take_char(&c, "Tt ") || !take_number(&c, 2, 0, 23, &hour) || !take_char(&c, ":") ||
		!take_number(&c, 2, 0, 59, &minute))
		return false;
	/* a leap second is the next one's beginning; a fraction of a minute is nobody's */
	if (take_char(&c, ":") && (!take_number(&c, 2, 0, 60, &second) || (take_char(&c, ".,") && !take_fraction(&c, &us))))
		return false;
	if (!take_zone(&c, &ahead) || c.p != c.end)
		return false;
	us += (days * 86400 + hour * 3600 + minute * 60 + second - ahead) * 1000000;
	if (us < 0 || us / 1000000 > LAST_SECOND)
		return false;
	*at_us = us > 0 ? us : 1;
	return true;
}

/* Digits, and perhaps a point and more digits. */
static bool
read_decimal(wc_str text, double *out)
{
	double n = 0;
	double unit = 1;
	bool point = false;

	if (text.len < 1 || text.len > 24 || text.p[0] == '.' || text.p[text.len - 1] == '.')
		return false;
	for (uint32_t i = 0; i < text.len; i++)
	{
		char c = text.p[i];

		if (c == '.' && !point)
			point = true;
		else if (c < '0' || c > '9')
			return false;
		else if (point)
			n += (c - '0') * (unit /= 10);
		else
			n = n * 10 + (c - '0');
	}
	*out = n;
	return true;
}

bool
wc_moment_of_text(wc_str text, int64_t *at_us)
{
	double n;

	return read_decimal(text, &n) ? wc_moment_of_number(n, at_us) : read_iso(text, at_us);
}
