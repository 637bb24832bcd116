/*
 * withdrawal_state.c
 *		The states of a withdrawal, the law of its transitions, and the
 *		triggers that keep it (R23).
 *
 * Whoever changes a state, be it one of the functions of withdrawal.c or a
 * superuser, does so by an UPDATE: the guard refuses what is no transition,
 * and the follower writes down what was done and gives the credits back.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "ledger.h"
#include "lookup.h"
#include "statement.h"
#include "withdrawal.h"

PG_FUNCTION_INFO_V1(commission_withdrawal_can_become);
PG_FUNCTION_INFO_V1(commission_guard_withdrawal);
PG_FUNCTION_INFO_V1(commission_follow_withdrawal);

#define STATE_BIT(state)	(1 << (state))

static const char *const state_labels[WITHDRAWAL_STATES] = {
	[WITHDRAWAL_REQUESTED] = "requested",
	[WITHDRAWAL_APPROVED] = "approved",
	[WITHDRAWAL_UNKNOWN] = "unknown",
	[WITHDRAWAL_PAID] = "paid",
	[WITHDRAWAL_CANCELLED] = "cancelled",
	[WITHDRAWAL_REJECTED] = "rejected",
	[WITHDRAWAL_FAILED] = "failed"
};

/* R23: what may follow each state; nothing follows those left out. */
static const int next_states[WITHDRAWAL_STATES] = {
	[WITHDRAWAL_REQUESTED] = STATE_BIT(WITHDRAWAL_APPROVED) |
		STATE_BIT(WITHDRAWAL_CANCELLED) | STATE_BIT(WITHDRAWAL_REJECTED),
	[WITHDRAWAL_APPROVED] = STATE_BIT(WITHDRAWAL_PAID) |
		STATE_BIT(WITHDRAWAL_UNKNOWN) |
		STATE_BIT(WITHDRAWAL_CANCELLED) | STATE_BIT(WITHDRAWAL_REJECTED),
	[WITHDRAWAL_UNKNOWN] = STATE_BIT(WITHDRAWAL_PAID) |
		STATE_BIT(WITHDRAWAL_FAILED)
};

/* In these the credits are back in the balance. */
static const int returned_states = STATE_BIT(WITHDRAWAL_CANCELLED) |
	STATE_BIT(WITHDRAWAL_REJECTED) | STATE_BIT(WITHDRAWAL_FAILED);

/* The columns of commission.withdrawal, in their order. */
enum WithdrawalColumn
{
	WITHDRAWAL_EVENT_ID = 1,
	WITHDRAWAL_ACCOUNT_ID,
	WITHDRAWAL_AMOUNT,
	WITHDRAWAL_REQUESTED_AT,
	WITHDRAWAL_BATCH_ID,
	WITHDRAWAL_STATE,
	WITHDRAWAL_METHOD,
	WITHDRAWAL_DESTINATION,
	WITHDRAWAL_REASON,
	WITHDRAWAL_TRANSFER
};

static Statement insert_transition = {
	"INSERT INTO commission.withdrawal_transition"
	" (event_id, withdrawal_id, changed_at, from_state, to_state, changed_by)"
	" VALUES ($1, $2, now(), $3::commission.withdrawal_state,"
	" $4::commission.withdrawal_state, session_user)",
	4, {INT8OID, INT8OID, TEXTOID, TEXTOID}, NULL
};

/*
 * A state from its SQL spelling.
 */
WithdrawalState
withdrawal_state_from_label(const char *label)
{
	for (int state = 0; state < WITHDRAWAL_STATES; state++)
		if (strcmp(state_labels[state], label) == 0)
			return state;
	elog(ERROR, "unknown state of a withdrawal \"%s\"", label);
}

/*
 * A state's SQL spelling.
 */
const char *
withdrawal_state_label(WithdrawalState state)
{
	return state_labels[state];
}

/*
 * Whether the one state may follow the other.
 */
static bool
state_can_become(WithdrawalState state, WithdrawalState next)
{
	return (next_states[state] & STATE_BIT(next)) != 0;
}

/*
 * withdrawal_can_become(state, next)
 */
Datum
commission_withdrawal_can_become(PG_FUNCTION_ARGS)
{
	const char *state = lookup_enum_label(PG_GETARG_DATUM(0));
	const char *next = lookup_enum_label(PG_GETARG_DATUM(1));

	PG_RETURN_BOOL(state_can_become(withdrawal_state_from_label(state),
									withdrawal_state_from_label(next)));
}

