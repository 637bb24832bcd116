"""How values are written: money, ratios, times, and cells of a CSV file."""
import csv
import io
from datetime import timezone
from decimal import Decimal

from flask import Response
from markupsafe import Markup, escape

from .words import say

FORMULA = '=+-@\t\r＝＋－＠'     # what a spreadsheet takes for a formula


def dollars(credits):
    """Credits as dollars: 1 credit is $0.01."""
    credits = int(credits or 0)
    whole, cents = divmod(abs(credits), 100)
    return f'{"−" if credits < 0 else ""}${whole:,}.{cents:02}'


def plain_dollars(credits):
    """Credits as a number of dollars, for a file: -12.34; None is empty."""
    return '' if credits is None else str(Decimal(credits).scaleb(-2).quantize(Decimal('0.01')))


def number(credits):
    """Credits without a unit: −1,234."""
    return f'{int(credits or 0):,}'.replace('-', '−')


def in_credits(credits):
    """Credits with their unit: −1,234 credits."""
    return say('money.credits', n=abs(int(credits or 0)), amount=number(credits))


def money(credits):
    """Dollars, and the credits that they are."""
    return Markup('<span class="money">{} <small>{}</small></span>').format(
        dollars(credits), in_credits(credits))


def percent(ratio):
    """A ratio as a percentage, without needless zeros; None is none."""
    if ratio is None:
        return ''
    hundredths = (Decimal(ratio) * 100).quantize(Decimal('0.01'))
    return f'{hundredths:f}'.rstrip('0').rstrip('.') + '%'


def moment(at):
    """A time: in UTC here, and in the reader's time zone by time.js."""
    if at is None:
        return ''
    at = at.astimezone(timezone.utc)
    return Markup('<time datetime="{}">{}</time>').format(
        at.strftime('%Y-%m-%dT%H:%M:%SZ'), at.strftime('%Y-%m-%d %H:%M UTC'))


def safe_cell(value):
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.lstrip(' \n')[:1] in tuple(FORMULA):
        return "'" + value
    return value


def csv_file(name, header, lines):
    """A response that is a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([safe_cell(value) for value in line] for line in lines)
    return Response(text.getvalue(), mimetype='text/csv', headers={
        'Content-Disposition': f'attachment; filename="{name}"'})


FILTERS = {'dollars': dollars, 'number': number, 'money': money,
           'percent': percent, 'moment': moment}
