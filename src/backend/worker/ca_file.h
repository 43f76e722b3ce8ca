/*
 * ca_file.h
 *	  Was webchatt.ca_file replaced since webchatt-net was started?
 */
#ifndef WC_CA_FILE_H
#define WC_CA_FILE_H

extern void ca_file_note(void);
extern bool ca_file_outdated(void);

#endif /* WC_CA_FILE_H */
