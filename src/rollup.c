/*
 * rollup.c
 *		Sums of the ledger, kept so that reading stays fast.
 */
#include "commission.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"

PG_FUNCTION_INFO_V1(commission_ranges);

/*
 * ranges(event_ids int8multirange)
 */
Datum
commission_ranges(PG_FUNCTION_ARGS)
{
	MultirangeType *event_ids = PG_GETARG_MULTIRANGE_P(0);
	TypeCacheEntry *typcache =
		multirange_get_typcache(fcinfo, MultirangeTypeGetOid(event_ids));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (uint32 i = 0; i < event_ids->rangeCount; i++)
	{
		RangeBound	first;
		RangeBound	end;
		Datum		values[2];
		bool		nulls[2] = {false, false};

		multirange_get_bounds(typcache->rngtype, event_ids, i, &first, &end);
		values[0] = first.val;
		values[1] = end.val;
		nulls[0] = first.infinite;
		nulls[1] = end.infinite;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
