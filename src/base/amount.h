/*
 * amount.h
 *		Amounts of credits (R1).
 */
#ifndef AMOUNT_H
#define AMOUNT_H

/*
 * R1: no sale carries more than this many credits, so that it takes thousands
 * of the largest to bring a sum out of the range of bigint.
 */
#define AMOUNT_MAX			INT64CONST(1000000000000000)

extern void amount_check(int64 amount, const char *name);
extern void amount_check_sale(int64 amount, const char *name);
extern int64 amount_add(int64 a, int64 b);
extern int64 amount_multiply(int64 amount, int32 times);

#endif							/* AMOUNT_H */
