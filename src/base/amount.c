/*
 * amount.c
 *		Amounts of credits (R1).
 *
 * Pure.
 */
#include "commission.h"

#include "common/int.h"

#include "base/amount.h"

/*
 * No price, cost, pool or surcharge is negative.
 */
void
amount_check(int64 amount, const char *name)
{
	if (amount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name),
				 errdetail("It is %lld credits.", (long long) amount)));
}

/*
 * An amount of a sale: the same, and no larger than R1 allows.
 */
void
amount_check_sale(int64 amount, const char *name)
{
	amount_check(amount, name);
	if (amount > AMOUNT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s out of range", name),
				 errdetail("It is %lld credits; a sale carries at most %lld.",
						   (long long) amount, (long long) AMOUNT_MAX)));
}

/*
 * The sum of two amounts, which must stay in the range of bigint (R1).
 */
int64
amount_add(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount out of range"),
				 errdetail("The sum of %lld and %lld credits exceeds the range of bigint.",
						   (long long) a, (long long) b)));
	return sum;
}

/*
 * An amount so many times, likewise.
 */
int64
amount_multiply(int64 amount, int32 times)
{
	int64		product;

	if (pg_mul_s64_overflow(amount, times, &product))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount out of range"),
				 errdetail("%d times %lld credits exceeds the range of bigint.",
						   times, (long long) amount)));
	return product;
}
