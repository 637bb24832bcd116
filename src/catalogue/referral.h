/*
 * referral.h
 *		Who referred an account, and every change of that (R29).
 */
#ifndef REFERRAL_H
#define REFERRAL_H

#include "datatype/timestamp.h"

#include "base/identifier.h"

/* A change of an account's referrer for a role. */
typedef struct ReferralChange
{
	const pg_uuid_t *account;
	const pg_uuid_t *referrer;	/* NULL: the referral is ended */
	const char *role;
	TimestampTz attributed_at;	/* unless it is ended */
	const TimestampTz *signed_up_at;	/* NULL: as it is known here */
	const char *campaign;		/* NULL: none */
	text	   *reason;			/* NULL: none */
} ReferralChange;

extern const char *referral_role_argument(FunctionCallInfo fcinfo,
										  int argument);
extern TimestampTz referral_time_argument(FunctionCallInfo fcinfo,
										  int argument, const char *what);
extern bool referral_set(const ReferralChange *change);

#endif							/* REFERRAL_H */
