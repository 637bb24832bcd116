"""What an affiliate sees and does."""
import csv
import io
import re

import pytest

from portal.pages import credits_of

from .conftest import words_of


def test_card(you, server):
    """The card has the figures of commission.earnings."""
    lifetime, brand, creator = server.execute("""
        SELECT lifetime, brand_lifetime, creator_lifetime
        FROM commission.earnings WHERE account = 'you'""").fetchone()
    page = words_of(you.text('/earnings'))
    for credits in (lifetime, brand, creator):
        assert f'${credits // 100:,}.{credits % 100:02} {credits:,} credits' in page


def test_worked_example(you):
    """140 paid, margin 30, legs 9 and 6, together 15, and the platform keeps 15."""
    page = you.text('/earnings')
    run = re.search(r'href="(/earnings/run/[^"]*)"[^>]*>maria|href="(/earnings/run/[^"]*)"', page)
    details = words_of(you.text(next(filter(None, run.groups()))))
    for line in ('Buyer paid $1.40 140', 'Model price $0.20 20', 'Surcharge of the listings $1.20 120',
                 'Creators&#39; pool $1.00 100', 'API cost $0.10 10', 'Net margin $0.30 30',
                 'Your brand leg 30% $0.09 9', 'Your creator leg 20% $0.06 6',
                 'You earned $0.15 15', 'Platform keeps $0.15 15'):
        assert line in details, line


def test_why(you):
    """Each generation tells its steps, with others masked."""
    steps = words_of(you.text('/earnings/generation/worked-example'))
    assert 'brand leg 9 credits to you: 30 * 0.30 = 9' in steps
    assert 'm****@g****.com' in steps and 'maria' not in steps and 'nora' not in steps


def test_popup_is_a_part_of_a_page(you, server):
    """The popup has the details alone; without it they are a page."""
    run, = server.execute("""
        SELECT run_key FROM commission.recent_commission WHERE account = 'you'
        ORDER BY event_id DESC LIMIT 1""").fetchone()
    assert '<html' not in you.text(f'/earnings/run/{run}', popup=1)
    assert '<html' in you.text(f'/earnings/run/{run}')


@pytest.mark.parametrize('path, view', [('/earnings', 'recent_commission'),
                                        ('/orders', 'recent_order'),
                                        ('/referrals', 'referral_earnings')])
def test_pages_by_key(you, server, path, view):
    """The pages have every row once, in order."""
    expected, = server.execute(
        f"SELECT count(*) FROM commission.{view} WHERE account = 'you'").fetchone()
    seen, query = 0, {}
    while True:
        page = you.text(path, **query)
        seen += len(re.findall(r'<div class="what">', page))
        more = re.search(r'rel="next" href="[^"]*before=([0-9]+)', page)
        if not more:
            break
        query = {'before': more.group(1)}
    assert seen == expected > 20


def test_states(you):
    """Refunds show in the list."""
    pages, query = '', {}
    for _ in range(7):
        page = you.text('/earnings', **query)
        pages += page
        more = re.search(r'rel="next" href="[^"]*before=([0-9]+)', page)
        query = {'before': more.group(1)} if more else query
    assert 'Partly refunded' in words_of(pages)


def test_chart_table(you, server):
    """The table behind the chart has a row for each day and the card's sum."""
    page = you.text('/earnings', days=30)
    credits = [int(c) for c in re.findall(r'data-credits="(-?[0-9]+)"', page)]
    assert len(credits) == 30 * 4
    total, = server.execute("""
        SELECT sum(amount) FROM commission.daily_earnings
        WHERE account = 'you' AND day > (now() AT TIME ZONE 'UTC')::date - 30""").fetchone()
    assert sum(credits) == total


def test_referrals(you):
    """Plan, campaign and what they brought."""
    page = words_of(you.text('/referrals'))
    assert 'pro' in page and 'campaign spring' in page and 'credits' in page


def test_funnel(you):
    """The funnel by campaign, with the link of each."""
    page = you.text('/links', period='all')
    for campaign in ('spring', 'video'):
        assert f'value="https://shop.example/?cref=you&amp;campaign={campaign}"' in page
    assert 'Link without a campaign' in words_of(page)


