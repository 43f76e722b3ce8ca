/*
 * retention_work.h
 *	  What leaves by webchatt.set_retention().
 */
#ifndef WC_RETENTION_WORK_H
#define WC_RETENTION_WORK_H

extern long retention_work_pause(void);
extern const char *retention_work_do(void);

#endif /* WC_RETENTION_WORK_H */
