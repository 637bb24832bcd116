/*
 * token.c
 *		cref tokens: the first touch, signed (R27).
 *
 * A token is base64url without padding (RFC 4648, section 5) of the content
 * and its HMAC-SHA-256 under commission.cref_secret, 32 bytes.  The content,
 * integers in network byte order, text in UTF-8 whatever the encoding of the
 * database:
 *
 *		uint8	version, 1
 *		int64	touched_at, microseconds since 2000-01-01 00:00 UTC
 *		uint16	length of the referrer, and the referrer
 *		uint16	length of the campaign, and the campaign; neither if it is NULL
 *
 * So no two contents share an encoding, and what token_decode() accepts has
 * one spelling only.  No content is the beginning of a JSON Web Token, whose
 * signed text starts with "ey", should somebody use one secret for both.
 *
 * No table is read; nothing but the secrets (signature.c) is needed.
 */
#include "commission.h"

#include "catalog/namespace.h"
#include "common/base64.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "referral/referral.h"

PG_FUNCTION_INFO_V1(commission_sign_cref);
PG_FUNCTION_INFO_V1(commission_read_cref);

/* Content and MAC before the encoding, and the token itself. */
#define TOKEN_RAW_MAX \
	(sizeof(uint8) + sizeof(int64) + 2 * (sizeof(uint16) + TOKEN_FIELD_MAX) + \
	 SIGNATURE_BYTES)
#define TOKEN_CHARS_MAX		((TOKEN_RAW_MAX * 4 + 2) / 3)

/* base64 fills up to a multiple of four characters. */
#define TOKEN_PADDING_MAX	3

/* What has not been read yet of a content. */
typedef struct TokenReader
{
	const uint8 *next;
	const uint8 *end;
} TokenReader;

/*
 * base64url without padding; gives the number of characters.  There must be
 * room for the padding, and what is left of the room is unchanged or '='.
 * (The casts to void * suit majors in which raw bytes are char and majors in
 * which they are uint8.)
 */
