/*
 * commission.c
 *		Module magic and the library's start, which only delegates.
 */
#include "commission.h"

#include "fmgr.h"

#include "settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

/*
 * Called once per backend, when the first of our functions is loaded.
 */
void
_PG_init(void)
{
	settings_init();
}
