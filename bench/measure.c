/*
 * measure.c
 *	  See measure.h.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static void
take(const measure_option *option, const char *value)
{
	switch (option->type)
	{
		case 'd':
			*(int *) option->to = (int) strtol(value, NULL, 10);
			break;
		case 'l':
			*(long *) option->to = strtol(value, NULL, 10);
			break;
		case 'f':
			*(double *) option->to = strtod(value, NULL);
			break;
		default:
			*(const char **) option->to = value;
	}
}

bool
measure_options(int argc, char **argv, const measure_option *options)
{
	for (int i = 1; i < argc; i += 2)
	{
		const measure_option *o = options;

		while (o->name != NULL && (strncmp(argv[i], "--", 2) != 0 || strcmp(argv[i] + 2, o->name) != 0))
			o++;
		if (o->name == NULL || i + 1 == argc)
			return false;
		take(o, argv[i + 1]);
	}
	return true;
}

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
measure_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t
measure_wall(void)
{
	return clock_ns(CLOCK_REALTIME);
}

double
measure_cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		   (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

_Noreturn void
measure_fatal(const char *what)
{
	perror(what);
	exit(1);
}