static int
token_encode(const uint8 *raw, int len, char *text, int room)
{
	int			chars = pg_b64_encode((const void *) raw, len, text, room);

	if (chars < 0)
		elog(ERROR, "could not encode %d bytes in %d characters", len, room);
	while (chars > 0 && text[chars - 1] == '=')
		chars--;
	for (int i = 0; i < chars; i++)
	{
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	return chars;
}

/*
 * The bytes that a text stands for, or -1 if it is not what token_encode()
 * gives for them: whatever a decoder lets pass (set bits after the last
 * byte, padding, the alphabet of plain base64) does not come back the same.
 */
static int
token_decode(const char *text, int len, uint8 *raw)
{
	char		base64[TOKEN_CHARS_MAX + TOKEN_PADDING_MAX];
	char		again[TOKEN_CHARS_MAX + TOKEN_PADDING_MAX];
	int			chars = len;
	int			bytes;

	if (len <= 0 || len > (int) TOKEN_CHARS_MAX)
		return -1;

	for (int i = 0; i < len; i++)
		base64[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (chars % 4 != 0)
		base64[chars++] = '=';

	bytes = pg_b64_decode(base64, chars, (void *) raw, TOKEN_RAW_MAX);
	if (bytes < 0 ||
		token_encode(raw, bytes, again, sizeof(again)) != len ||
		memcmp(again, text, len) != 0)
		return -1;
	return bytes;
}

/*
 * Append a text to a content; name is what an error calls it.
 */
static void
token_put_text(StringInfo content, const char *text, const char *name)
{
	const char *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	size_t		len = strlen(utf8);

	if (len > TOKEN_FIELD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is too long for a referral token", name),
				 errdetail("It has %zu bytes in UTF-8; at most %d are allowed.",
						   len, TOKEN_FIELD_MAX)));
	pq_sendint16(content, (uint16) len);
	appendBinaryStringInfo(content, utf8, (int) len);
}

/*
 * A text in another encoding, or NULL if it has a character that this lacks.
 * SQL_ASCII stands for no encoding in particular.
 */
static char *
token_convert(const char *text, int len, int from, int to)
{
	int			room = len * MAX_CONVERSION_GROWTH + 1;
	Oid			conversion;
	char	   *converted;

	if (len == 0 || from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return pnstrdup(text, len);

	conversion = FindDefaultConversionProc(from, to);
	if (!OidIsValid(conversion))
		return NULL;
	converted = palloc(room);
	if (pg_do_encoding_conversion_buf(conversion, from, to,
									  unconstify(unsigned char *,
												 (const unsigned char *) text),
									  len, (unsigned char *) converted, room,
									  true) != len)
		return NULL;
	return converted;
}

/*
 * UTF-8 as text in the database's encoding, or NULL if it is none or has a
 * character that the encoding lacks.
 */
static char *
token_text_from_utf8(const char *utf8, int len)
{
	if (!pg_verify_mbstr(PG_UTF8, utf8, len, true))
		return NULL;
	return token_convert(utf8, len, PG_UTF8, GetDatabaseEncoding());
}

/*
 * Whether token_sign() takes a text as it is: one that has a form in UTF-8,
 * and a short enough one.
 */
bool
token_fits(const char *text, int len)
{
	const char *utf8;

	/* No encoding needs more than three times the bytes of UTF-8. */
	if (len > 3 * TOKEN_FIELD_MAX)
		return false;
	utf8 = token_convert(text, len, GetDatabaseEncoding(), PG_UTF8);
	return utf8 != NULL && strlen(utf8) <= TOKEN_FIELD_MAX &&
		pg_verify_mbstr(PG_UTF8, utf8, strlen(utf8), true);
}

/*
 * Take the next bytes of a content; false if there are not so many.
 */
static bool
token_take(TokenReader *reader, void *bytes, size_t len)
{
	if ((size_t) (reader->end - reader->next) < len)
		return false;
	memcpy(bytes, reader->next, len);
	reader->next += len;
	return true;
}

/*
 * Take the next text of a content; NULL if there is none.
 */
static char *
token_take_text(TokenReader *reader)
{
	char		utf8[TOKEN_FIELD_MAX];
	uint16		len;

	if (!token_take(reader, &len, sizeof(len)))
		return NULL;
	len = pg_ntoh16(len);
	if (len > TOKEN_FIELD_MAX || !token_take(reader, utf8, len))
		return NULL;
	return token_text_from_utf8(utf8, len);
}

/*
 * What a content says; false unless it is one that token_sign() writes.
 */
static bool
token_parse(const uint8 *content, int len, CrefToken *token)
{
	TokenReader reader = {content, content + len};
	CrefToken	parsed = {0};
	uint8		version;
	int64		touched_at;

	if (!token_take(&reader, &version, sizeof(version)) ||
		version != SIGNED_TOKEN ||
		!token_take(&reader, &touched_at, sizeof(touched_at)))
		return false;

	parsed.touched_at = (TimestampTz) pg_ntoh64(touched_at);
	parsed.referrer = token_take_text(&reader);
	if (!IS_VALID_TIMESTAMP(parsed.touched_at) ||
		parsed.referrer == NULL || *parsed.referrer == '\0')
		return false;

	if (reader.next < reader.end)
	{
		parsed.campaign = token_take_text(&reader);
		if (parsed.campaign == NULL || reader.next < reader.end)
			return false;
	}
	*token = parsed;
	return true;
}

/*
 * Sign a first touch under the current secret; the token is allocated in the
 * current memory context.
 */
char *
token_sign(const CrefToken *token)
{
	StringInfoData content;
	uint8		mac[SIGNATURE_BYTES];
	char	   *text;
	int			room;
	int			chars;

	if (token->referrer[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("referrer must not be empty")));
	if (!IS_VALID_TIMESTAMP(token->touched_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("time of a touch must be finite")));

	initStringInfo(&content);
	pq_sendint8(&content, SIGNED_TOKEN);
	pq_sendint64(&content, (uint64) token->touched_at);
	token_put_text(&content, token->referrer, "referrer");
	if (token->campaign != NULL)
		token_put_text(&content, token->campaign, "campaign");

	signature_make((const uint8 *) content.data, content.len, mac);
	appendBinaryStringInfo(&content, (const char *) mac, sizeof(mac));
	Assert(content.len <= (int) TOKEN_RAW_MAX);

	room = pg_b64_enc_len(content.len) + TOKEN_PADDING_MAX;
	text = palloc(room + 1);
	chars = token_encode((const uint8 *) content.data, content.len, text, room);
	text[chars] = '\0';
	Assert(chars <= (int) TOKEN_CHARS_MAX);

	pfree(content.data);
	return text;
}

/*
 * Read a token of len bytes, in the current memory context.  False if it is
 * not good, whatever is wrong; *token is set only if it is.  With no secret
 * that can be used, no token is good (see signature_require_secret()).
 */
bool
token_read(const char *text, int len, CrefToken *token)
{
	uint8		raw[TOKEN_RAW_MAX];
	int			content_len = token_decode(text, len, raw) - SIGNATURE_BYTES;

	return content_len > 0 &&
		signature_is_good(raw, content_len, raw + content_len) &&
		token_parse(raw, content_len, token);
}

/*
 * sign_cref(referrer text, touched_at timestamptz, campaign text)
 */
Datum
commission_sign_cref(PG_FUNCTION_ARGS)
{
	CrefToken	token = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();

	token.referrer = text_to_cstring(PG_GETARG_TEXT_PP(0));
	token.touched_at = PG_GETARG_TIMESTAMPTZ(1);
	if (!PG_ARGISNULL(2))
		token.campaign = text_to_cstring(PG_GETARG_TEXT_PP(2));
	PG_RETURN_TEXT_P(cstring_to_text(token_sign(&token)));
}

/*
 * read_cref(token text): one row, or an error that does not say what is
 * wrong with the token.
 */
Datum
commission_read_cref(PG_FUNCTION_ARGS)
{
	text	   *argument = PG_GETARG_TEXT_PP(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CrefToken	token;
	Datum		values[3] = {0};
	bool		nulls[3] = {false, false, false};

	signature_require_secret();
	if (!token_read(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument), &token))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid referral token"),
				 errdetail("A token is good only as it was given, and only under commission.cref_secret or commission.cref_secret_previous.")));

	values[0] = CStringGetTextDatum(token.referrer);
	values[1] = TimestampTzGetDatum(token.touched_at);
	if (token.campaign != NULL)
		values[2] = CStringGetTextDatum(token.campaign);
	else
		nulls[2] = true;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
