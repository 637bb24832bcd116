"""The programme: terms, announcements, coupons and adjustments."""
import re
import uuid
from decimal import Decimal

from flask import abort, flash, redirect, render_template, request, url_for

from . import database
from .pages import act, credits_of, field, operator
from .words import say

RATIOS = ('brand_ratio', 'creator_ref_ratio', 'total_cap_ratio', 'first_order_ratio',
          'renewal_ratio', 'upgrade_ratio', 'upgraded_renewal_ratio')
AMOUNTS = ('first_order_amount', 'minimum_payout')
NUMBERS = ('renewals', 'days')
PROGRAMME_ONLY = ('total_cap_ratio',)
COUPONS = 50            # at most so many are listed

# Whose terms a form sets, by which function, and what that calls them.
SCOPES = {'account': ('commission.set_terms', 'account'),
          'group': ('commission.set_group_terms', 'group_name'),
          'programme': ('commission.announce_terms', None)}


def percentage(text):
    """A ratio from a percentage such as 12.5; None where it is empty."""
    text = (text or '').strip().removesuffix('%').strip()
    if not text:
        return None
    if not re.fullmatch(r'[0-9]{1,3}(\.[0-9]{1,4})?', text, re.ASCII):
        raise ValueError(say('error.percentage'))
    return Decimal(text).scaleb(-2)


def whole(text):
    """A whole number; None where it is empty."""
    if not text:
        return None
    if not re.fullmatch('[0-9]{1,9}', text, re.ASCII):
        raise ValueError(say('error.whole'))
    return int(text)


def terms_of_form(scope):
    """The terms that the form gives a value."""
    found = {}
    for names, parse in ((RATIOS, percentage), (AMOUNTS, credits_of), (NUMBERS, whole)):
        for name in names:
            value = parse(field(name) or '')
            if value is not None and (scope == 'programme' or name not in PROGRAMME_ONLY):
                found[name] = value
    return found


@operator.get('/programme')
def programme():
    """What is announced and what was set, the coupons, and the forms."""
    find = request.args.get('find', '').strip()
    with database.transaction() as db:
        announced = db.execute("""
            SELECT * FROM commission.announced_terms ORDER BY valid_from LIMIT 50""").fetchall()
        history = db.execute("""
            SELECT * FROM commission.terms_history
            ORDER BY valid_from DESC LIMIT 50""").fetchall()
        coupons = db.execute("""
            SELECT coupon, referrer, valid_from, valid_until, uses, used, remaining, is_valid
            FROM commission.coupon_status
            WHERE %(find)s IN ('', referrer) OR starts_with(lower(coupon), lower(%(find)s))
            ORDER BY is_valid DESC, valid_from DESC, coupon LIMIT %(limit)s""",
                             {'find': find, 'limit': COUPONS + 1}).fetchall()
    return render_template('programme.html', announced=announced, history=history, find=find,
                           coupons=coupons[:COUPONS], more=len(coupons) > COUPONS, scopes=SCOPES, ratios=RATIOS, amounts=AMOUNTS, numbers=NUMBERS,
                           adjustment=uuid.uuid4())


@operator.post('/terms/<scope>')
def set_terms(scope):
    """Set the terms of an account, a group or the programme."""
    if scope not in SCOPES:
        abort(404)
    function, whose = SCOPES[scope]
    try:
        given = terms_of_form(scope)
    except ValueError as error:
        flash(str(error), 'danger')
        return redirect(url_for('operator.programme'), 303)
    if whose:
        given[whose] = field('name')
    if field('valid_from'):
        given['valid_from'] = field('valid_from') + ' UTC'
    given['reason'] = field('reason')
    arguments = ', '.join(f'{name} => %s' for name in given)
    return act(say('programme.terms_set'), 'operator.programme',
               f'SELECT {function}({arguments})', *given.values())


@operator.post('/groups')
def set_group():
    """Put an account into a group; an empty group takes it out."""
    return act(say('programme.group_set'), 'operator.programme',
               'SELECT commission.set_group(%s, %s, %s)',
               field('account'), field('group_name'), field('reason'))


@operator.post('/coupons')
def set_coupon():
    """Give a coupon to a referrer."""
    try:
        uses = whole(field('uses'))
    except ValueError as error:
        flash(str(error), 'danger')
        return redirect(url_for('operator.programme'), 303)
    until = field('valid_until')
    return act(say('programme.coupon_set'), 'operator.programme', """
               SELECT commission.set_coupon(%s, %s, valid_until => %s, uses => %s)""",
               field('coupon'), field('referrer'), until and until + ' UTC', uses)


@operator.post('/coupons/end')
def end_coupon():
    """End a coupon."""
    return act(say('programme.coupon_ended'), 'operator.programme',
               'SELECT commission.end_coupon(%s)', field('coupon'))


@operator.post('/adjustments')
def adjust():
    """A bonus or a correction; the form's own id makes a second click harmless."""
    try:
        amount = credits_of(field('amount') or '')
    except ValueError as error:
        flash(str(error), 'danger')
        return redirect(url_for('operator.programme'), 303)
    return act(say('programme.adjusted'), 'operator.programme',
               'SELECT commission.adjust(%s, %s, %s, %s)',
               field('adjustment'), field('account'), amount, field('reason'))
