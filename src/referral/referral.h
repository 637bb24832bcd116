/*
 * referral.h
 *		First touches: their tokens and the signatures of these (R26, R27).
 */
#ifndef REFERRAL_H
#define REFERRAL_H

#include "common/sha2.h"
#include "datatype/timestamp.h"

#define SIGNATURE_BYTES		PG_SHA256_DIGEST_LENGTH

/*
 * The longest referrer and the longest campaign, in bytes of UTF-8: two such
 * and the rest still make a token of 2,791 characters, which a cookie holds.
 */
#define TOKEN_FIELD_MAX		1024

/* The first byte of what is signed, which says what it is. */
#define SIGNED_TOKEN		1
#define SIGNED_VISIT		2

/* What a token says. */
typedef struct CrefToken
{
	char	   *referrer;		/* never empty */
	TimestampTz touched_at;		/* never infinite */
	char	   *campaign;		/* NULL if none; '' is not none */
} CrefToken;

extern void signature_require_secret(void);
extern void signature_make(const uint8 *content, int len, uint8 *signature);
extern bool signature_is_good(const uint8 *content, int len,
							  const uint8 *signature);

extern bool token_fits(const char *text, int len);
extern char *token_sign(const CrefToken *token);
extern bool token_read(const char *text, int len, CrefToken *token);

#endif							/* REFERRAL_H */
