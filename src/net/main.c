/*
 * main.c
 *	  webchatt-net's command line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sandbox_probe.h"
#include "dispatch.h"
#include "net.h"

static int
usage(FILE *out)
{
	fprintf(out, "webchatt-net is started by webchatt's background worker.\n"
				 "Usage: webchatt-net --corridor FD   serve, with the corridor to the worker on FD\n"
				 "       webchatt-net --probe FILE [SOCKET [PORT]]\n"
				 "                                    confine itself, then try to read FILE, connect to\n"
				 "                                    PostgreSQL's SOCKET and PORT, and do what else must not\n"
				 "                                    be: exit 0 when all is refused, 1 when something is not\n"
				 "       webchatt-net --version\n");
	return out == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	char *end;
	long fd;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
	{
		printf("webchatt-net, corridor version %d\n", WC_CORRIDOR_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc >= 3 && argc <= 5 && strcmp(argv[1], "--probe") == 0)
		return sandbox_probe(argv[2], argc > 3 ? argv[3] : NULL, argc > 4 ? (int) strtol(argv[4], NULL, 10) : 0);
	if (argc != 3 || strcmp(argv[1], "--corridor") != 0)
		return usage(stderr);
	fd = strtol(argv[2], &end, 10);
	if (end == argv[2] || *end != '\0' || fd < 0 || fd > INT32_MAX)
		return usage(stderr);
	return net_run((int) fd, dispatch_frame);
}
