"""Holds, and what a reviewer should look at."""
from flask import render_template

from . import database
from .pages import act, field, operator, page_of
from .words import say


@operator.get('/trust')
def trust():
    """The fraud signals and the holds, newest first."""
    holds, before = page_of("""
        SELECT hold_id, account, held_at, released_at, reason, release_reason,
            held_by, released_by
        FROM commission.account_hold
        WHERE hold_id < %s ORDER BY hold_id DESC LIMIT %s""", 'hold_id')
    signals = database.rows("""
        SELECT rule, account, other, jsonb_pretty(evidence) AS evidence, since
        FROM commission.fraud_signal ORDER BY since DESC NULLS LAST LIMIT 200""")
    return render_template('trust.html', holds=holds, before=before, signals=signals)


@operator.post('/holds')
def hold():
    """Hold an account."""
    return act(say('trust.held'), 'operator.trust',
               'SELECT commission.hold_account(%s, %s)', field('account'), field('reason'))


@operator.post('/releases')
def release():
    """Release an account."""
    return act(say('trust.released'), 'operator.trust',
               'SELECT commission.release_account(%s, %s)',
               field('account'), field('reason'))
