/*
 * unreferred.c
 *		The legs that a sale did not pay because nobody had referred the
 *		account: a sign-up that is completed late finds them here (R37).
 *
 * They have a table of their own, which a sale whose legs are all referred
 * does not even open.
 */
#include "commission.h"

#include "utils/timestamp.h"

#include "ledger/append.h"
#include "sale/sale.h"

/* The columns of commission.unreferred_leg, in their order. */
enum UnreferredColumn
{
	UNREFERRED_ACCOUNT_ID,
	UNREFERRED_OCCURRED_AT,
	UNREFERRED_SALE_EVENT_ID,
	UNREFERRED_LEG,
	UNREFERRED_COLUMNS
};

/*
 * Append the unreferred legs of a recorded sale.  The table is opened, in the
 * context given, for the first that has any.
 */
void
unreferred_put(Appender **appender, MemoryContext context,
			   const SaleClass *class, const Sale *sale)
{
	UnreferredLeg legs[UNREFERRED_LEGS_MAX];
	int			n = class->unreferred(sale, legs);

	for (int i = 0; i < n; i++)
	{
		Datum		values[UNREFERRED_COLUMNS];
		bool		nulls[UNREFERRED_COLUMNS] = {false};

		if (*appender == NULL)
		{
			MemoryContext caller = MemoryContextSwitchTo(context);

			*appender = append_open("unreferred_leg", UNREFERRED_COLUMNS, NULL);
			MemoryContextSwitchTo(caller);
		}
		values[UNREFERRED_ACCOUNT_ID] = UUIDPGetDatum(legs[i].account);
		values[UNREFERRED_OCCURRED_AT] = TimestampTzGetDatum(sale->occurred_at);
		values[UNREFERRED_SALE_EVENT_ID] = Int64GetDatum(sale->event_id);
		values[UNREFERRED_LEG] = CharGetDatum(legs[i].leg);
		append_put(*appender, values, nulls);
	}
}
