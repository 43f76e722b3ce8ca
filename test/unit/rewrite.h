/*
 * rewrite.h
 *	  Reads a frame as one message of the corridor and writes that message
 *	  again, for the corridor's unit test and fuzz target alike: what a reader
 *	  takes must come out as the very same bytes.
 */
#ifndef REWRITE_H
#define REWRITE_H

#include "common/corridor.h"

#define FRAME(NAME, number, name)                                                                                      \
	static bool rewrite_##name(const wc_frame *frame, wc_buf *out)                                                     \
	{                                                                                                                  \
		wc_##name m;                                                                                                   \
		return wc_read_##name(frame, &m) && wc_write_##name(out, &m);                                                  \
	}
#include "common/corridor.def"

typedef struct rewriter
{
	wc_frame_type type; /* the only one that it may take */
	bool (*rewrite)(const wc_frame *frame, wc_buf *out);
} rewriter;

static const rewriter rewriters[] = {
#define FRAME(NAME, number, name) {WC_F_##NAME, rewrite_##name},
#include "common/corridor.def"
};

#define REWRITERS ((int) (sizeof(rewriters) / sizeof(rewriters[0])))

#endif /* REWRITE_H */
