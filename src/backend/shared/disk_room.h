/*
 * disk_room.h
 *	  How much room the database's tables have.
 */
#ifndef WC_DISK_ROOM_H
#define WC_DISK_ROOM_H

/* In bytes, where this database's tables are; false: it is not known. */
extern bool wc_disk_room(int64 *free, int64 *size);

#endif /* WC_DISK_ROOM_H */
