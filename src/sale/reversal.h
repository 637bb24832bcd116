/*
 * reversal.h
 *		Refunds (R21).
 */
#ifndef REVERSAL_H
#define REVERSAL_H

/* What can be refunded. */
typedef enum ReversibleEvent
{
	REVERSIBLE_GENERATION,
	REVERSIBLE_ORDER
} ReversibleEvent;

/* What has been refunded of an event. */
typedef struct Refunded
{
	int64		total;			/* credits */
	int64		unpaid;			/* of which because it was made unpaid */
} Refunded;

/* An event of which something is to be refunded. */
typedef struct Refund
{
	int64		event_id;
	int64		buyer_total;	/* what the buyer paid for it */
	int64		refunded;		/* below zero: what is paid again */
	bool		unpaid;			/* it was made unpaid, or paid again */
	text	   *reason;			/* NULL: none */
} Refund;

extern Refunded reversal_refunded(ReversibleEvent event, int64 event_id);
extern int64 reversal_append(const Refund *refund, const Refunded *before);

#endif							/* REVERSAL_H */
