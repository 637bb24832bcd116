/*
 * touch.c
 *		Clicks, and the first touch that a token carries (R26).
 *
 * A storefront calls touch() for each page that it shows, so it is as cheap
 * as a sale: index look-ups and one appended row, no lock that two visitors
 * could share.   And what it is given was typed by a visitor: whatever that
 * is, it is no error.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/argument.h"
#include "catalogue/resolve.h"
#include "ledger/append.h"
#include "referral/referral.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_read_touch);
PG_FUNCTION_INFO_V1(commission_touch);

/* As much of a landing page as is kept, in bytes. */
#define TOUCH_LANDING_MAX	2048

/* The columns of commission.touch, in their order. */
enum TouchColumn
{
	TOUCH_TOUCHED_AT,
	TOUCH_REFERRER_ID,
	TOUCH_VISIT,
	TOUCH_CAMPAIGN,
	TOUCH_LANDING,
	TOUCH_COLUMNS
};

/* Unique where it is not NULL. */
static const char *const touch_keys[] = {"touch_visit_idx", NULL};

/* A click on the link of an active account. */
typedef struct Touch
{
	TimestampTz touched_at;
	Identifier	referrer;
	char	   *campaign;		/* NULL: none */
	text	   *landing;		/* NULL: not known */
	text	   *visitor;		/* NULL: not known */
} Touch;

/*
 * The account that a visitor's text names; false where it can name none,
 * which is no error here.
 */
static bool
touch_identify(text *name, Identifier *account)
{
	int			len = VARSIZE_ANY_EXHDR(name);

	if (len == 0 || len > IDENTIFIER_MAX_BYTES ||
		!token_fits(VARDATA_ANY(name), len))
		return false;
	*account = identifier_from_text(name, "referrer");
	return true;
}

/*
 * Whether a first touch is alive at a moment: to the microsecond, the last
 * one of the window is in it (R26).
 */
static bool
touch_in_window(TimestampTz touched_at, TimestampTz at)
{
	return (int128) at - touched_at <=
		(int128) settings_attribution_window_days * USECS_PER_DAY;
}

/*
 * Whether an account can be referred to.
 */
static bool
touch_is_active(Resolver *resolver, const pg_uuid_t *account)
{
	return resolve_is_known(resolver, account) &&
		!resolve_is_closed(resolver, account);
}

/*
 * The campaign that a visitor came by, or NULL.
 */
static char *
touch_campaign(FunctionCallInfo fcinfo, int argument)
{
	text	   *campaign;

	if (PG_ARGISNULL(argument))
		return NULL;
	campaign = PG_GETARG_TEXT_PP(argument);
	if (VARSIZE_ANY_EXHDR(campaign) == 0 ||
		!token_fits(VARDATA_ANY(campaign), VARSIZE_ANY_EXHDR(campaign)))
		return NULL;
	return text_to_cstring(campaign);
}

/*
 * The page that a visitor landed on, cut at a character, or NULL.
 */
static text *
touch_landing(FunctionCallInfo fcinfo, int argument)
{
	text	   *landing;
	int			len;

	if (PG_ARGISNULL(argument))
		return NULL;
	landing = PG_GETARG_TEXT_PP(argument);
	len = VARSIZE_ANY_EXHDR(landing);
	return cstring_to_text_with_len(VARDATA_ANY(landing),
									pg_mbcliplen(VARDATA_ANY(landing), len,
												 TOUCH_LANDING_MAX));
}

/*
 * What a visitor, a link and a UTC day make together: the beginning of a
 * signature, from which nobody without the secret finds out who it was, and
 * which has nothing in common with that of another day.  It is that of one
 * node: a hub takes the clicks of all.
 */
static pg_uuid_t
touch_visit(const Touch *touch)
{
	const char *campaign = touch->campaign ? touch->campaign : "";
	int64		day = touch->touched_at / USECS_PER_DAY -
		(touch->touched_at % USECS_PER_DAY < 0 ? 1 : 0);
	uint8		signature[SIGNATURE_BYTES];
	StringInfoData content;
	pg_uuid_t	visit;

	initStringInfo(&content);
	pq_sendbyte(&content, SIGNED_VISIT);
	appendBinaryStringInfo(&content, (const char *) touch->referrer.id.data,
						   UUID_LEN);
	pq_sendint64(&content, day);
	if (settings_node_id != 0)
		pq_sendint16(&content, settings_node_id);
	pq_sendint32(&content, strlen(campaign));
	appendStringInfoString(&content, campaign);
	appendBinaryStringInfo(&content, VARDATA_ANY(touch->visitor),
						   VARSIZE_ANY_EXHDR(touch->visitor));
	signature_make((const uint8 *) content.data, content.len, signature);
	memcpy(visit.data, signature, UUID_LEN);
	return visit;
}

