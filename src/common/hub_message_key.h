/*
 * hub_message_key.h
 *	  A hub's id of a message as 16 bytes, by which messages are known again:
 *	  the unique index of webchatt.messages is on them (doc/decisions/0012-hub-ids.md).
 *
 * They are in tables' indexes, so they never change: what is done here is part of what a
 * database has on its disk.
 */
#ifndef WC_HUB_MESSAGE_KEY_H
#define WC_HUB_MESSAGE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WC_HUB_MESSAGE_KEY 16

/*
 * id: in a channel of that UUID, of any length and any bytes.  Where it ends with a UUID version 7 or with a
 * number, decimal or hex, the key begins with that (6 bytes), so that what comes together lies together; what follows, else all, is of
 * SHA-256 over channel and id.  False only when the crypto library fails.
 */
extern bool wc_hub_message_key(const uint8_t channel[16], const char *id, size_t len, uint8_t key[WC_HUB_MESSAGE_KEY]);

#endif /* WC_HUB_MESSAGE_KEY_H */
