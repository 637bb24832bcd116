/*
 * checks.h
 *		CHECK constraints of the tables appended to, planned once a session.
 */
#ifndef CHECKS_H
#define CHECKS_H

#include "nodes/execnodes.h"

extern void checks_prepare(ResultRelInfo *result, EState *estate);

#endif							/* CHECKS_H */
