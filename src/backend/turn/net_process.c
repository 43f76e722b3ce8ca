/*
 * net_process.c
 *	  Starting, stopping and talking to webchatt-net.
 *
 * The child inherits one descriptor, its end of the corridor, and dies when
 * our end closes, whatever becomes of us.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "common/frame.h"
#include "shared/clock.h"
#include "turn/net_process.h"
#include "turn/report.h"

/* Where the child finds its end of the corridor. */
#define CORRIDOR_FD 3

/* Without close_range(): descriptors up to this one are closed. */
#define CLOSE_MOST 65536

/* Read this much at a time, in bytes. */
#define READ_CHUNK (256 * 1024)

/* A buffer that is empty and larger than this gives its memory back, in bytes. */
#define KEEP_CAP (1024 * 1024)

/* The corridor's kernel buffers, each way, in bytes. */
#define SOCKET_BUFFER (1024 * 1024)

/* Its lines in the server's log: so many in so many ms. */
#define LINES_MOST 100
#define LINES_MS   10000

NetProcess net_process;

void
net_process_init(NetProcess *net)
{
	memset(net, 0, sizeof(*net));
	net->fd = -1;
	net->words_fd = -1;
}

/*
 * In the child, between fork and exec: only calls that are safe there.  The
 * descriptors from 4 on belong to the server.
 */
static void
become_net(const char *path, int fd, int words_fd)
{
	char fd_text[] = "3";
	char *argv[] = {"webchatt-net", "--corridor", fd_text, NULL};

	/*
	 * Nothing of the postmaster's environment: PGPASSWORD or PGSERVICEFILE may
	 * be in it.  The program reads no variable; certificates are
	 * webchatt.ca_file's, its times are of no zone, its words of no language.
	 */
	char *envp[] = {NULL};
	struct sigaction dfl;
	sigset_t none;
	int null_fd;
	int i;

	/* out of the process group that the server's time-outs signal as a whole */
	(void) setsid();
	memset(&dfl, 0, sizeof(dfl));
	dfl.sa_handler = SIG_DFL;
	for (i = 1; i < NSIG; i++)
		(void) sigaction(i, &dfl, NULL);
	/*
	 * Not the server's stderr: that is its log, which one that is not itself any
	 * more could fill, forge or cut off.
	 */
	if (dup2(words_fd, STDERR_FILENO) < 0 || dup2(words_fd, STDOUT_FILENO) < 0)
		_exit(126);
	if (fd != CORRIDOR_FD)
	{
		if (dup2(fd, CORRIDOR_FD) < 0)
			_exit(126);
	}
	else
		(void) fcntl(fd, F_SETFD, 0);
	null_fd = open("/dev/null", O_RDWR);
	if (null_fd >= 0)
		(void) dup2(null_fd, STDIN_FILENO);
	if (syscall(SYS_close_range, CORRIDOR_FD + 1, ~0U, 0) != 0)
	{
		for (i = CORRIDOR_FD + 1; i < CLOSE_MOST; i++)
			(void) close(i);
	}
	if (chdir("/") != 0)
		_exit(126);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, envp);
	_exit(127);
}

