/*
 * settle.h
 *		Event ids under which nothing can come to the ledger any more.
 */
#ifndef SETTLE_H
#define SETTLE_H

extern Datum settle_event_ids(int node_id, Datum done, int wait_ms,
							  int gaps_max);

#endif							/* SETTLE_H */
