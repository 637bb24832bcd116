/*
 * attribution.h
 *		First touches, as the rooms of touches and of attempts see them.
 */
#ifndef ATTRIBUTION_H
#define ATTRIBUTION_H

#include "datatype/timestamp.h"

#include "base/identifier.h"

extern bool attribution_identify(text *name, Identifier *account);
extern bool attribution_in_window(TimestampTz touched_at, TimestampTz at);

#endif							/* ATTRIBUTION_H */