/*
 * Append a click, unless the visitor has made it already.
 */
static void
touch_append(const Touch *touch)
{
	Appender   *appender = append_open("touch", TOUCH_COLUMNS,
									   touch->visitor ? touch_keys : NULL);
	pg_uuid_t	visit;
	Datum		values[TOUCH_COLUMNS] = {0};
	bool		nulls[TOUCH_COLUMNS] = {false};

	values[TOUCH_TOUCHED_AT] = TimestampTzGetDatum(touch->touched_at);
	values[TOUCH_REFERRER_ID] = UUIDPGetDatum(&touch->referrer.id);
	if (touch->campaign)
		values[TOUCH_CAMPAIGN] = CStringGetTextDatum(touch->campaign);
	nulls[TOUCH_CAMPAIGN] = touch->campaign == NULL;
	values[TOUCH_LANDING] = PointerGetDatum(touch->landing);
	nulls[TOUCH_LANDING] = touch->landing == NULL;
	nulls[TOUCH_VISIT] = touch->visitor == NULL;
	if (touch->visitor)
	{
		visit = touch_visit(touch);
		values[TOUCH_VISIT] = UUIDPGetDatum(&visit);
		(void) append_put_new(appender, values, nulls);
	}
	else
		append_put(appender, values, nulls);
	append_close(appender);
}

/*
 * Whether a token carries a first touch that a sign-up at this moment would
 * complete.  One whose referrer has been closed would keep the visitor from
 * every other for nothing, so it is dead.
 */
static bool
touch_is_alive(Resolver *resolver, text *token, TimestampTz at)
{
	CrefToken	first;
	Identifier	referrer;

	signature_require_secret();
	return token_read(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &first) &&
		touch_in_window(first.touched_at, at) &&
		touch_identify(cstring_to_text(first.referrer), &referrer) &&
		touch_is_active(resolver, &referrer.id);
}

/*
 * A token for a click that is a first touch.
 */
static text *
touch_sign(const Touch *touch)
{
	CrefToken	first = {
		.referrer = text_to_cstring(identifier_text(&touch->referrer)),
		.touched_at = touch->touched_at,
		.campaign = touch->campaign
	};

	return cstring_to_text(token_sign(&first));
}

/*
 * read_touch(token text, at timestamptz)
 *
 * That no token can be read for want of a secret is an error: it must not
 * pass for a bad token, or the referral would be lost.
 */
Datum
commission_read_touch(PG_FUNCTION_ARGS)
{
	TimestampTz at = argument_time(fcinfo, 1, "at");
	text	   *token;
	CrefToken	first;
	Identifier	referrer;
	TupleDesc	tupdesc;
	Datum		values[5] = {0};
	bool		nulls[5] = {false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	token = PG_GETARG_TEXT_PP(0);
	signature_require_secret();
	if (!token_read(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &first))
		PG_RETURN_NULL();

	values[0] = CStringGetTextDatum(first.referrer);
	values[1] = TimestampTzGetDatum(first.touched_at);
	nulls[2] = first.campaign == NULL || *first.campaign == '\0';
	if (!nulls[2])
		values[2] = CStringGetTextDatum(first.campaign);
	nulls[3] = !touch_identify(DatumGetTextPP(values[0]), &referrer);
	if (!nulls[3])
		values[3] = UUIDPGetDatum(&referrer.id);
	values[4] = BoolGetDatum(touch_in_window(first.touched_at, at));

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/*
 * touch(cref text, token text, campaign text, landing text,
 * touched_at timestamptz, visitor text)
 */
Datum
commission_touch(PG_FUNCTION_ARGS)
{
	Resolver   *resolver = resolve_open();
	Touch		touch = {0};
	bool		is_click;
	text	   *keep = NULL;

	touch.touched_at = argument_time(fcinfo, 4, "touched_at");
	is_click = !PG_ARGISNULL(0) &&
		touch_identify(PG_GETARG_TEXT_PP(0), &touch.referrer) &&
		touch_is_active(resolver, &touch.referrer.id);
	if (is_click)
	{
		PreventCommandIfReadOnly("touch()");
		touch.campaign = touch_campaign(fcinfo, 2);
		touch.landing = touch_landing(fcinfo, 3);
		if (!PG_ARGISNULL(5) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(5)) > 0)
			touch.visitor = PG_GETARG_TEXT_PP(5);
		touch_append(&touch);
	}

	if (!PG_ARGISNULL(1) &&
		touch_is_alive(resolver, PG_GETARG_TEXT_PP(1), touch.touched_at))
		keep = PG_GETARG_TEXT_PP(1);
	else if (is_click)
		keep = touch_sign(&touch);
	resolve_close(resolver);

	if (keep == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(keep);
}
