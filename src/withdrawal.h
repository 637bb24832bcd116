/*
 * withdrawal.h
 *		Withdrawals (R23, R24).
 */
#ifndef WITHDRAWAL_H
#define WITHDRAWAL_H

#include "utils/uuid.h"

/*
 * The states, in the order of the SQL type commission.withdrawal_state;
 * withdrawal_state_label() gives the SQL spelling.
 */
typedef enum WithdrawalState
{
	WITHDRAWAL_REQUESTED,
	WITHDRAWAL_APPROVED,
	WITHDRAWAL_UNKNOWN,
	WITHDRAWAL_PAID,
	WITHDRAWAL_CANCELLED,
	WITHDRAWAL_REJECTED,
	WITHDRAWAL_FAILED
} WithdrawalState;

#define WITHDRAWAL_STATES	(WITHDRAWAL_FAILED + 1)

/* withdrawal_state.c */
extern WithdrawalState withdrawal_state_from_label(const char *label);
extern const char *withdrawal_state_label(WithdrawalState state);
extern int64 withdrawal_append_entry(EntryKind kind, const pg_uuid_t *account,
									 int64 amount);
extern void withdrawal_keep_transition(int64 event_id, int64 withdrawal,
									   const char *from, const char *to);

/* withdrawal.c */
extern WithdrawalState withdrawal_lock(int64 withdrawal);
extern void withdrawal_move(int64 withdrawal, WithdrawalState state,
							text *reason, text *transfer);

#endif							/* WITHDRAWAL_H */
