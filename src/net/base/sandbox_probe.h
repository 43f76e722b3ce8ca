/*
 * sandbox_probe.h
 *	  Show from inside what this program can still do once it is confined.
 */
#ifndef NET_SANDBOX_PROBE_H
#define NET_SANDBOX_PROBE_H

/*
 * Confine this process as in service, try everything that must not work and
 * what must, and print a line for each.  file: one that its user may read;
 * server_socket: a unix socket that somebody listens on, or NULL; server_port:
 * a port of 127.0.0.1 that is kept out, or 0.  Returns 0 when all was as it
 * should be, 1 when not, 2 when that could not be tried.
 */
extern int sandbox_probe(const char *file, const char *server_socket, int server_port);

#endif /* NET_SANDBOX_PROBE_H */
