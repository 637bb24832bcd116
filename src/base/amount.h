/*
 * amount.h
 *		Amounts of credits (R1).
 */
#ifndef AMOUNT_H
#define AMOUNT_H

extern void amount_check(int64 amount, const char *name);
extern int64 amount_add(int64 a, int64 b);

#endif							/* AMOUNT_H */
