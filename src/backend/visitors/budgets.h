/*
 * budgets.h
 *	  What visitors may cause in an hour.
 */
#ifndef WC_BUDGETS_H
#define WC_BUDGETS_H

#include "utils/timestamp.h"

#include "common/frame.h"
#include "turn/part.h"

typedef enum BudgetKind
{
	BUDGET_NEWCOMERS, /* the first WC_BUDGETS as in wc_budgets */
	BUDGET_MESSAGES,
	BUDGET_BYTES,
	BUDGET_PAUSED, /* only counted */
	BUDGET_KINDS
} BudgetKind;

extern bool budgets_take(const uint8 *channel, BudgetKind kind, uint32 bytes);
extern void budgets_paused(const uint8 *channel);
extern void budgets_load(void);
extern void budgets_save(TimestampTz now);
extern void budgets_commit(TimestampTz now, wc_buf *out);
extern const TurnPart budgets_part;

#endif /* WC_BUDGETS_H */
