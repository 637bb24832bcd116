"""The statement of a month: its sums on the screen, every entry as CSV."""
import re
from datetime import date, datetime, timedelta, timezone

from flask import abort, render_template, request

from . import database
from .display import csv_file, plain_dollars
from .pages import affiliate

# The sums that are kept by day make this as fast for millions of entries.  A
# withdrawal that came to nothing gave its credits back when it changed last.
SUMMARY = """
WITH line (day, part, amount) AS (
    SELECT day, kind::text, amount FROM commission_portal.daily_earnings
    UNION ALL
    SELECT (requested_at AT TIME ZONE 'UTC')::date, 'withdrawal', -amount
    FROM commission_portal.withdrawal
    UNION ALL
    SELECT (changed_at AT TIME ZONE 'UTC')::date, 'withdrawal_return', amount
    FROM commission_portal.withdrawal
    WHERE state IN ('cancelled', 'rejected', 'failed')
)
SELECT CASE WHEN day >= %(since)s THEN part ELSE 'opening' END AS part,
    sum(amount)::bigint AS amount
FROM line WHERE day < %(until)s
GROUP BY 1 ORDER BY 1
"""


def month_asked():
    """The first day of the month that is asked for; this month if none is."""
    asked = request.args.get('month', '')
    if not asked:
        return datetime.now(timezone.utc).date().replace(day=1)
    if not re.fullmatch('20[0-9]{2}-(0[1-9]|1[0-2])', asked, re.ASCII):
        abort(400)
    return date.fromisoformat(f'{asked}-01')


def next_month(month):
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


@affiliate.get('/statement')
def statement():
    """A month; its days are those of UTC."""
    month = month_asked()
    with database.transaction() as db:
        lines = dict(db.execute(SUMMARY, {'since': month, 'until': next_month(month)}))
    closing = sum(lines.values())
    opening = lines.pop('opening', 0)
    return render_template(
        'statement.html', month=month, opening=opening, lines=lines, closing=closing,
        previous=(month - timedelta(days=1)).replace(day=1), following=next_month(month))


@affiliate.get('/statement.csv')
def statement_csv():
    """Every entry of the month, between the opening and the closing balance."""
    month = month_asked()
    lines = database.rows("""
        SELECT occurred_at, what, source, amount, balance
        FROM commission_portal.statement(%s, %s)""",
        month, next_month(month) - timedelta(days=1))
    return csv_file(
        f'statement-{month:%Y-%m}.csv',
        ('occurred_at', 'what', 'source', 'credits', 'balance_credits', 'dollars'),
        ((line.occurred_at.astimezone(timezone.utc).isoformat(), line.what,
          line.source, line.amount, line.balance, plain_dollars(line.amount))
         for line in lines))
