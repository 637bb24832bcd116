/*
 * mirror.c
 *		Rows of the application's tables of accounts, listings and prices, taken
 *		into the catalogue.
 *
 * They are read as the mapping says, and passed on, so many at once, to the
 * SQL function that takes rows of the kind, which register_listing() and
 * set_model_price() call, too.  It runs with the rights of the extension's
 * owner.
 *
 * Memory: the caller's context.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalogue/mirror.h"

/*
 * Names the row in the error context.
 */
static void
mirror_error_context(void *arg)
{
	const Mirror *mirror = arg;

	if (mirror->position)
		errcontext("commission on %s \"%s\" of \"%s\"",
				   mirror->class->noun, mirror->position, mirror->relation);
	else
		errcontext("commission on the %ss of \"%s\"",
				   mirror->class->noun, mirror->relation);
}

/*
 * Begin to take rows, so many at once, as a trigger's arguments map their
 * columns.
 */
Mirror *
mirror_begin(const MirrorClass *class, TupleDesc tupdesc,
			 const char *relation, const Trigger *trigger, int max)
{
	Mirror	   *mirror = palloc0(sizeof(Mirror));

	Assert(class->ncolumns <= MIRROR_COLUMNS_MAX);
	columns_resolve(tupdesc, relation, class->columns, class->ncolumns,
					trigger->tgnargs, trigger->tgargs, mirror->columns);
	for (int i = 0; i < class->ncolumns; i++)
	{
		mirror->values[i] = palloc(max * sizeof(Datum));
		mirror->nulls[i] = palloc(max * sizeof(bool));
	}
	mirror->keeps_groups = class->group_column > 0 &&
		mirror->columns[class->group_column].attnum == 0;
	mirror->class = class;
	mirror->relation = relation;
	mirror->callback.previous = error_context_stack;
	mirror->callback.callback = mirror_error_context;
	mirror->callback.arg = mirror;
	error_context_stack = &mirror->callback;
	return mirror;
}

/*
 * The kind of a listing must be one.
 */
static void
mirror_check_kind(const text *kind)
{
	char	   *label = kind ? text_to_cstring(kind) : NULL;

	if (label && strcmp(label, "avatar") != 0 &&
		strcmp(label, "reference") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of listing: \"%s\"", label),
				 errdetail("The kinds are avatar and reference.")));
}

/*
 * Read a column of a row: as text, bigint, boolean or jsonb; false for NULL.
 */
static bool
mirror_read_column(const Column *column, ColumnClass class, const Row *row,
				   Datum *value)
{
	Identifier	identifier;
	int64		credits;

	switch (class)
	{
		case COLUMN_IDENTIFIER:
			if (!column_identifier(column, row, &identifier))
				return false;
			*value = PointerGetDatum(identifier_text(&identifier));
			return true;
		case COLUMN_AMOUNT:
			if (!column_amount(column, row, &credits))
				return false;
			*value = Int64GetDatum(credits);
			return true;
		case COLUMN_MARK:
			*value = BoolGetDatum(column_mark(column, row));
			return column->attnum != 0;
		case COLUMN_JSON:
			*value = PointerGetDatum(column_json(column, row));
			return DatumGetPointer(*value) != NULL;
		default:
			*value = PointerGetDatum(column_text(column, row));
			if (class == COLUMN_LISTING_KIND)
				mirror_check_kind((text *) DatumGetPointer(*value));
			return DatumGetPointer(*value) != NULL;
	}
}

/*
 * Read a row, into the next place.
 */
void
mirror_read(Mirror *mirror, TupleTableSlot *slot)
{
	const MirrorClass *class = mirror->class;
	const Row	row = {.slot = slot};
	int			n = mirror->n;

	for (int i = 0; i < class->ncolumns; i++)
	{
		mirror->nulls[i][n] = !mirror_read_column(&mirror->columns[i],
												  class->columns[i].class,
												  &row, &mirror->values[i][n]);
		if (i == 0)
			mirror->position = TextDatumGetCString(mirror->values[0][n]);
	}
	mirror->n++;
}

/*
 * The type as which a column is passed on.
 */
static Oid
mirror_type(ColumnClass class)
{
	return class == COLUMN_AMOUNT ? INT8OID : class == COLUMN_MARK ? BOOLOID :
		class == COLUMN_JSON ? JSONBOID : TEXTOID;
}

/*
 * Take the rows that were read.
 */
void
mirror_take(Mirror *mirror)
{
	const MirrorClass *class = mirror->class;
	StatementCaller caller;
	Params		params = {0};
	int			lower_bound = 1;

	if (mirror->n == 0)
		return;
	for (int i = 0; i < class->ncolumns; i++)
	{
		Oid			type = mirror_type(class->columns[i].class);
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(type, &length, &by_value, &alignment);
		params_add(&params,
				   PointerGetDatum(construct_md_array(mirror->values[i],
													  mirror->nulls[i],
													  1, &mirror->n,
													  &lower_bound, type,
													  length, by_value,
													  alignment)));
	}
	if (class->kept_column > 0)
		params_add(&params,
				   BoolGetDatum(mirror->columns[class->kept_column].attnum == 0));
	if (class->group_column > 0)
		params_add_nullable(&params, CStringGetTextDatum(mirror->relation),
							mirror->keeps_groups);
	statement_connect(&caller);
	statement_execute(class->take, &params);
	statement_finish(&caller);
	mirror->n = 0;
}

/*
 * End: errors are no longer about these rows.
 */
void
mirror_end(Mirror *mirror)
{
	error_context_stack = mirror->callback.previous;
}
