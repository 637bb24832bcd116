/*
 * argument.h
 *		Arguments of functions, as several check them.
 */
#ifndef ARGUMENT_H
#define ARGUMENT_H

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "base/identifier.h"

extern text *argument_text(FunctionCallInfo fcinfo, int argument,
						   const char *what);
extern Identifier argument_identifier(FunctionCallInfo fcinfo, int argument,
									  const char *what);
extern TimestampTz argument_time(FunctionCallInfo fcinfo, int argument,
								 const char *what);

#endif							/* ARGUMENT_H */
