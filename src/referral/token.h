/*
 * token.h
 *		cref tokens: the first touch, signed (R27).
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "datatype/timestamp.h"

/*
 * The longest referrer and the longest campaign, in bytes of UTF-8: two such
 * and the rest still make a token of 2,791 characters, which a cookie holds.
 */
#define TOKEN_FIELD_MAX		1024

/* What a token says. */
typedef struct CrefToken
{
	char	   *referrer;		/* never empty */
	TimestampTz touched_at;		/* never infinite */
	char	   *campaign;		/* NULL if none; '' is not none */
} CrefToken;

extern bool token_fits(const char *text, int len);
extern char *token_sign(const CrefToken *token);
extern bool token_read(const char *text, int len, CrefToken *token);

#endif							/* TOKEN_H */
