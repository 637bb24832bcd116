"""The three layers: the card, the list, and the details of a run."""
from flask import abort, render_template, request

from . import database
from .pages import affiliate, page_of

GENERATIONS = 100           # of a run, that its details show

# A day without earnings is a day of the chart, too.
BY_DAY = """
SELECT d.day::date AS day,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'brand'), 0) AS brand,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'creator'), 0) AS creator,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'pool'), 0) AS pool,
    coalesce(sum(e.amount) FILTER (
        WHERE e.kind IN ('first_order', 'renewal', 'upgrade')), 0) AS subscription
FROM generate_series((now() AT TIME ZONE 'UTC')::date - %s::integer,
                     (now() AT TIME ZONE 'UTC')::date, interval '1 day') AS d (day)
LEFT JOIN (
    SELECT day, kind, amount
    FROM commission_portal.daily_earnings
    WHERE day >= (now() AT TIME ZONE 'UTC')::date - %s::integer
) AS e ON e.day = d.day::date
GROUP BY d.day
ORDER BY d.day
"""


@affiliate.get('/earnings')
def earnings():
    """The card, the chart and the list."""
    days = 90 if request.args.get('days') == '90' else 30
    runs, before = page_of("""
        SELECT run_key, event_id, occurred_at, buyer, images, titles, legs,
            amount, reversed, state
        FROM commission_portal.recent_commission
        WHERE event_id < %s ORDER BY event_id DESC LIMIT %s""", 'event_id')
    if 'before' in request.args:
        return render_template('earnings_list.html', runs=runs, before=before)
    with database.transaction() as db:
        card = db.execute('SELECT * FROM commission_portal.earnings').fetchone()
        by_day = db.execute(BY_DAY, [days - 1, days - 1]).fetchall()
    return render_template('earnings.html', card=card, by_day=by_day, days=days,
                           runs=runs, before=before)


@affiliate.get('/earnings/run/<run_key>')
def run(run_key):
    """Where every credit of a run went: a page, or the inside of a popup."""
    with database.transaction() as db:
        total = db.execute("""
            SELECT * FROM commission_portal.run_detail WHERE run_key = %s""",
            [run_key]).fetchone()
        if total is None:
            abort(404)
        generations = db.execute("""
            SELECT * FROM commission_portal.commission_detail
            WHERE run_key = %s ORDER BY event_id DESC LIMIT %s""",
            [run_key, GENERATIONS]).fetchall()
    return render_template('run.html', run=total, generations=generations,
                           popup='popup' in request.args)


@affiliate.get('/earnings/generation/<path:generation>')
def generation(generation):
    """How a generation came to what it paid, step by step."""
    steps = database.rows("""
        SELECT what, value FROM commission_portal.explain(%s) ORDER BY step""",
        generation)
    if not steps:
        abort(404)
    return render_template('generation.html', generation=generation, steps=steps,
                           popup='popup' in request.args)


@affiliate.get('/orders')
def orders():
    """The subscription orders that paid."""
    found, before = page_of("""
        SELECT event_id, occurred_at, buyer, plan, kind, order_amount, ratio,
            amount, reversed, state
        FROM commission_portal.recent_order
        WHERE event_id < %s ORDER BY event_id DESC LIMIT %s""", 'event_id')
    return render_template('orders.html', orders=found, before=before)