def test_link_builder(you):
    """A link to any page of the storefront, with a campaign, escaped."""
    page = you.text('/links', page='/nora?x=1', campaign='a b&c')
    assert 'value="https://shop.example/nora?x=1&amp;cref=you&amp;campaign=a%20b%26c"' in page


def test_materials(you):
    """The affiliate's own link is in each of them."""
    page = you.text('/materials', campaign='mail')
    assert 'Photos like these: https://shop.example/?cref=you&amp;campaign=mail' in page


def test_terms(you, operator):
    """The ratios in force for the account, and those that are announced."""
    page = words_of(you.text('/terms'))
    assert 'Brand leg, share of the net margin 30%' in page
    assert 'Creator leg, share of the net margin 20%' in page
    operator.post('/operator/terms/account', name='you', brand_ratio='35', reason='a good year',
                  valid_from='2099-01-01T00:00')
    page = words_of(you.text('/terms'))
    assert 'From 2099-01-01 00:00 UTC a good year' in page and '35%' in page


def test_statement(you, server):
    """The sums of each month are those of statement(), and so is the file."""
    months = server.execute("""
        SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date
        FROM commission.ledger WHERE account = 'you' ORDER BY 1""").fetchall()
    assert len(months) >= 2
    for month, in months:
        lines = server.execute("""
            SELECT what, amount, balance FROM commission.statement('you', %s,
                (%s + interval '1 month - 1 day')::date)""", [month, month]).fetchall()
        page = words_of(you.text('/statement', month=f'{month:%Y-%m}'))
        for line in (lines[0], lines[-1]):
            words = line[0].capitalize()
            assert re.search(rf'{words} −?\$[0-9,.]+ {line[2]:,} ', page), (month, line)
        file = csv.reader(io.StringIO(you.text('/statement.csv', month=f'{month:%Y-%m}')))
        assert [line[4] for line in file][1:] == [str(line[2]) for line in lines]


def test_withdrawal(you, server):
    """Requested, shown, cancelled; what cannot be is refused in words."""
    def newest():
        return server.execute("""
            SELECT withdrawal, state::text, amount FROM commission.withdrawal_status
            WHERE account = 'you' ORDER BY withdrawal DESC LIMIT 1""").fetchone()
    assert 'The payout address is saved.' in words_of(you.post(
        '/payout-address', method='paypal', destination='me@studio.example', automatic='on'))
    assert 'Now: paypal, m****@s****.example' in words_of(you.text('/withdrawals'))
    assert 'The withdrawal is requested.' in words_of(you.post('/withdrawals', amount='51.20'))
    withdrawal, state, amount = newest()
    assert (state, amount) == ('requested', 5120)
    assert '$51.20 5,120 credits' in words_of(you.text('/withdrawals'))
    assert 'and its credits are back.' in words_of(
        you.post(f'/withdrawals/{withdrawal}/cancel'))
    assert newest() == (withdrawal, 'cancelled', 5120)

    for amount, words in (('1', 'withdrawal is less than the minimum'),
                          ('999999', 'withdrawal exceeds the available balance'),
                          ('-60', 'less than the minimum'),
                          ('12.345', 'Give the amount in dollars'),
                          ('sixty', 'Give the amount in dollars')):
        assert words in words_of(you.post('/withdrawals', amount=amount))
    assert 'PayPal cannot pay the destination' in words_of(
        you.post('/payout-address', method='paypal', destination='nowhere'))
    assert newest() == (withdrawal, 'cancelled', 5120)


def test_account_without_anything(visitor):
    """A new affiliate sees empty pages, and no error."""
    new = visitor('newcomer')
    for path in ('/earnings', '/orders', '/referrals', '/links', '/statement',
                 '/withdrawals', '/materials', '/terms', '/statement.csv'):
        assert new.get(path).status_code == 200, path
    assert 'No commissions yet' in new.text('/earnings')


@pytest.mark.parametrize('text, credits', [
    ('', None), ('12', 1200), ('12.5', 1250), ('12.50', 1250), ('$1,234.05', 123405),
    ('0.01', 1), ('-3', -300)])
def test_amounts(text, credits):
    """Dollars are exact: no float is near them."""
    assert credits_of(text) == credits
