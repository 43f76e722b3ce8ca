/*
 * measure.h
 *	  What the bench's programs share: clocks, their own CPU, their options.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stdint.h>

/* Where a value of --name goes: d an int, l a long, f a double, s a const char *. */
typedef struct measure_option
{
	const char *name;
	char type;
	void *to;
} measure_option;

/* Take "--name value" pairs; options end with a NULL name.  False on anything else. */
extern bool measure_options(int argc, char **argv, const measure_option *options);

/* ns: of a clock that nobody sets, and of the wall's. */
extern int64_t measure_now(void);
extern int64_t measure_wall(void);

/* CPU of this process so far, in microseconds. */
extern double measure_cpu_us(void);

/* Say what failed and why (errno), and end. */
extern _Noreturn void measure_fatal(const char *what);

#endif /* MEASURE_H */
