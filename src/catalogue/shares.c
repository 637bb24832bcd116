/*
 * shares.c
 *		How a charged pool is shared between a listing's owner and co-authors
 *		(R19).
 *
 * A pure leaf.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

#include "base/amount.h"
#include "catalogue/shares.h"

PG_FUNCTION_INFO_V1(commission_pool_shares);

/*
 * Share charged credits in proportion to shares, by largest remainder, ties
 * to the earlier: floor each, then give the credits that are left over one by
 * one.  They are fewer than there are shares.  The sum is exactly charged.
 */
void
shares_split(int64 charged, const int64 *shares, int nshares, int64 *amounts)
{
	int128		total = 0;
	int128		remainder[SHARES_MAX];
	int64		left = charged;

	Assert(nshares > 0 && nshares <= SHARES_MAX && charged >= 0);

	for (int i = 0; i < nshares; i++)
		total += shares[i];
	Assert(total > 0);

	for (int i = 0; i < nshares; i++)
	{
		int128		product = (int128) charged * shares[i];

		amounts[i] = (int64) (product / total);
		remainder[i] = product % total;
		left -= amounts[i];
	}
	Assert(left >= 0 && left < nshares);

	for (; left > 0; left--)
	{
		int			largest = 0;

		for (int i = 1; i < nshares; i++)
			if (remainder[i] > remainder[largest])
				largest = i;
		amounts[largest]++;
		remainder[largest] = -1;
	}
}

/*
 * pool_shares(charged bigint, shares bigint[]): the shares of a listing's
 * pool, owner first, applied to what was charged.
 */
Datum
commission_pool_shares(PG_FUNCTION_ARGS)
{
	int64		charged = PG_GETARG_INT64(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			nshares = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	Datum	   *elements;
	int64		total = 0;
	int64		shares[SHARES_MAX];
	int64		amounts[SHARES_MAX];
	Datum		result[SHARES_MAX];

	amount_check(charged, "charged pool");
	if (nshares < 1 || nshares > SHARES_MAX || ARR_NDIM(array) != 1 ||
		array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid shares of a pool"),
				 errdetail("They are a one-dimensional array of 1 to %d amounts, none of them NULL.",
						   SHARES_MAX)));

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &nshares);
	for (int i = 0; i < nshares; i++)
	{
		shares[i] = DatumGetInt64(elements[i]);
		amount_check(shares[i], "share");
		total = amount_add(total, shares[i]);
	}
	if (total == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid shares of a pool"),
				 errdetail("Together they are 0 credits.")));

	shares_split(charged, shares, nshares, amounts);
	for (int i = 0; i < nshares; i++)
		result[i] = Int64GetDatum(amounts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, nshares, INT8OID,
										  sizeof(int64), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
