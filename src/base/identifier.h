/*
 * identifier.h
 *		The application's identifiers as uuids.
 */
#ifndef IDENTIFIER_H
#define IDENTIFIER_H

#include "utils/uuid.h"

/* Longer than any identifier that an application would index itself. */
#define IDENTIFIER_MAX_BYTES	1024

/* A key, and the name that it stands for where the key does not tell it. */
typedef struct Identifier
{
	pg_uuid_t	id;
	text	   *name;			/* NULL: identifier_name(id) has it */
} Identifier;

extern Identifier identifier_from_text(text *name, const char *what);
extern pg_uuid_t identifier_from_int64(int64 number);
extern text *identifier_name(const pg_uuid_t *id);
extern text *identifier_text(const Identifier *identifier);

static inline bool
identifier_equal(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN) == 0;
}

#endif							/* IDENTIFIER_H */
