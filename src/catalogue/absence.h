/*
 * absence.h
 *		Locks on what the catalogue does not have (R37, R38).
 */
#ifndef ABSENCE_H
#define ABSENCE_H

/* What a sale can look for in vain. */
typedef enum Absence
{
	ABSENT_REFERRAL = 'r',
	ABSENT_LISTING = 'l',
	ABSENT_PRICE = 'p'
} Absence;

extern void absence_share(Absence what, uint64 hash);

#endif							/* ABSENCE_H */
