"""The balance, withdrawals, and where they are paid to."""
from flask import abort, flash, g, redirect, render_template, url_for

from . import database
from .pages import act, affiliate, credits_of, field, page_of
from .words import say


@affiliate.get('/withdrawals')
def withdrawals():
    """The balance and the withdrawals, newest first."""
    found, before = page_of("""
        SELECT withdrawal, state::text, amount, method, destination,
            requested_at, changed_at, transfer, reason
        FROM commission_portal.withdrawal
        WHERE withdrawal < %s ORDER BY withdrawal DESC LIMIT %s""", 'withdrawal')
    with database.transaction() as db:
        balance = db.execute('SELECT * FROM commission_portal.balance').fetchone()
        minimum = db.execute("""
            SELECT value FROM commission_portal.terms
            WHERE term = 'minimum_payout'""").fetchone()
        address = db.execute('SELECT * FROM commission_portal.payout_address').fetchone()
    return render_template('withdrawals.html', withdrawals=found, before=before,
                           balance=balance, address=address, minimum=minimum)


@affiliate.post('/withdrawals')
def request_withdrawal():
    """Request one; without an amount, of all that is available."""
    try:
        amount = credits_of(field('amount') or '')
    except ValueError as error:
        flash(str(error), 'danger')
        return redirect(url_for('affiliate.withdrawals'), 303)
    return act(say('withdrawals.requested'), 'affiliate.withdrawals',
               'SELECT commission.request_withdrawal(%s, %s, coalesce(%s, %s))',
               g.account, amount, field('method'), 'paypal')


@affiliate.post('/withdrawals/<number:withdrawal>/cancel')
def cancel_withdrawal(withdrawal):
    """Cancel one of the account's own, and of nobody else's."""
    if database.row("""
            SELECT FROM commission_portal.withdrawal WHERE withdrawal = %s""",
            withdrawal) is None:
        abort(404)
    return act(say('withdrawals.cancelled'), 'affiliate.withdrawals',
               'SELECT commission.cancel_withdrawal(%s)', withdrawal)


@affiliate.post('/payout-address')
def set_payout():
    """Say where withdrawals go from now on."""
    return act(say('withdrawals.address_set'), 'affiliate.withdrawals',
               'SELECT commission.set_payout(%s, %s, %s, %s)',
               g.account, field('method'), field('destination'),
               field('automatic') is not None)
