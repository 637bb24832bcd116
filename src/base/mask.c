/*
 * mask.c
 *		How a buyer is shown to others (R34).
 *
 * A pure leaf.  Whatever is hidden, four stars stand for it.
 */
#include "commission.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(commission_mask);

#define MASK_STARS	"****"

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
 * mask(label text): an e-mail address keeps the first character of its local
 * part and of its domain, and the domain's last label; a name its first
 * character.
 */
Datum
commission_mask(PG_FUNCTION_ARGS)
{
	text	   *label = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(label);
	const char *end = start + VARSIZE_ANY_EXHDR(label);
	const char *at = NULL;
	const char *dot = NULL;
	StringInfoData masked;

	/* Neither '@' nor '.' is part of another character in a server encoding. */
	for (const char *p = start; p < end; p++)
	{
		if (*p == '@')
		{
			at = p;
			dot = NULL;
		}
		else if (*p == '.')
			dot = p;
	}

	initStringInfo(&masked);
	if (at == NULL)
		mask_append(&masked, start, end - start);
	else
	{
		mask_append(&masked, start, at - start);
		appendStringInfoChar(&masked, '@');
		mask_append(&masked, at + 1, (dot ? dot : end) - (at + 1));
		if (dot)
			appendBinaryStringInfo(&masked, dot, end - dot);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(masked.data, masked.len));
}
