/*
 * link_dial.c
 *	  A connection to a hub by libcurl, which connects and then hands bytes
 *	  through (CURLOPT_CONNECT_ONLY): so names, certificates and TLS are as for
 *	  every request.  doc/decisions/0008-websockets.md has what was tried instead.
 */
#include "ws/link_dial.h"

CURL *
link_dial_begin(curl_uv *loop, const target *to, uint32_t timeout_ms, const char *ca_file, void *private, char *error)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	curl_uv_prepare(loop, easy, timeout_ms, ca_file);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, private);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	/* by ALPN: a link is opened by HTTP/1.1 */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* dials are rare, and ca_file may have been rewritten */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	if (curl_easy_setopt(easy, CURLOPT_URL, to->url) != CURLE_OK || curl_uv_add(loop, easy) != CURLM_OK)
	{
		curl_easy_cleanup(easy);
		return NULL;
	}
	return easy;
}

int
link_dial_socket(curl_uv *loop, CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return -1;
	curl_uv_let_go(loop, fd);
	return fd;
}

link_bytes
link_dial_read(CURL *easy, void *buf, size_t size, size_t *n)
{
	CURLcode code;

	*n = 0;
	code = curl_easy_recv(easy, buf, size, n);
	if (code == CURLE_AGAIN)
		return LINK_BYTES_LATER;
	if (code != CURLE_OK)
		return LINK_BYTES_BROKEN;
	return *n > 0 ? LINK_BYTES_SOME : LINK_BYTES_END;
}

link_bytes
link_dial_write(CURL *easy, const void *data, size_t len, size_t *n)
{
	CURLcode code;

	*n = 0;
	code = curl_easy_send(easy, data, len, n);
	if (code == CURLE_AGAIN || (code == CURLE_OK && *n == 0))
		return LINK_BYTES_LATER;
	return code == CURLE_OK ? LINK_BYTES_SOME : LINK_BYTES_BROKEN;
}

void
link_dial_end(curl_uv *loop, CURL *easy)
{
	curl_uv_remove(loop, easy);
	curl_easy_cleanup(easy);
}
