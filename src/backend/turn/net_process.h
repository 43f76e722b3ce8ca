/*
 * net_process.h
 *	  webchatt-net as the worker sees it: a child process at the other end of the
 *	  corridor.
 */
#ifndef WC_NET_PROCESS_H
#define WC_NET_PROCESS_H

#include "common/frame.h"

typedef struct NetProcess
{
	pid_t pid;	  /* 0: not running */
	int fd;		  /* our end of the corridor, -1 when closed */
	int words_fd; /* what it writes to its stderr comes here; -1 when closed */
	int changes;  /* raised whenever fd becomes another or none */
	wc_buf in;
	size_t in_done; /* bytes of in that are handled */
	wc_buf out;
	size_t out_done; /* bytes of out that are sent */
} NetProcess;

/* What is written to the corridor and not yet sent stays below this, in bytes. */
#define NET_OUT_LIMIT ((size_t) 8 * 1024 * 1024)

/* One that lets more than this pile up, in bytes, is ended. */
#define NET_OUT_MOST ((size_t) 64 * 1024 * 1024)

extern NetProcess net_process;
extern bool net_process_may_say(void);
extern void net_process_drop_output(void);
extern bool net_process_has_room(void);
extern void net_process_init(NetProcess *net);
extern bool net_process_start(NetProcess *net, char *error, size_t size);
extern void net_process_stop(NetProcess *net, int grace_ms);
extern int net_process_words(NetProcess *net, char *buf, int size);
extern bool net_process_read(NetProcess *net);
extern wc_next net_process_next(NetProcess *net, wc_frame *frame);
extern bool net_process_flush(NetProcess *net);
extern bool net_process_has_output(const NetProcess *net);

#endif /* WC_NET_PROCESS_H */