/*
 * The states that may follow a state, for a message.
 */
static const char *
state_next_list(WithdrawalState state)
{
	StringInfoData list;
	int			left = next_states[state];

	initStringInfo(&list);
	for (int next = 0; next < WITHDRAWAL_STATES; next++)
	{
		if (!state_can_become(state, next))
			continue;
		left &= ~STATE_BIT(next);
		appendStringInfo(&list, "%s%s",
						 list.len == 0 ? "" : left ? ", " : " or ",
						 state_labels[next]);
	}
	return list.data;
}

/*
 * A column of a row that is never NULL.
 */
static Datum
withdrawal_column(HeapTuple row, TupleDesc tupdesc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(row, column, tupdesc, &isnull);

	if (isnull)
		elog(ERROR, "column %d of a withdrawal is NULL", column);
	return value;
}

/*
 * The state that a row is in.
 */
static WithdrawalState
withdrawal_state(HeapTuple row, TupleDesc tupdesc)
{
	Datum		state = withdrawal_column(row, tupdesc, WITHDRAWAL_STATE);

	return withdrawal_state_from_label(lookup_enum_label(state));
}

/*
 * Whether a column has the same value in two rows.
 */
static bool
withdrawal_column_equal(HeapTuple row, HeapTuple other, TupleDesc tupdesc,
						int column)
{
	Form_pg_attribute attribute = TupleDescAttr(tupdesc, column - 1);
	bool		isnull;
	bool		other_isnull;
	Datum		value = heap_getattr(row, column, tupdesc, &isnull);
	Datum		other_value = heap_getattr(other, column, tupdesc,
										   &other_isnull);

	if (isnull || other_isnull)
		return isnull && other_isnull;
	return datum_image_eq(value, other_value, attribute->attbyval,
						  attribute->attlen);
}

/*
 * What a withdrawal is does not change.  Reason and transfer are not looked
 * at: the table's constraints tie them to the state.
 */
static void
guard_columns(TriggerData *trigger, TupleDesc tupdesc, int64 withdrawal)
{
	static const int kept[] = {WITHDRAWAL_EVENT_ID, WITHDRAWAL_ACCOUNT_ID,
		WITHDRAWAL_AMOUNT, WITHDRAWAL_REQUESTED_AT, WITHDRAWAL_METHOD,
	WITHDRAWAL_DESTINATION};

	for (int i = 0; i < (int) lengthof(kept); i++)
		if (!withdrawal_column_equal(trigger->tg_trigtuple,
									 trigger->tg_newtuple, tupdesc, kept[i]))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of withdrawal %lld cannot change",
							NameStr(TupleDescAttr(tupdesc, kept[i] - 1)->attname),
							(long long) withdrawal),
					 errhint("Cancel the withdrawal, and request another.")));
}

/*
 * A withdrawal is put into a batch once, when it is approved (R25).  Gives
 * whether that is what the UPDATE does; it then does nothing else.
 */
static bool
guard_batch(TriggerData *trigger, TupleDesc tupdesc, int64 withdrawal,
			WithdrawalState state)
{
	bool		in_batch = !heap_attisnull(trigger->tg_trigtuple,
										   WITHDRAWAL_BATCH_ID, tupdesc);

	if (withdrawal_column_equal(trigger->tg_trigtuple, trigger->tg_newtuple,
								tupdesc, WITHDRAWAL_BATCH_ID))
		return false;
	if (in_batch || state != WITHDRAWAL_APPROVED ||
		!withdrawal_column_equal(trigger->tg_trigtuple, trigger->tg_newtuple,
								 tupdesc, WITHDRAWAL_STATE))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("withdrawal %lld cannot change its payout batch",
						(long long) withdrawal),
				 errdetail("It is %s, and in %s; only what is approved and in none is put into one.",
						   state_labels[state],
						   in_batch ? "a batch" : "no batch")));
	return true;
}

/*
 * The transition must be one of R23.  What is in a batch is not taken back:
 * its transfer may be under way.
 */