/* Start webchatt-net; on false, error says why not. */
bool
net_process_start(NetProcess *net, char *error, size_t size)
{
	char path[MAXPGPATH];
	int ends[2];
	int words[2];
	int buffer = SOCKET_BUFFER;
	sigset_t all;
	sigset_t before;
	pid_t pid;
	int i;

	snprintf(path, sizeof(path), "%s/webchatt-net", pkglib_path);
	if (access(path, X_OK) != 0)
	{
		snprintf(error, size, "cannot run \"%s\": %s; is webchatt installed whole?", path, strerror(errno));
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
	{
		snprintf(error, size, "could not make the corridor: %s", strerror(errno));
		return false;
	}
	if (pipe2(words, O_CLOEXEC) != 0)
	{
		snprintf(error, size, "could not make a pipe for webchatt-net: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	/* only our end: a program that writes more than it holds waits for us */
	(void) fcntl(words[0], F_SETFL, O_NONBLOCK);
	for (i = 0; i < 2; i++)
		(void) setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));

	/* no handler of the server's may run in the child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_net(path, ends[1], words[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	close(words[1]);
	if (pid < 0)
	{
		snprintf(error, size, "could not fork webchatt-net: %s", strerror(errno));
		close(ends[0]);
		close(words[0]);
		return false;
	}
	if (net->words_fd >= 0)
		close(net->words_fd);
	net->pid = pid;
	net->fd = ends[0];
	net->words_fd = words[0];
	net->changes++;
	wc_buf_reset(&net->in);
	wc_buf_reset(&net->out);
	net->in_done = net->out_done = 0;
	return true;
}

/* Close the corridor and wait for the child; after grace_ms it is killed. */
void
net_process_stop(NetProcess *net, int grace_ms)
{
	int waited;

	if (net->fd >= 0)
	{
		close(net->fd);
		net->changes++;
	}
	net->fd = -1;
	if (net->pid == 0)
		return;
	for (waited = 0; waited < grace_ms; waited += 5)
	{
		if (waitpid(net->pid, NULL, WNOHANG) != 0)
		{
			net->pid = 0;
			return;
		}
		pg_usleep(5000L);
	}
	kill(net->pid, SIGKILL);
	while (waitpid(net->pid, NULL, 0) < 0 && errno == EINTR)
		;
	net->pid = 0;
}

/*
 * Some of what it has written to its stderr, its last words too when it has been
 * stopped: size bytes at most.  0: nothing is there.
 */
int
net_process_words(NetProcess *net, char *buf, int size)
{
	ssize_t n = net->words_fd >= 0 ? read(net->words_fd, buf, size) : 0;

	return n > 0 ? (int) n : 0;
}

/* An empty buffer that was large once gives its memory back. */
static void
give_back(wc_buf *buf)
{
	if (buf->len == 0 && buf->cap > KEEP_CAP)
		wc_buf_free(buf);
}

/* Read what has come; false when the child closed its end or is gone. */
bool
net_process_read(NetProcess *net)
{
	if (net->in_done > 0)
	{
		wc_buf_consume(&net->in, net->in_done);
		net->in_done = 0;
	}
	give_back(&net->in);
	if (net->in.len > 2 * (size_t) WC_FRAME_MAX)
		return true; /* what is there comes first */
	for (;;)
	{
		ssize_t n;

		if (!wc_buf_reserve(&net->in, READ_CHUNK))
			return false;
		n = recv(net->fd, net->in.data + net->in.len, READ_CHUNK, 0);
		if (n > 0)
		{
			net->in.len += n;
			if (n < READ_CHUNK)
				return true;
			if (net->in.len > (size_t) WC_FRAME_MAX)
				return true;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	}
}

/* The next whole frame; valid until the next net_process_read(). */
wc_next
net_process_next(NetProcess *net, wc_frame *frame)
{
	size_t used = 0;
	wc_next next = wc_frame_next(net->in.data + net->in_done, net->in.len - net->in_done, frame, &used);

	if (next == WC_NEXT_FRAME)
		net->in_done += used;
	return next;
}

bool
net_process_has_output(const NetProcess *net)
{
	return net->out.len > net->out_done;
}

/* Send what is written, as far as the corridor takes it; false when it broke. */
bool
net_process_flush(NetProcess *net)
{
	while (net_process_has_output(net))
	{
		ssize_t n = send(net->fd, net->out.data + net->out_done, net->out.len - net->out_done, MSG_NOSIGNAL);

		if (n >= 0)
		{
			net->out_done += n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		break;
	}
	if (!net_process_has_output(net))
	{
		wc_buf_reset(&net->out);
		net->out_done = 0;
		give_back(&net->out);
	}
	else if (net->out_done > READ_CHUNK)
	{
		wc_buf_consume(&net->out, net->out_done);
		net->out_done = 0;
	}
	return true;
}

/* Is it there, and not behind with what it was told? */
bool
net_process_has_room(void)
{
	return net_process.fd >= 0 && report_stats.corridor_open &&
		   net_process.out.len - net_process.out_done <= NET_OUT_LIMIT / 2;
}

/* What is written for it and not yet sent must not be told. */
void
net_process_drop_output(void)
{
	wc_buf_reset(&net_process.out);
	net_process.out_done = 0;
}

/*
 * May there be a line in the server's log because of what it said?  There are not
 * more than so many of them at a time.
 */
bool
net_process_may_say(void)
{
	static TimestampTz window = 0;
	static int lines = 0;
	static int64 dropped = 0;
	TimestampTz now = wc_clock();

	if (TimestampDifferenceExceeds(window, now, LINES_MS))
	{
		if (dropped > 0)
			ereport(LOG, (errmsg("webchatt-net: " INT64_FORMAT " more lines were left out: it may write %d in %d s",
								 dropped, LINES_MOST, LINES_MS / 1000)));
		window = now;
		lines = 0;
		dropped = 0;
	}
	if (lines++ < LINES_MOST)
		return true;
	dropped++;
	return false;
}
