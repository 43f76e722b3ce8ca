/*
 * barecurl.c
 *	  The same requests that webchatt-net sends, from the plainest libcurl multi
 *	  loop there is: the baseline for what is sent out.
 *
 *	  barecurl URL REQUESTS IN_FLIGHT
 *
 * Prints one line: rate (requests a second), cpu_us (this program's, each),
 * failed.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "measure.h"

#define MAX_EVENTS 256

typedef struct request
{
	CURL *easy;
	struct curl_slist *headers;
	char body[256];
	char answer[512];
	size_t answer_len;
} request;

static int epoll_fd;
static long timeout_ms = -1;
static long left;
static long done;
static long sequence;
static long failed;
static CURLM *multi;

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	request *r = arg;

	(void) one;
	if (r->answer_len + len > sizeof(r->answer))
		return 0;
	memcpy(r->answer + r->answer_len, data, len);
	r->answer_len += len;
	return len;
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event ev = {.events = 0, .data.fd = fd};

	(void) easy;
	(void) arg;
	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	epoll_ctl(epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	curl_multi_assign(multi, fd, &epoll_fd);
	return 0;
}

static int
set_timer(CURLM *m, long ms, void *arg)
{
	(void) m;
	(void) arg;
	timeout_ms = ms;
	return 0;
}

static void
start(request *r)
{
	char key[64];

	sequence++;
	left--;
	(void) snprintf(key, sizeof(key), "Idempotency-Key: 0190aaaa-0000-7000-8000-%012lx", sequence);
	curl_slist_free_all(r->headers);
	r->headers = curl_slist_append(NULL, "x-api-key: bench");
	curl_slist_append(r->headers, "Content-Type: application/json");
	curl_slist_append(r->headers, "Accept: application/json");
	curl_slist_append(r->headers, key);
	(void) snprintf(r->body, sizeof(r->body),
					"{\"from\":\"6cbd6789-1d2b-47e0-9391-5eb91d2839ea\",\"to\":\"visitor-%ld\","
					"\"content\":{\"text\": \"message number %ld\"}}",
					sequence % 1000, sequence);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
	r->answer_len = 0;
	curl_multi_add_handle(multi, r->easy);
}

static void
collect(void)
{
	CURLMsg *m;
	int queued;

	while ((m = curl_multi_info_read(multi, &queued)) != NULL)
	{
		request *r = NULL;
		long status = 0;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &r);
		curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		if (m->data.result != CURLE_OK || status != 200)
			failed++;
		done++;
		curl_multi_remove_handle(multi, r->easy);
		if (left > 0)
			start(r);
	}
}

static void
run(long total)
{
	struct epoll_event events[MAX_EVENTS];
	int running;

	while (done < total)
	{
		int n = epoll_wait(epoll_fd, events, MAX_EVENTS, timeout_ms < 0 ? 1000 : (int) timeout_ms);

		for (int i = 0; i < n; i++)
			curl_multi_socket_action(multi, events[i].data.fd,
									 ((events[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
										 ((events[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
										 ((events[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0),
									 &running);
		collect();
		if (n <= 0 || timeout_ms == 0)
		{
			timeout_ms = -1; /* it rings once */
			curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
			collect();
		}
	}
}

int
main(int argc, char **argv)
{
	long total;
	long in_flight;
	int64_t began;
	double took;

	if (argc != 4 || (total = strtol(argv[2], NULL, 10)) <= 0 || (in_flight = strtol(argv[3], NULL, 10)) <= 0)
	{
		fputs("usage: barecurl URL REQUESTS IN_FLIGHT\n", stderr);
		return 1;
	}
	epoll_fd = epoll_create1(0);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, in_flight);
	left = total;
	began = measure_now();
	for (long i = 0; i < in_flight && left > 0; i++)
	{
		request *r = calloc(1, sizeof(request));

		if (r == NULL || (r->easy = curl_easy_init()) == NULL)
			return 1;
		curl_easy_setopt(r->easy, CURLOPT_URL, argv[1]);
		curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
		curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
		curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
		start(r);
	}
	run(total);
	took = (double) (measure_now() - began) / 1e9;
	printf("rate=%.0f cpu_us=%.1f failed=%ld\n", (double) total / took, measure_cpu_us() / (double) total, failed);
	return failed > 0;
}
