"""The operator's desk: withdrawals to decide on, and the batches that pay them."""
import json

from flask import Response, abort, flash, redirect, render_template, request, url_for

from . import database
from .pages import act, field, operator, page_of
from .words import say

STATES = ('requested', 'approved', 'unknown', 'paid', 'rejected', 'cancelled', 'failed')

# What may be done with a withdrawal, and the field that it needs.
ACTIONS = {
    'approve': ('SELECT commission.approve_withdrawal(%s)', None),
    'reject': ('SELECT commission.reject_withdrawal(%s, %s)', 'reason'),
    'pay': ('SELECT commission.pay_withdrawal(%s, %s)', 'transfer'),
    'mark_unknown': ('SELECT commission.mark_withdrawal_unknown(%s)', None),
    'fail': ('SELECT commission.fail_withdrawal(%s, %s)', 'reason'),
    'remove': ('SELECT commission.remove_from_batch(%s)', None),
}

# What the desk offers in each state (of approved: in no batch, and in one).
OFFERED = {'requested': ('approve', 'reject'),
           'approved': ('pay', 'reject'),
           'in_batch': ('pay', 'mark_unknown', 'remove'),
           'unknown': ('pay', 'fail')}


def offered(withdrawal):
    """The actions that the state of a withdrawal allows."""
    state = withdrawal.state
    if state == 'approved' and withdrawal.batch is not None:
        state = 'in_batch'
    return [(action, ACTIONS[action][1]) for action in OFFERED.get(state, ())]


@operator.get('/withdrawals')
def desk():
    """Withdrawals in a state, newest first, with what stands in their way."""
    state = request.args.get('state', 'requested')
    if state not in STATES:
        abort(400)
    found, before = page_of("""
        SELECT w.withdrawal, w.account, w.state::text, w.amount, w.method,
            w.destination, w.requested_at, w.changed_at, w.batch, w.transfer,
            w.reason, x.obstacles
        FROM commission.withdrawal_status AS w
        LEFT JOIN LATERAL (
            SELECT string_agg(p.detail, ' ') AS obstacles
            FROM commission.payout_exclusion AS p
            WHERE p.account_id = w.account_id AND p.is_obstacle
        ) AS x ON w.state IN ('requested', 'approved')
        WHERE w.state = %s::commission.withdrawal_state AND w.withdrawal < %s
        ORDER BY w.withdrawal DESC LIMIT %s""", 'withdrawal', state)
    return render_template('desk.html', withdrawals=found, before=before,
                           state=state, states=STATES, offered=offered)


@operator.post('/withdrawals/<number:withdrawal>/<action>')
def move(withdrawal, action):
    """Approve, reject, pay, ... one withdrawal."""
    if action not in ACTIONS:
        abort(404)
    query, needed = ACTIONS[action]
    values = [withdrawal] if needed is None else [withdrawal, field(needed)]
    return act(say(f'desk.done.{action}', withdrawal=withdrawal), 'operator.desk',
               query, *values)


@operator.get('/batches')
def batches():
    """The payout batches, newest first."""
    found, before = page_of("""
        SELECT batch, count(*) AS size, sum(100 * dollars::numeric)::bigint AS amount,
            count(*) FILTER (WHERE state = 'paid') AS paid,
            count(*) FILTER (WHERE state IN ('approved', 'unknown')) AS open
        FROM commission.payout_item WHERE batch < %s
        GROUP BY batch ORDER BY batch DESC LIMIT %s""", 'batch')
    return render_template('batches.html', batches=found, before=before)


@operator.post('/batches')
def open_batch():
    """Put what is approved into a new batch."""
    method = field('method')
    with database.transaction(write=True) as db:
        batch, = db.execute('SELECT commission.open_payout_batch(%s)',
                            [method]).fetchone()
    if batch is None:
        flash(say('batches.none'), 'warning')
        return redirect(url_for('operator.batches'), 303)
    flash(say('batches.opened', batch=batch), 'success')
    return redirect(url_for('operator.batch', batch=batch), 303)


@operator.get('/batches/<number:batch>')
def batch(batch):
    """What is in a batch."""
    items = database.rows("""
        SELECT withdrawal, account, receiver, dollars, state::text
        FROM commission.payout_item WHERE batch = %s ORDER BY withdrawal""", batch)
    if not items:
        abort(404)
    return render_template('batch.html', batch=batch, items=items)


def attachment(text, mimetype, name):
    """A response that the browser saves as a file."""
    return Response(text, mimetype=mimetype, headers={
        'Content-Disposition': f'attachment; filename="{name}"'})


@operator.get('/batches/<number:batch>.csv')
def batch_csv(batch):
    """The batch for a bank; the extension disarms formulas."""
    text, = database.row('SELECT commission.payout_batch_csv(%s)', batch)
    return attachment(text, 'text/csv', f'batch-{batch}.csv')


@operator.get('/batches/<number:batch>.json')
def batch_json(batch):
    """The batch as the body of PayPal's POST /v1/payments/payouts."""
    text, = database.row('SELECT commission.payout_batch_json(%s)::text', batch)
    return attachment(text, 'application/json', f'batch-{batch}.json')


@operator.post('/batches/<number:batch>/cancel')
def cancel_batch(batch):
    """Take everything out of a batch that was never sent."""
    return act(say('batches.cancelled', batch=batch), 'operator.batches',
               'SELECT commission.cancel_payout_batch(%s)', batch)


@operator.post('/batches/<number:batch>/import')
def import_result(batch):
    """Take PayPal's answer, as a file."""
    file = request.files.get('answer')
    try:
        answer = json.dumps(json.load(file))
    except (AttributeError, ValueError, RecursionError):
        flash(say('batches.not_json'), 'danger')
        return redirect(url_for('operator.batch', batch=batch), 303)
    with database.transaction(write=True) as db:
        moved = db.execute("""
            SELECT withdrawal, transaction_status, state::text, changed
            FROM commission.import_payout_result(%s, %s::jsonb)""",
            [batch, answer]).fetchall()
    return render_template('imported.html', batch=batch, moved=moved)
