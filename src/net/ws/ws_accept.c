/*
 * ws_accept.c
 */
#include "ws/ws_accept.h"

#include <stdio.h>
#include <sys/socket.h>

#include "http/http_response.h"
#include "base/lingering_close.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"

net_addr
ws_accept_client(const ws_opening *opening, const ws_handshake *head)
{
	return proxies_client(&opening->peer, head->facts.forwarded.p, head->facts.forwarded.len);
}

bool
ws_accept_upgrade(int fd, const ws_handshake *head, const char *protocol)
{
	char accept[WS_ACCEPT_SIZE];
	char text[256];
	int len;

	if (!ws_handshake_accept(head->key, accept))
		return false;
	len = snprintf(text, sizeof(text),
				   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				   "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
				   accept, protocol);
	return send(fd, text, (size_t) len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

void
ws_accept_refuse(uv_loop_t *loop, const ws_opening *opening, const net_addr *client, refusal why, const char *message,
				 const uint8_t channel[16])
{
	metrics_now.refused[why]++;
	log_refusal(why, client, channel, uv_now(loop));
	http_response_raw(opening->fd, why, message);
	lingering_close(loop, opening->fd);
}
