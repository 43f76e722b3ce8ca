/*
 * search_index.h
 *	  The index of texts, kept up by the search worker between calls.
 */
#ifndef WC_SEARCH_INDEX_H
#define WC_SEARCH_INDEX_H

extern long search_index_pause(void);
extern void search_index_work(void);

#endif /* WC_SEARCH_INDEX_H */
