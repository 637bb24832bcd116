/*
 * signature.c
 *		Signatures under commission.cref_secret: HMAC-SHA-256 (R27).
 *
 * A new secret signs; that before it, commission.cref_secret_previous, is
 * good for reading only.
 */
#include "commission.h"

#include "common/cryptohash.h"
#include "common/hmac.h"

#include "referral/referral.h"
#include "settings.h"

/*
 * Whether a secret is long enough to be used at all.
 */
static bool
signature_is_usable(const char *secret)
{
	return secret != NULL && strlen(secret) >= CREF_SECRET_MIN_BYTES;
}

/*
 * There is nothing to sign with.
 */
static void
signature_no_secret(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("commission.cref_secret is not set or is too short"),
			 errdetail("Referral tokens are signed under a secret of at least %d bytes.",
					   CREF_SECRET_MIN_BYTES),
			 errhint("Make one, for example with \"openssl rand -hex 32\", put it into postgresql.conf as commission.cref_secret, and reload.")));
}

/*
 * An error where no token whatever could be read, for those to whom a lost
 * secret must not look like a bad token.
 */
void
signature_require_secret(void)
{
	if (!signature_is_usable(settings_cref_secret) &&
		!signature_is_usable(settings_cref_secret_previous))
		signature_no_secret();
}

/*
 * The HMAC-SHA-256 of a content under a secret.
 */
static void
signature_compute(const char *secret, const uint8 *content, int len,
				  uint8 *mac)
{
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);

	if (pg_hmac_init(ctx, (const uint8 *) secret, strlen(secret)) < 0 ||
		pg_hmac_update(ctx, content, len) < 0 ||
		pg_hmac_final(ctx, mac, SIGNATURE_BYTES) < 0)
	{
		const char *reason = pg_hmac_error(ctx);

		pg_hmac_free(ctx);
		elog(ERROR, "could not compute HMAC: %s", reason);
	}
	pg_hmac_free(ctx);
}

/*
 * Whether two signatures are equal, in a time that does not depend on where
 * they differ.
 */
static bool
signature_equal(const uint8 *a, const uint8 *b)
{
	volatile uint8 difference = 0;

	for (int i = 0; i < SIGNATURE_BYTES; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/*
 * Sign a content under the current secret.
 */
void
signature_make(const uint8 *content, int len, uint8 *signature)
{
	if (!signature_is_usable(settings_cref_secret))
		signature_no_secret();
	signature_compute(settings_cref_secret, content, len, signature);
}

/*
 * Whether a content's signature was made under one of the secrets.  Both are
 * tried whatever the first says, so that time does not tell which it was.
 */
bool
signature_is_good(const uint8 *content, int len, const uint8 *signature)
{
	const char *const secrets[] = {
		settings_cref_secret, settings_cref_secret_previous
	};
	bool		good = false;

	for (int i = 0; i < (int) lengthof(secrets); i++)
	{
		uint8		mac[SIGNATURE_BYTES];

		if (!signature_is_usable(secrets[i]))
			continue;
		signature_compute(secrets[i], content, len, mac);
		good |= signature_equal(mac, signature);
	}
	return good;
}
