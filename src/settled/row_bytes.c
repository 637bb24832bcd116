/*
 * row_bytes.c
 *		The byte form of a row, over which blocks are sealed.
 *
 * doc/seals.md states it for other programs, which must come to the same bytes
 * in a database of any version, encoding and machine.  So it is a contract:
 * what is sealed can never be checked again under another form.
 *
 * Memory: the caller's context has the result; what is kept from row to row is
 * in that of the function's call site.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "base/lookup.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(commission_row_bytes);

/* What is known of the arguments of a call, from row to row. */
typedef struct RowForm
{
	int			ncolumns;
	Oid			types[FLEXIBLE_ARRAY_MEMBER];
} RowForm;

static void row_bytes_value(StringInfo bytes, Oid type, Datum value);

/*
 * The types of the columns.
 */
static RowForm *
row_bytes_form(FunctionCallInfo fcinfo)
{
	RowForm    *form = fcinfo->flinfo->fn_extra;

	if (form == NULL)
	{
		form = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
								  offsetof(RowForm, types) +
								  PG_NARGS() * sizeof(Oid));
		form->ncolumns = PG_NARGS();
		for (int i = 0; i < form->ncolumns; i++)
			form->types[i] = get_fn_expr_argtype(fcinfo->flinfo, i);
		fcinfo->flinfo->fn_extra = form;
	}
	return form;
}

/*
 * Text: its length in bytes, and the bytes in UTF-8; as they are in a database
 * that knows no encoding, where they need not be UTF-8.
 */
static void
row_bytes_text(StringInfo bytes, const char *text, int length)
{
	const char *utf8 = GetDatabaseEncoding() == PG_SQL_ASCII ? text :
		pg_server_to_any(text, length, PG_UTF8);

	if (utf8 != text)
		length = strlen(utf8);
	pq_sendint32(bytes, length);
	appendBinaryStringInfo(bytes, utf8, length);
}

/*
 * An array: the number of its elements, and each with its byte.
 */
static void
row_bytes_array(StringInfo bytes, Oid element, Datum value)
{
	int16		length;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(element, &length, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(value), element, length, byval, align,
					  &values, &nulls, &n);
	pq_sendint32(bytes, n);
	for (int i = 0; i < n; i++)
	{
		pq_sendbyte(bytes, !nulls[i]);
		if (!nulls[i])
			row_bytes_value(bytes, element, values[i]);
	}
}

/*
 * A value of none of the types below: an enum's label, or an array.
 */
static void
row_bytes_other(StringInfo bytes, Oid type, Datum value)
{
	Oid			element = get_element_type(type);

	if (type_is_enum(type))
	{
		const char *label = lookup_enum_label(value);

		row_bytes_text(bytes, label, strlen(label));
	}
	else if (OidIsValid(element))
		row_bytes_array(bytes, element, value);
	else
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s has no byte form", format_type_be(type))));
}

/*
 * A value that is not NULL.
 */
static void
row_bytes_value(StringInfo bytes, Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			pq_sendint16(bytes, DatumGetInt16(value));
			break;
		case INT4OID:
		case DATEOID:
			pq_sendint32(bytes, DatumGetInt32(value));
			break;
		case INT8OID:
		case TIMESTAMPTZOID:
			pq_sendint64(bytes, DatumGetInt64(value));
			break;
		case BOOLOID:
			pq_sendbyte(bytes, DatumGetBool(value));
			break;
		case CHAROID:
			pq_sendbyte(bytes, DatumGetChar(value));
			break;
		case UUIDOID:
			appendBinaryStringInfo(bytes, (char *) DatumGetUUIDP(value)->data,
								   UUID_LEN);
			break;
		case TEXTOID:
			{
				text	   *string = DatumGetTextPP(value);

				row_bytes_text(bytes, VARDATA_ANY(string),
							   VARSIZE_ANY_EXHDR(string));
			}
			break;
		default:
			row_bytes_other(bytes, type, value);
	}
}

/*
 * row_bytes(VARIADIC "any")
 *
 * Columns after the last one that is not NULL are left out, so that a column
 * can be added to a table, NULL in what was sealed before.
 */
Datum
commission_row_bytes(PG_FUNCTION_ARGS)
{
	RowForm    *form = row_bytes_form(fcinfo);
	int			ncolumns = form->ncolumns;
	StringInfoData bytes;

	while (ncolumns > 0 && PG_ARGISNULL(ncolumns - 1))
		ncolumns--;
	pq_begintypsend(&bytes);
	pq_sendint16(&bytes, ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		pq_sendbyte(&bytes, !PG_ARGISNULL(i));
		if (!PG_ARGISNULL(i))
			row_bytes_value(&bytes, form->types[i], PG_GETARG_DATUM(i));
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}
