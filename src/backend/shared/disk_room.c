/*
 * disk_room.c
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "common/relpath.h"
#include "miscadmin.h"

#include "shared/disk_room.h"

bool
wc_disk_room(int64 *free, int64 *size)
{
	char *path = GetDatabasePath(MyDatabaseId, MyDatabaseTableSpace);
	struct statvfs room;
	bool known = statvfs(path, &room) == 0;

	pfree(path);
	*free = known ? (int64) room.f_bavail * (int64) room.f_frsize : 0;
	*size = known ? (int64) room.f_blocks * (int64) room.f_frsize : 0;
	return known;
}
