/*
 * payout.h
 *		Payout batches (R25).
 */
#ifndef PAYOUT_H
#define PAYOUT_H

#include "fmgr.h"

#include "statement.h"

/* A batch that is known. */
typedef struct PayoutBatch
{
	int64		id;
	char	   *method;
	char	   *sender_batch_id;
} PayoutBatch;

extern char *payout_text(SPITupleTable *result, uint64 row, int column);
extern PayoutBatch payout_paypal_argument(FunctionCallInfo fcinfo);

#endif							/* PAYOUT_H */
