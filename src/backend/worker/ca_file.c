/*
 * ca_file.c
 *	  Has another file taken webchatt.ca_file's name, with other certificates?
 *
 * webchatt-net keeps the file that it found open, and reads it again every few
 * minutes; so what is written into it is seen.  One that takes its name it
 * cannot read.  Packages do that on every upgrade, mostly with the same content.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hashfn.h"

#include "shared/settings.h"
#include "worker/ca_file.h"

/* Files of certificates are below 1 MB; of a larger one the beginning counts. */
#define LOOK_AT_MOST (4 * 1024 * 1024)

typedef struct CaFile
{
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	uint64 hash;
} CaFile;

static char ca_path[MAXPGPATH];
static CaFile held; /* what webchatt-net has; ino 0: nothing */
static CaFile seen; /* what was looked at last */

/* False when it is not there, or being replaced. */
static bool
look(CaFile *file)
{
	struct stat st;
	char *text;
	ssize_t n;
	int fd;

	if (stat(ca_path, &st) < 0)
		return false;
	if (st.st_dev == seen.dev && st.st_ino == seen.ino && st.st_size == seen.size &&
		memcmp(&st.st_mtim, &seen.changed, sizeof(seen.changed)) == 0)
	{
		*file = seen;
		return true;
	}
	fd = open(ca_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	text = palloc(LOOK_AT_MOST);
	n = read(fd, text, LOOK_AT_MOST);
	close(fd);
	if (n >= 0)
	{
		file->dev = st.st_dev;
		file->ino = st.st_ino;
		file->size = st.st_size;
		file->changed = st.st_mtim;
		file->hash = hash_bytes_extended((unsigned char *) text, (int) n, 0);
	}
	pfree(text);
	return n >= 0;
}

/* webchatt-net is being started: this is what it will have. */
void
ca_file_note(void)
{
	memset(&held, 0, sizeof(held));
	memset(&seen, 0, sizeof(seen));
	strlcpy(ca_path, wc_ca_file, sizeof(ca_path));
	if (ca_path[0] != '\0' && look(&held))
		seen = held;
}

/* True when webchatt-net should be started anew; to be asked about once a second. */
bool
ca_file_outdated(void)
{
	CaFile now;
	bool settled;

	if (ca_path[0] == '\0' || !look(&now))
		return false;
	settled = now.ino == seen.ino && now.dev == seen.dev && now.hash == seen.hash;
	seen = now;
	if (now.dev == held.dev && now.ino == held.ino)
		held = now;
	/* one that is still being written shows another content at the next look */
	return settled && now.hash != held.hash;
}
