/*
 * signature.h
 *		Signatures under commission.cref_secret: HMAC-SHA-256 (R27).
 */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include "common/sha2.h"

#define SIGNATURE_BYTES		PG_SHA256_DIGEST_LENGTH

extern void signature_require_secret(void);
extern void signature_make(const uint8 *content, int len, uint8 *signature);
extern bool signature_is_good(const uint8 *content, int len,
							  const uint8 *signature);

#endif							/* SIGNATURE_H */
