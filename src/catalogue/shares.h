/*
 * shares.h
 *		How a charged pool is shared (R19).
 */
#ifndef SHARES_H
#define SHARES_H

/* The owner and the co-authors. */
#define SHARES_MAX	(CO_AUTHORS_MAX + 1)

extern void shares_split(int64 charged, const int64 *shares, int nshares,
						 int64 *amounts);

#endif							/* SHARES_H */
