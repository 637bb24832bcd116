/*
 * link.h
 *		Referral links.
 */
#ifndef LINK_H
#define LINK_H

#include "lib/stringinfo.h"

extern void link_append_escaped(StringInfo escaped, char byte);

#endif							/* LINK_H */
