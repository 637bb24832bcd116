"""What the pages share: two blueprints, pages by key, and sent-back errors."""
import re

import psycopg
from flask import (Blueprint, abort, current_app, flash, g, redirect, request,
                   url_for)
from werkzeug.routing import IntegerConverter

from . import database
from .signin import require
from .words import say

BIGINT_MAX = 2 ** 63 - 1
PAGE = 20               # rows of a page

affiliate = Blueprint('affiliate', __name__)
affiliate.before_request(require('affiliate'))

operator = Blueprint('operator', __name__, url_prefix='/operator')
operator.before_request(require('operator'))


class Number(IntegerConverter):
    """A number in a URL that PostgreSQL's bigint can carry."""

    def __init__(self, url_map):
        super().__init__(url_map, max=BIGINT_MAX)


def before_key():
    """The key at which the page before ended; all that there is if none."""
    value = request.args.get('before', str(BIGINT_MAX))
    if not re.fullmatch('[0-9]{1,19}', value, re.ASCII) or int(value) > BIGINT_MAX:
        abort(400)
    return int(value)


def page_of(query, key, *parameters):
    """
    A page of a list, newest first, and the key of the next page (None: this is
    the last).  The query has a last %s for the key and one for the limit.
    """
    found = database.rows(query, *parameters, before_key(), PAGE + 1)
    more = getattr(found[PAGE - 1], key) if len(found) > PAGE else None
    return found[:PAGE], more


def credits_of(text):
    """The credits of an amount in dollars, such as 12.50; None where empty."""
    text = text.strip().removeprefix('$').replace(',', '')
    if not text:
        return None
    if not re.fullmatch(r'-?[0-9]{1,13}(\.[0-9]{1,2})?', text, re.ASCII):
        raise ValueError(say('error.dollars'))
    whole, _, cents = text.lstrip('-').partition('.')
    credits = int(whole) * 100 + int(cents.ljust(2, '0') or 0)
    return -credits if text.startswith('-') else credits


def field(name):
    """A field of the form that was sent, None where it is empty."""
    return request.form.get(name, '').strip() or None


def is_refusal(error):
    """Is this an error that tells the user what is wrong with the input?"""
    return (error.sqlstate or '')[:2] in ('22', '23', '55') \
        or (error.sqlstate is None and isinstance(error, psycopg.DataError))


def refusal(error):
    """What an error of the extension says to the user."""
    said = [error.diag.message_primary or say('error.input'), error.diag.message_detail]
    return '. '.join(text.rstrip('.') for text in said if text) + '.'


def act(done, back, query, *parameters):
    """
    Run a statement that writes, then go back to a page, which says that it is
    done, or why it was refused.
    """
    try:
        database.call(query, *parameters)
        flash(done, 'success')
        if g.role == 'operator':
            current_app.logger.info('operator %r: %s %r', g.account, query, parameters)
    except psycopg.Error as error:
        if not is_refusal(error):
            raise
        flash(refusal(error), 'danger')
    return redirect(url_for(back), 303)
