/*
 * catalogue.h
 *		Accounts, as the other rooms need them.
 */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include "fmgr.h"

#include "identifier.h"

extern text *catalogue_text_argument(FunctionCallInfo fcinfo, int argument,
									 const char *what);
extern Identifier catalogue_argument(FunctionCallInfo fcinfo, int argument,
									 const char *what);
extern void catalogue_create_account(text *name, const Identifier *account);

#endif							/* CATALOGUE_H */
