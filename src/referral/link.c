/*
 * link.c
 *		Referral links: ?cref=<account>&campaign=<campaign> (R27).
 *
 * A pure leaf.  URLs are taken apart at '#', '?', '&' and '=', none of which
 * is part of another character in a server encoding.
 */
#include "commission.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/identifier.h"
#include "compat.h"
#include "referral/link.h"

PG_FUNCTION_INFO_V1(commission_referral_link);

/* The parameters of a link, as storefronts know them. */
#define LINK_CREF		"cref"
#define LINK_CAMPAIGN	"campaign"

/*
 * Append a byte as %XX.
 */
void
link_append_escaped(StringInfo escaped, char byte)
{
	appendStringInfo(escaped, "%%%02X", (unsigned char) byte);
}

/*
 * Append a parameter.  Of its value, what is not unreserved (RFC 3986) is
 * escaped, by the bytes of its UTF-8 form.
 */
static void
link_append_parameter(StringInfo link, char separator, const char *name,
					  const char *value)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	appendStringInfo(link, "%c%s=", separator, name);
	for (const char *p = pg_server_to_any(value, strlen(value), PG_UTF8); *p; p++)
	{
		if (strchr(unreserved, *p))
			appendStringInfoChar(link, *p);
		else
			link_append_escaped(link, *p);
	}
}

/*
 * The value of a hexadecimal digit, or -1.
 */
static int
link_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

/*
 * Whether a parameter of a query has this name, escaped or not.
 */
static bool
link_is_named(const char *parameter, const char *end, const char *name)
{
	const char *p = parameter;

	while (p < end && *p != '=')
	{
		char		c = *p++;

		if (c == '%' && end - p >= 2 &&
			link_hex_digit(p[0]) >= 0 && link_hex_digit(p[1]) >= 0)
		{
			c = (char) (link_hex_digit(p[0]) << 4 | link_hex_digit(p[1]));
			p += 2;
		}
		if (c == '\0' || c != *name++)
			return false;
	}
	return *name == '\0';
}

/*
 * Append what is to stay of a query, parameter by parameter as it is.  Gives
 * the separator for the next one.
 */
static char
link_append_query(StringInfo link, const char *query, const char *end)
{
	char		separator = '?';

	while (query < end)
	{
		const char *next = memchr(query, '&', end - query);
		const char *parameter_end = next ? next : end;

		if (parameter_end > query &&
			!link_is_named(query, parameter_end, LINK_CREF) &&
			!link_is_named(query, parameter_end, LINK_CAMPAIGN))
		{
			appendStringInfoChar(link, separator);
			appendBinaryStringInfo(link, query, parameter_end - query);
			separator = '&';
		}
		query = next ? next + 1 : end;
	}
	return separator;
}

/*
 * referral_link(base text, cref text, campaign text)
 */
Datum
commission_referral_link(PG_FUNCTION_ARGS)
{
	const char *base;
	const char *fragment;
	const char *query;
	char		separator;
	StringInfoData link;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	identifier_from_text(PG_GETARG_TEXT_PP(1), "account");

	base = text_to_cstring(PG_GETARG_TEXT_PP(0));
	fragment = base + strcspn(base, "#");
	query = base + strcspn(base, "?#");

	initStringInfo(&link);
	appendBinaryStringInfo(&link, base, query - base);
	separator = link_append_query(&link, query < fragment ? query + 1 : query,
								  fragment);
	link_append_parameter(&link, separator, LINK_CREF,
						  text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (!PG_ARGISNULL(2) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)) > 0)
		link_append_parameter(&link, '&', LINK_CAMPAIGN,
							  text_to_cstring(PG_GETARG_TEXT_PP(2)));
	appendStringInfoString(&link, fragment);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(link.data, link.len));
}
