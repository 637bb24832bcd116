/*
 * balance.c
 *		What of a balance is held (R24).
 */
#include "commission.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "settings.h"

PG_FUNCTION_INFO_V1(commission_held_since);

/*
 * held_since(): a setting is read here rather than by current_setting(), which
 * would give what anybody has set before the library was loaded.
 */
Datum
commission_held_since(PG_FUNCTION_ARGS)
{
	if (settings_hold_days == 0)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	PG_RETURN_TIMESTAMPTZ(GetCurrentTransactionStartTimestamp() -
						  settings_hold_days * USECS_PER_DAY);
}
