/*
 * columns.c
 *		The columns of an application's table that carry a sale: found by
 *		name, checked by type, read as what they carry.  The arguments of the
 *		functions that take a sale are read the same way.
 *
 * attach() checks a mapping with this, and the triggers read by it.  They
 * resolve it afresh for each statement, so that a column that was renamed,
 * dropped or altered since is noticed.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "base/columns.h"
#include "base/lookup.h"
#include "compat.h"

/*
 * Whether a type can carry what the argument stands for.
 */
static bool
column_type_fits(ColumnClass class, Oid type)
{
	switch (class)
	{
		case COLUMN_IDENTIFIER:
			return type == UUIDOID || type == INT2OID || type == INT4OID ||
				type == INT8OID || type == TEXTOID || type == VARCHAROID;
		case COLUMN_AMOUNT:
			return type == INT2OID || type == INT4OID || type == INT8OID ||
				type == NUMERICOID;
		case COLUMN_COUNT:
			return type == INT2OID || type == INT4OID || type == INT8OID;
		case COLUMN_TEXT:
		case COLUMN_LISTING_KIND:
			return type == TEXTOID || type == VARCHAROID ||
				type_is_enum(type);
		case COLUMN_FLAG:
			return type == BOOLOID;
		case COLUMN_TIME:
			return type == TIMESTAMPTZOID || type == TIMESTAMPOID;
		case COLUMN_MARK:
			return type == BOOLOID || type == TIMESTAMPTZOID ||
				type == TIMESTAMPOID;
		case COLUMN_JSON:
			return type == JSONBOID;
	}
	return false;
}

/*
 * The types that can carry a class, for the message.
 */
static const char *
column_types(ColumnClass class)
{
	switch (class)
	{
		case COLUMN_IDENTIFIER:
			return "uuid, smallint, integer, bigint, text or varchar";
		case COLUMN_AMOUNT:
			return "smallint, integer, bigint or numeric (whole credits)";
		case COLUMN_COUNT:
			return "smallint, integer or bigint";
		case COLUMN_TEXT:
		case COLUMN_LISTING_KIND:
			return "text, varchar or an enum";
		case COLUMN_FLAG:
			return "boolean";
		case COLUMN_TIME:
			return "timestamp with or without time zone";
		case COLUMN_MARK:
			return "boolean, or timestamp with or without time zone";
		case COLUMN_JSON:
			return "jsonb";
	}
	return NULL;
}

/*
 * Find the column that an argument names.
 */
void
columns_resolve_one(TupleDesc tupdesc, const char *relation,
					const ColumnSpec *spec, const char *name, Column *column)
{
	Form_pg_attribute attribute = NULL;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute candidate = TupleDescAttr(tupdesc, i);

		if (!candidate->attisdropped &&
			strcmp(NameStr(candidate->attname), name) == 0)
		{
			attribute = candidate;
			break;
		}
	}
	if (attribute == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						name, relation),
				 errdetail("It is mapped as \"%s\" of the commission trigger.",
						   spec->argument),
				 errhint("If the column was renamed or dropped, call commission.detach(), then attach the table with the columns as they are now.")));

	if (compat_is_virtual(attribute))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" cannot carry \"%s\"",
						name, relation,
						spec->argument),
				 errdetail("It is a virtual generated column, which has no value in a trigger."),
				 errhint("Make it GENERATED ALWAYS AS (…) STORED.")));

	column->spec = spec;
	column->attnum = attribute->attnum;
	column->type = getBaseType(attribute->atttypid);
	if (!column_type_fits(spec->class, column->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" cannot carry \"%s\"",
						name, relation,
						spec->argument),
				 errdetail("It is of type %s; it must be %s.",
						   format_type_be(attribute->atttypid),
						   column_types(spec->class))));
}

/*
 * Find the columns that a trigger's arguments name: pairs of an argument of
 * attach() and a column, or what all rows have.
 */
void
columns_resolve(TupleDesc tupdesc, const char *relation,
				const ColumnSpec *specs, int nspecs, int nargs, char **args,
				Column *columns)
{
	memset(columns, 0, nspecs * sizeof(Column));
	for (int i = 0; i + 1 < nargs; i += 2)
	{
		const char *argument = args[i];
		int			which = 0;
		bool		constant = strncmp(argument, COLUMNS_CONSTANT,
									   strlen(COLUMNS_CONSTANT)) == 0;

		if (constant)
			argument += strlen(COLUMNS_CONSTANT);
		while (which < nspecs && strcmp(specs[which].argument, argument) != 0)
			which++;
		if (which == nspecs)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown argument \"%s\" of the commission trigger on \"%s\"",
							args[i], relation),
					 errhint("Attach the table instead of creating the trigger by hand.")));
		if (constant)
			columns[which] = (Column) {&specs[which], 0, InvalidOid, args[i + 1]};
		else
			columns_resolve_one(tupdesc, relation, &specs[which], args[i + 1],
								&columns[which]);
	}
	for (int i = 0; i < nspecs; i++)
		if (specs[i].required && columns[i].attnum == 0 && !columns[i].constant)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" of the commission trigger on \"%s\" is missing",
							specs[i].argument,
							relation),
					 errhint("Attach the table instead of creating the trigger by hand.")));
}

