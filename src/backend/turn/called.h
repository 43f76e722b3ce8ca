/*
 * called.h
 *	  Does somebody wait for the end of the turn that is under way?
 */
#ifndef WC_CALLED_H
#define WC_CALLED_H

extern void called_heard(void);
extern bool called_again(void);

#endif /* WC_CALLED_H */
