/*
 * mask.c
 *		How a buyer is shown to others (R34).
 *
 * A pure leaf.  Whatever is hidden, four stars stand for it.  Only the last
 * label of a domain is shown whole, so only what cannot be anything else
 * counts as an address: a label is free text, and may have a telephone number
 * in it.
 */
#include "commission.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(commission_mask);

#define MASK_STARS	"****"

/* The longest label of a domain (RFC 1035). */
#define MASK_DOMAIN_LABEL_MAX	63

/*
 * The first character, if there is one, and the stars.
 */
static void
mask_append(StringInfo masked, const char *text, int len)
{
	if (len > 0)
		appendBinaryStringInfo(masked, text, pg_mbcharcliplen(text, len, 1));
	appendStringInfoString(masked, MASK_STARS);
}

/*
 * Whether a text is plainly an e-mail address, and where its @ and its last
 * dot are: no blank, one @, something on each side of it, and at the end a
 * dot and ASCII letters alone.  No byte of ASCII is part of another character
 * in a server encoding.
 */
static bool
mask_is_address(const char *start, const char *end, const char **at,
				const char **dot)
{
	*at = *dot = NULL;
	for (const char *p = start; p < end; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c <= ' ' || c == 0x7F || (c == '@' && *at))
			return false;
		if (c == '@')
			*at = p;
		else if (c == '.')
			*dot = p;
	}
	if (*at == NULL || *at == start || *dot == NULL || *dot <= *at + 1 ||
		*dot + 1 == end || end - *dot - 1 > MASK_DOMAIN_LABEL_MAX)
		return false;
	for (const char *p = *dot + 1; p < end; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
			return false;
	return true;
}

/*
 * mask(label text): an e-mail address keeps the first character of its local
 * part and of its domain, and the domain's last label; anything else its
 * first character.
 */
Datum
commission_mask(PG_FUNCTION_ARGS)
{
	text	   *label = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(label);
	const char *end = start + VARSIZE_ANY_EXHDR(label);
	const char *at;
	const char *dot;
	StringInfoData masked;

	initStringInfo(&masked);
	if (mask_is_address(start, end, &at, &dot))
	{
		mask_append(&masked, start, at - start);
		appendStringInfoChar(&masked, '@');
		mask_append(&masked, at + 1, dot - (at + 1));
		appendBinaryStringInfo(&masked, dot, end - dot);
	}
	else
		mask_append(&masked, start, end - start);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(masked.data, masked.len));
}