/*
 * The arguments of a function that takes a sale, each at the place of its
 * spec.
 */
void
columns_of_call(FunctionCallInfo call, const ColumnSpec *specs, int nspecs,
				Column *columns)
{
	Oid		   *types;
	int			nargs;

	(void) get_func_signature(call->flinfo->fn_oid, &types, &nargs);
	if (nargs != nspecs)
		elog(ERROR, "function %u has %d arguments instead of %d",
			 call->flinfo->fn_oid, nargs, nspecs);
	for (int i = 0; i < nspecs; i++)
		columns[i] = (Column) {&specs[i], i + 1, types[i], NULL};
}

/* The column's value; false if it is not mapped or, unless required, NULL. */
static bool
column_datum(const Column *column, const Row *row, Datum *datum)
{
	bool		isnull;

	if (column->attnum == 0)
		return false;
	if (row->slot)
		*datum = slot_getattr(row->slot, column->attnum, &isnull);
	else
	{
		const NullableDatum *argument = &row->call->args[column->attnum - 1];

		*datum = argument->value;
		isnull = argument->isnull;
	}
	if (isnull && column->spec->required)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", column->spec->argument)));
	return !isnull;
}

/*
 * A value of one of the integer types.
 */
static int64
column_integer(const Column *column, Datum datum)
{
	if (column->type == INT2OID)
		return DatumGetInt16(datum);
	if (column->type == INT4OID)
		return DatumGetInt32(datum);
	Assert(column->type == INT8OID);
	return DatumGetInt64(datum);
}

/*
 * An identifier.
 */
bool
column_identifier(const Column *column, const Row *row,
				  Identifier *identifier)
{
	Datum		datum;

	if (!column_datum(column, row, &datum))
		return false;

	identifier->name = NULL;
	if (column->type == UUIDOID)
		identifier->id = *DatumGetUUIDP(datum);
	else if (column->type == TEXTOID || column->type == VARCHAROID)
		*identifier = identifier_from_text(DatumGetTextPCopy(datum),
										   column->spec->argument);
	else
		identifier->id = identifier_from_int64(column_integer(column, datum));
	return true;
}

/*
 * A whole number of credits, held as numeric.
 */
static int64
column_numeric(const Column *column, Datum datum)
{
	Datum		whole = DirectFunctionCall2(numeric_round, datum,
											Int32GetDatum(0));

	if (numeric_is_nan(DatumGetNumeric(datum)) ||
		numeric_is_inf(DatumGetNumeric(datum)) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, whole, datum)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number of credits",
						column->spec->argument),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(numeric_out,
															   datum)))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

/*
 * A whole number of credits, such as a sale can carry.
 */
bool
column_amount(const Column *column, const Row *row, int64 *credits)
{
	Datum		datum;

	if (!column_datum(column, row, &datum))
		return false;
	*credits = column->type == NUMERICOID ? column_numeric(column, datum) :
		column_integer(column, datum);
	amount_check_sale(*credits, column->spec->argument);
	return true;
}

/*
 * A number of things.
 */
bool
column_count(const Column *column, const Row *row, int32 *count)
{
	Datum		datum;
	int64		number;

	if (!column_datum(column, row, &datum))
		return false;
	number = column_integer(column, datum);
	if (number < PG_INT32_MIN || number > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s out of range: %lld", column->spec->argument,
						(long long) number)));
	*count = (int32) number;
	return true;
}

/*
 * A text, copied, since the row may be overwritten before it is used.
 */
text *
column_text(const Column *column, const Row *row)
{
	Datum		datum;

	if (column->constant)
		return cstring_to_text(column->constant);
	if (!column_datum(column, row, &datum))
		return NULL;
	if (column->type == TEXTOID || column->type == VARCHAROID)
		return DatumGetTextPCopy(datum);
	return cstring_to_text(lookup_enum_label(datum));
}

/*
 * A flag.
 */
bool
column_flag(const Column *column, const Row *row, bool *flag)
{
	Datum		datum;

	if (!column_datum(column, row, &datum))
		return false;
	*flag = DatumGetBool(datum);
	return true;
}

/*
 * A finite time; one without a time zone is in the session's, as in a cast.
 */
bool
column_time(const Column *column, const Row *row, TimestampTz *time)
{
	Datum		datum;

	if (!column_datum(column, row, &datum))
		return false;
	if (column->type == TIMESTAMPOID)
		datum = DirectFunctionCall1(timestamp_timestamptz, datum);
	*time = DatumGetTimestampTz(datum);
	if (TIMESTAMP_NOT_FINITE(*time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be a finite time", column->spec->argument),
				 errdetail("It is %s.", timestamptz_to_str(*time))));
	return true;
}

/*
 * Whether a mark is set: a flag that is true, or any time.
 */
bool
column_mark(const Column *column, const Row *row)
{
	Datum		datum;

	return column_datum(column, row, &datum) &&
		(column->type != BOOLOID || DatumGetBool(datum));
}

/*
 * A jsonb, copied likewise.
 */
Jsonb *
column_json(const Column *column, const Row *row)
{
	Datum		datum;

	return column_datum(column, row, &datum) ? DatumGetJsonbPCopy(datum) : NULL;
}
