/*
 * material.c
 *		Promotional materials, with the affiliate's own link in them.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "catalogue/account.h"
#include "compat.h"
#include "referral/link.h"

PG_FUNCTION_INFO_V1(commission_set_material);
PG_FUNCTION_INFO_V1(commission_remove_material);
PG_FUNCTION_INFO_V1(commission_fill_material);

/* What stands for the link in a body. */
#define MATERIAL_LINK	"{link}"

static Statement upsert_material = {
	"INSERT INTO commission.material (name, kind, title, body)"
	" VALUES ($1, $2::commission.material_kind, $3, $4)"
	" ON CONFLICT (name) DO UPDATE SET updated_at = now(),"
	" kind = excluded.kind, title = excluded.title, body = excluded.body",
	4, {TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

static Statement delete_material = {
	"DELETE FROM commission.material WHERE name = $1",
	1, {TEXTOID}, NULL
};

/*
 * The name of a material: the key of an index, as identifiers are.
 */
static Datum
material_name_argument(FunctionCallInfo fcinfo)
{
	catalogue_argument(fcinfo, 0, "material");
	return PG_GETARG_DATUM(0);
}

/*
 * A text of a material, which must say something.
 */
static Datum
material_text_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	text	   *value = catalogue_text_argument(fcinfo, argument, what);

	if (VARSIZE_ANY_EXHDR(value) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	return PointerGetDatum(value);
}

/*
 * set_material(material text, kind commission.material_kind, title text,
 * body text)
 */
Datum
commission_set_material(PG_FUNCTION_ARGS)
{
	StatementCaller caller;
	Params		params = {0};

	params_add(&params, material_name_argument(fcinfo));
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "kind")));
	params_add(&params, CStringGetTextDatum(lookup_enum_label(PG_GETARG_DATUM(1))));
	params_add(&params, material_text_argument(fcinfo, 2, "title"));
	params_add(&params, material_text_argument(fcinfo, 3, "body"));
	statement_connect(&caller);
	statement_execute(&upsert_material, &params);
	statement_finish(&caller);
	PG_RETURN_VOID();
}

/*
 * remove_material(material text)
 */
Datum
commission_remove_material(PG_FUNCTION_ARGS)
{
	StatementCaller caller;
	Params		params = {0};
	bool		removed;

	params_add(&params, material_name_argument(fcinfo));
	statement_connect(&caller);
	removed = statement_execute(&delete_material, &params) > 0;
	statement_finish(&caller);
	PG_RETURN_BOOL(removed);
}

/*
 * A link as it may stand in HTML, in a text or in an attribute's quotes.
 */
static void
material_append_html(StringInfo escaped, const char *link)
{
	for (const char *p = link; *p; p++)
	{
		switch (*p)
		{
			case '&':
				appendStringInfoString(escaped, "&amp;");
				break;
			case '<':
				appendStringInfoString(escaped, "&lt;");
				break;
			case '>':
				appendStringInfoString(escaped, "&gt;");
				break;
			case '"':
				appendStringInfoString(escaped, "&quot;");
				break;
			case '\'':
				appendStringInfoString(escaped, "&#39;");
				break;
			default:
				appendStringInfoChar(escaped, *p);
		}
	}
}

/*
 * A link as it may stand in a string literal of whatever language: what could
 * end one or mean something in it is percent-escaped, which leaves the URL
 * what it is.
 */
static void
material_append_code(StringInfo escaped, const char *link)
{
	for (const char *p = link; *p; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c <= ' ' || c == 0x7F || strchr("\"'`\\<>$^{|}", c))
			link_append_escaped(escaped, *p);
		else
			appendStringInfoChar(escaped, *p);
	}
}

/*
 * fill_material(kind commission.material_kind, body text, link text)
 */
Datum
commission_fill_material(PG_FUNCTION_ARGS)
{
	const char *kind = lookup_enum_label(PG_GETARG_DATUM(0));
	const char *body = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *link = text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *place;
	StringInfoData escaped;
	StringInfoData filled;

	initStringInfo(&escaped);
	if (strcmp(kind, "banner") == 0 || strcmp(kind, "comparison_chart") == 0)
		material_append_html(&escaped, link);
	else if (strcmp(kind, "code_snippet") == 0)
		material_append_code(&escaped, link);
	else
		appendStringInfoString(&escaped, link);

	initStringInfo(&filled);
	while ((place = strstr(body, MATERIAL_LINK)) != NULL)
	{
		appendBinaryStringInfo(&filled, body, place - body);
		appendBinaryStringInfo(&filled, escaped.data, escaped.len);
		body = place + strlen(MATERIAL_LINK);
	}
	appendStringInfoString(&filled, body);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(filled.data, filled.len));
}
