/*
 * tap.h
 *	  Just enough of the Test Anything Protocol for the unit tests: a program
 *	  prints its points and ends with "return tap_done();".
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_points = 0;
static int tap_failures = 0;

/* One point; a failed one says where it stands. */
#define ok(condition, ...) tap_point((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)

static bool tap_point(bool passed, const char *condition, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static bool
tap_point(bool passed, const char *condition, const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("%s %d - ", passed ? "ok" : "not ok", ++tap_points);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (!passed)
	{
		tap_failures++;
		printf("#   failed: %s\n#   at %s:%d\n", condition, file, line);
	}
	fflush(stdout);
	return passed;
}

static int
tap_done(void)
{
	printf("1..%d\n", tap_points);
	return tap_failures == 0 ? 0 : 1;
}

#endif /* TAP_H */