static void
guard_transition(TriggerData *trigger, TupleDesc tupdesc, int64 withdrawal,
				 WithdrawalState state)
{
	WithdrawalState next = withdrawal_state(trigger->tg_newtuple, tupdesc);

	if (!state_can_become(state, next))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("withdrawal %lld is %s",
						(long long) withdrawal, state_labels[state]),
				 next_states[state] ?
				 errdetail("It cannot become %s, only %s.",
						   state_labels[next], state_next_list(state)) :
				 errdetail("It is settled, and cannot become %s.",
						   state_labels[next])));
	if ((next == WITHDRAWAL_CANCELLED || next == WITHDRAWAL_REJECTED) &&
		!heap_attisnull(trigger->tg_trigtuple, WITHDRAWAL_BATCH_ID, tupdesc))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("withdrawal %lld is in a payout batch",
						(long long) withdrawal),
				 errdetail("Its transfer may be under way."),
				 errhint("If it is certain that it is not, use mark_withdrawal_unknown() and then fail_withdrawal().")));
}

/*
 * The call of one of the two triggers, on the row that it is for.
 */
static TriggerData *
withdrawal_trigger(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired by UPDATE, for each row",
						function)));
	return trigger;
}

/*
 * Trigger that refuses what is no transition:
 *
 * CREATE TRIGGER withdrawal_state_guard
 *		BEFORE UPDATE ON commission.withdrawal
 *		FOR EACH ROW EXECUTE FUNCTION commission.guard_withdrawal();
 */
Datum
commission_guard_withdrawal(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = withdrawal_trigger(fcinfo, "guard_withdrawal");
	TupleDesc	tupdesc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = trigger->tg_trigtuple;
	int64		withdrawal =
		DatumGetInt64(withdrawal_column(row, tupdesc, WITHDRAWAL_EVENT_ID));
	WithdrawalState state = withdrawal_state(row, tupdesc);

	guard_columns(trigger, tupdesc, withdrawal);
	if (!guard_batch(trigger, tupdesc, withdrawal, state))
		guard_transition(trigger, tupdesc, withdrawal, state);
	return PointerGetDatum(trigger->tg_newtuple);
}

/*
 * Append the entry that takes credits out of the account's balance or gives
 * them back; gives its event id.
 */
int64
withdrawal_append_entry(EntryKind kind, const pg_uuid_t *account, int64 amount)
{
	Ledger	   *ledger = ledger_open();
	LedgerEntry entry = {
		.event_id = ledger_draw_event_id(),
		.line = 1,
		.kind = kind,
		.counts_as = ENTRY_WITHDRAWAL,
		.amount = amount,
		.account = account,
		.ratio_ppm = LEDGER_NO_RATIO,
		.occurred_at = GetCurrentTransactionStartTimestamp()
	};

	ledger_put(ledger, &entry);
	ledger_close(ledger);
	return entry.event_id;
}

/*
 * Keep a transition; without a state before, it is the request.
 */
void
withdrawal_keep_transition(int64 event_id, int64 withdrawal, const char *from,
						   const char *to)
{
	StatementCaller caller;
	Params		params = {0};

	params_add(&params, Int64GetDatum(event_id));
	params_add(&params, Int64GetDatum(withdrawal));
	params_add_nullable(&params, from ? CStringGetTextDatum(from) : (Datum) 0,
						from == NULL);
	params_add(&params, CStringGetTextDatum(to));
	statement_connect(&caller);
	statement_execute(&insert_transition, &params);
	statement_finish(&caller);
}

/*
 * Trigger that follows a transition:
 *
 * CREATE TRIGGER withdrawal_follower
 *		AFTER UPDATE ON commission.withdrawal
 *		FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
 *		EXECUTE FUNCTION commission.follow_withdrawal();
 */
Datum
commission_follow_withdrawal(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = withdrawal_trigger(fcinfo, "follow_withdrawal");
	TupleDesc	tupdesc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = trigger->tg_newtuple;
	WithdrawalState from = withdrawal_state(trigger->tg_trigtuple, tupdesc);
	WithdrawalState to = withdrawal_state(row, tupdesc);
	Datum		account = withdrawal_column(row, tupdesc,
											WITHDRAWAL_ACCOUNT_ID);
	Datum		amount = withdrawal_column(row, tupdesc, WITHDRAWAL_AMOUNT);
	int64		event_id;

	if (returned_states & STATE_BIT(to))
		event_id = withdrawal_append_entry(ENTRY_WITHDRAWAL_RETURN,
										   DatumGetUUIDP(account),
										   DatumGetInt64(amount));
	else
		event_id = ledger_draw_event_id();
	withdrawal_keep_transition(event_id,
							   DatumGetInt64(withdrawal_column(row, tupdesc,
															   WITHDRAWAL_EVENT_ID)),
							   state_labels[from], state_labels[to]);
	return PointerGetDatum(NULL);
}
