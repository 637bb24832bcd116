/*
 * identifier.c
 *		The application's identifiers as uuids.
 *
 * Applications name accounts, listings, generations and orders by uuid,
 * bigint or text; inside, each is a uuid by a pure function, so that every
 * machine comes to the same key:
 *
 *	- a uuid in its canonical spelling, in either case, stands for itself;
 *	- a whole number that fits in bigint, in its canonical spelling, is
 *	  embedded reversibly and in order in a version-8 uuid (RFC 9562);
 *	- any other text becomes the name-based uuid (version 5) of its UTF-8 form.
 */
#include "commission.h"

#include <ctype.h>

#include "common/cryptohash.h"
#include "common/sha1.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/identifier.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(commission_account_id);
PG_FUNCTION_INFO_V1(commission_identifier_key);
PG_FUNCTION_INFO_V1(commission_identifier_name);

#define UUID_TEXT_LEN		36

/* The namespace of names (version 5); it may never change. */
static const unsigned char identifier_namespace[UUID_LEN] = {
	0x6f, 0x9b, 0x1c, 0x52, 0x3e, 0x0d, 0x4a, 0x87,
	0x9d, 0x5a, 0x2c, 0x71, 0xe4, 0x08, 0xb6, 0x93
};

/*
 * What follows a number in its version-8 uuid, so that it can be told from other
 * uuids of that version; it may never change either.
 */
static const unsigned char identifier_number_tag[7] = {
	'c', 'o', 'm', 'm', 'i', 's', 's'
};

/*
 * A number in a version-8 uuid.  Shifted to be unsigned, it fills the bits
 * that version and variant leave from the front: 48 bits, 12 and 4.
 */
pg_uuid_t
identifier_from_int64(int64 number)
{
	uint64		ordered = (uint64) number ^ (UINT64CONST(1) << 63);
	uint64		front = pg_hton64((ordered & ~UINT64CONST(0xFFFF)) |
								  0x8000 | ((ordered >> 4) & 0x0FFF));
	pg_uuid_t	id;

	memcpy(id.data, &front, sizeof(front));
	id.data[8] = 0x80 | ((ordered & 0x0F) << 2);
	memcpy(id.data + 9, identifier_number_tag, sizeof(identifier_number_tag));
	return id;
}

/*
 * The number that a uuid embeds; false if it is not of that kind.
 */
static bool
identifier_to_int64(const pg_uuid_t *id, int64 *number)
{
	uint64		front;

	if (memcmp(id->data + 9, identifier_number_tag,
			   sizeof(identifier_number_tag)) != 0 ||
		(id->data[6] & 0xF0) != 0x80 || (id->data[8] & 0xC3) != 0x80)
		return false;

	memcpy(&front, id->data, sizeof(front));
	front = pg_ntoh64(front);
	*number = (int64) (((front & ~UINT64CONST(0xFFFF)) |
						((front & 0x0FFF) << 4) |
						((id->data[8] >> 2) & 0x0F)) ^
					   (UINT64CONST(1) << 63));
	return true;
}

/*
 * The name-based uuid (RFC 9562, version 5) of a name's UTF-8 form.
 */
static pg_uuid_t
identifier_from_name(const char *name, int len)
{
	char	   *utf8 = pg_server_to_any(name, len, PG_UTF8);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA1);
	uint8		digest[SHA1_DIGEST_LENGTH];
	pg_uuid_t	id;

	if (hash == NULL ||
		pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, identifier_namespace, UUID_LEN) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) utf8,
							 utf8 == name ? len : (int) strlen(utf8)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-1 of an identifier");
	pg_cryptohash_free(hash);

	memcpy(id.data, digest, UUID_LEN);
	id.data[6] = (id.data[6] & 0x0F) | 0x50;
	id.data[8] = (id.data[8] & 0x3F) | 0x80;
	return id;
}

/*
 * Whether the text is a uuid in its canonical spelling, the only one of those
 * that uuid_in accepts that is taken for a uuid here.
 */
static bool
identifier_parse_uuid(const char *name, int len, pg_uuid_t *id)
{
	char		canonical[UUID_TEXT_LEN + 1];

	if (len != UUID_TEXT_LEN)
		return false;
	for (int i = 0; i < len; i++)
	{
		bool		dash = (i == 8 || i == 13 || i == 18 || i == 23);

		if (dash ? name[i] != '-' : !isxdigit((unsigned char) name[i]))
			return false;
	}
	memcpy(canonical, name, len);
	canonical[len] = '\0';
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in,
											 CStringGetDatum(canonical)));
	return true;
}

/*
 * Whether the text is a whole number in its canonical spelling: no plus, no
 * leading zero, no blank.
 */
static bool
identifier_parse_int64(const char *name, int len, int64 *number)
{
	char		canonical[MAXINT8LEN + 1];
	char		digits[MAXINT8LEN + 1];
	int			canonical_len;

	if (len >= (int) sizeof(digits) ||
		!(name[0] == '-' || (name[0] >= '0' && name[0] <= '9')))
		return false;
	memcpy(digits, name, len);
	digits[len] = '\0';
	errno = 0;
	*number = strtoi64(digits, NULL, 10);
	canonical_len = pg_lltoa(*number, canonical);
	return errno == 0 && canonical_len == len &&
		memcmp(canonical, name, len) == 0;
}

/*
 * The key of an identifier given as text.  What names its role in messages.
 */
Identifier
identifier_from_text(text *name, const char *what)
{
	const char *data = VARDATA_ANY(name);
	int			len = VARSIZE_ANY_EXHDR(name);
	Identifier	identifier = {{{0}}, NULL};
	int64		number;

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	if (len > IDENTIFIER_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is too long", what),
				 errdetail("It has %d bytes; an identifier has at most %d.",
						   len, IDENTIFIER_MAX_BYTES)));

	if (identifier_parse_uuid(data, len, &identifier.id))
		return identifier;
	if (identifier_parse_int64(data, len, &number))
	{
		identifier.id = identifier_from_int64(number);
		return identifier;
	}
	identifier.id = identifier_from_name(data, len);
	identifier.name = name;
	return identifier;
}

/*
 * The identifier that a key stands for: a number or a uuid.  A key does not
 * give a text back; code that needs the text keeps it.
 */
text *
identifier_name(const pg_uuid_t *id)
{
	int64		number;
	char		digits[MAXINT8LEN + 1];

	if (!identifier_to_int64(id, &number))
		return cstring_to_text(DatumGetCString(DirectFunctionCall1(uuid_out,
																   UUIDPGetDatum(id))));
	pg_lltoa(number, digits);
	return cstring_to_text(digits);
}

/*
 * The identifier as the application gave it, for messages.
 */
text *
identifier_text(const Identifier *identifier)
{
	return identifier->name ? identifier->name :
		identifier_name(&identifier->id);
}

/*
 * account_id(name text)
 */
Datum
commission_account_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	*id = identifier_from_text(PG_GETARG_TEXT_PP(0), "identifier").id;
	PG_RETURN_UUID_P(id);
}

/*
 * identifier_key(name text): account_id(), but NULL for what cannot be an
 * identifier, so that a search for it finds nothing.
 */
Datum
commission_identifier_key(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(name);
	pg_uuid_t  *id;

	if (len == 0 || len > IDENTIFIER_MAX_BYTES)
		PG_RETURN_NULL();
	id = palloc(sizeof(pg_uuid_t));
	*id = identifier_from_text(name, "identifier").id;
	PG_RETURN_UUID_P(id);
}

/*
 * identifier_name(id uuid)
 */
Datum
commission_identifier_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(identifier_name(PG_GETARG_UUID_P(0)));
}
