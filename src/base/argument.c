/*
 * argument.c
 *		Arguments of functions, as several check them.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"

PG_FUNCTION_INFO_V1(commission_identifier);

/*
 * An argument that must be given.
 */
text *
argument_text(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", what)));
	return PG_GETARG_TEXT_PP(argument);
}

/*
 * An argument that names something.
 */
Identifier
argument_identifier(FunctionCallInfo fcinfo, int argument, const char *what)
{
	return identifier_from_text(argument_text(fcinfo, argument, what), what);
}

/*
 * An argument that is a time; NULL is now.
 */
TimestampTz
argument_time(FunctionCallInfo fcinfo, int argument, const char *what)
{
	TimestampTz time = PG_ARGISNULL(argument) ?
		GetCurrentTransactionStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(argument);

	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be a finite time", what)));
	return time;
}

/*
 * identifier(name text, what text)
 */
Datum
commission_identifier(PG_FUNCTION_ARGS)
{
	const char *what = text_to_cstring(argument_text(fcinfo, 1, "what"));
	Identifier	identifier = argument_identifier(fcinfo, 0, what);

	PG_RETURN_TEXT_P(identifier_text(&identifier));
}
