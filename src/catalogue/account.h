/*
 * account.h
 *		Accounts, as the other rooms need them.
 */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "base/identifier.h"

extern text *catalogue_text_argument(FunctionCallInfo fcinfo, int argument,
									 const char *what);
extern Identifier catalogue_argument(FunctionCallInfo fcinfo, int argument,
									 const char *what);
extern void catalogue_create_account(text *name, const Identifier *account);
extern void catalogue_create_account_at(text *name, const Identifier *account,
										TimestampTz registered_at);
extern void catalogue_label_account(const Identifier *account, text *label);

#endif							/* CATALOGUE_H */
