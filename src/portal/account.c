/*
 * account.c
 *		Who asks what an account sees (R50).
 */
#include "commission.h"

#include "fmgr.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(commission_outer_role);

/*
 * outer_role(): the role that the session has, whatever functions that are
 * SECURITY DEFINER are being executed.
 */
Datum
commission_outer_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(GetOuterUserId());
}
