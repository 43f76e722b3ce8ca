/*
 * valid_text.h
 *	  Texts that the database can hold.
 */
#ifndef WC_VALID_TEXT_H
#define WC_VALID_TEXT_H

#include "common/frame.h"

extern bool wc_texts_are_valid(const wc_str *texts, int n);

#endif /* WC_VALID_TEXT_H */
