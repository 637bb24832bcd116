"""What the portal withstands: forged forms, HTML, SQL, others' numbers, formulas."""
import csv
import io
import re

import pytest

from portal.display import FORMULA, safe_cell

from .conftest import Visitor, words_of

AFFILIATE_PAGES = ('/earnings', '/earnings?days=90', '/orders', '/referrals', '/links',
                   '/links?period=all', '/materials', '/terms', '/statement',
                   '/withdrawals')
OPERATOR_PAGES = ('/operator/withdrawals', '/operator/batches', '/operator/trust',
                  '/operator/programme', '/operator/health')
OPEN = {'static', 'library', 'home', 'signin.ask', 'signin.enter'}


def path_of(rule):
    """A path of a rule, with something in place of each argument."""
    return re.sub('<[^>]*>', '1', rule.rule)


def method_of(rule):
    """The method of a rule."""
    return 'POST' if 'POST' in rule.methods else 'GET'


def test_default_is_no(app, visitor):
    """Whoever is not signed in sees no page, and an affiliate none of the operator's."""
    tried = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN:
            continue
        tried += 1
        answer = visitor().client.open(path_of(rule), method=method_of(rule))
        expected = 403 if method_of(rule) == 'POST' else 302
        assert answer.status_code == expected, rule
        if rule.endpoint.startswith('operator.'):
            you = visitor('you')
            answer = you.client.open(path_of(rule), method=method_of(rule),
                                     data={'csrf': you.csrf()})
            assert answer.status_code == 403, rule
        elif rule.endpoint.startswith('affiliate.'):
            operator = visitor('ops', 'operator')
            answer = operator.client.open(path_of(rule), method=method_of(rule),
                                          data={'csrf': operator.csrf()})
            assert answer.status_code == 403, rule
    assert tried > 25


def test_csrf(app, visitor, server):
    """A form without our token, or with another's, changes nothing."""
    for rule in app.url_map.iter_rules():
        if method_of(rule) != 'POST' or rule.endpoint in OPEN:
            continue
        role = 'operator' if rule.endpoint.startswith('operator.') else 'affiliate'
        victim, other = visitor('you', role), visitor('eve', role)
        for data in ({}, {'csrf': ''}, {'csrf': 'guess'}, {'csrf': other.csrf()}):
            assert victim.client.post(path_of(rule), data=data).status_code == 403, rule
        answer = victim.client.post(path_of(rule), data={'csrf': victim.csrf()},
                                    headers={'Sec-Fetch-Site': 'cross-site'})
        assert answer.status_code == 403, rule


def test_get_changes_nothing(app, you):
    """Pages that are looked at run in read-only transactions."""
    from portal import database
    with app.test_request_context():
        from flask import g
        g.account, g.role = 'you', 'affiliate'
        assert database.row('SHOW transaction_read_only') == ('on',)


@pytest.mark.parametrize('path', AFFILIATE_PAGES)
@pytest.mark.parametrize('account', ('you', 'eve'))
def test_stored_html(visitor, account, path):
    """No text of anybody's becomes a tag."""
    page = visitor(account).text(path)
    assert not re.search(r'<(img|b|i)\b', page)
    assert not re.search(r'<script(?! src="/)', page)
    assert 'onerror=alert' not in re.sub(r'&lt;img[^<]*', '', page)


def test_hostile_texts_are_shown_as_texts(visitor):
    """They are not lost, either."""
    eve = visitor('eve')
    assert '&lt;script&gt;alert(&#34;title&#34;)&lt;/script&gt;' in eve.text('/earnings')
    assert '&lt;i&gt;plan&lt;/i&gt;' in eve.text('/orders')
    assert '&lt;img src=x onerror=alert(1)&gt;' in eve.text('/links', period='all')
    assert '&lt;/textarea&gt;&lt;script&gt;alert(2)' in eve.text('/materials')


HTML = '"><script>alert(3)</script>\'`'


@pytest.mark.parametrize('path, query', [
    ('/links', {'page': HTML, 'campaign': HTML}), ('/links', {'period': HTML}),
    ('/materials', {'campaign': HTML}), ('/statement', {'month': HTML}),
    ('/earnings', {'before': HTML}), ('/earnings', {'days': HTML}),
    ('/earnings/run/' + HTML, {}), ('/earnings/generation/' + HTML, {}),
    ('/nothing/' + HTML, {})])
def test_reflected_html(you, path, query):
    """What is asked for is not answered as HTML."""
    assert '<script>alert' not in you.get(path, **query).get_data(as_text=True)


def test_reflected_html_in_forms(you, operator):
    """Nor is what is sent, nor what the database says of it."""
    for answer in (you.post('/withdrawals', amount=HTML),
                   you.post('/payout-address', method='paypal', destination=HTML),
                   operator.post('/operator/holds', account=HTML, reason='x'),
                   operator.post('/operator/batches', method=HTML)):
        assert '<script>alert' not in answer.get_data(as_text=True)


SQL = ("'", "' OR '1'='1", "'; DROP TABLE commission.entry; --", '%s', '%(x)s', '{0}',
       '$1', '\\', "x' UNION SELECT secret --", '\u202e', 'x' * 2000, '{link}')


@pytest.mark.parametrize('value', SQL)
def test_sql(you, operator, server, value):
    """Texts are values, in every field and every part of an address."""
    def entries():
        return server.execute("""
            SELECT count(*), sum(amount) FROM commission.entry
            WHERE kind <> 'adjustment'""").fetchone()
    before = entries()
    for answer in (
            you.get('/earnings/run/' + value), you.get('/earnings/generation/' + value),
            you.get('/earnings', before=value), you.get('/statement', month=value),
            you.get('/links', page=value, campaign=value, period=value),
            you.get('/materials', campaign=value),
            you.post('/withdrawals', amount=value),
            you.post('/withdrawals', amount='1', method=value),
            operator.get('/operator/withdrawals', state=value),
            operator.post('/operator/withdrawals/1/reject', reason=value),
            operator.post('/operator/withdrawals/1/pay', transfer=value),
            operator.post('/operator/holds', account=value, reason=value),
            operator.post('/operator/releases', account=value, reason=value),
            operator.post('/operator/terms/account', name=value, brand_ratio=value),
            operator.post('/operator/terms/group', name=value, reason=value, days='1'),
            operator.post('/operator/terms/programme', valid_from=value, days='1'),
            operator.post('/operator/groups', account=value, group_name=value, reason=value),
            operator.post('/operator/coupons', coupon=value, referrer=value, uses=value),
            operator.post('/operator/coupons', coupon=value, referrer=value, valid_until=value),
            operator.post('/operator/coupons/end', coupon=value),
            operator.post('/operator/adjustments', adjustment=value, account=value, amount='1',
                          reason=value),
            operator.post('/operator/batches', method=value)):
        assert answer.status_code in (200, 400, 404), answer.request.path
    assert entries() == before


@pytest.mark.parametrize('path', [
    '/earnings/run/a%00b', '/earnings/generation/a%00b', '/links?campaign=a%00b',
    '/earnings?before=9223372036854775808', '/earnings?before=-1', '/earnings?before=٣',
    '/statement?month=2026-13', '/statement?month=2026-02-30', '/statement?month=0000-01',
    '/withdrawals/9223372036854775808/cancel', '/library/../portal/signin.py',
    '/library/..%2f..%2fetc/passwd', '/static/../signin.py', '/static/%2e%2e/signin.py'])
def test_bad_addresses(you, path):
    """What cannot be is refused, and no error of ours."""
    assert you.get(path).status_code in (400, 404, 405)


def keys_of(server, account):
    """The numbers and names by which an account's rows are asked for."""
    run, = server.execute("""
        SELECT run_key FROM commission.recent_commission
        WHERE account = %s ORDER BY event_id LIMIT 1""", [account]).fetchone()
    generation, = server.execute("""
        SELECT generation FROM commission.commission_detail
        WHERE account = %s ORDER BY event_id LIMIT 1""", [account]).fetchone()
    withdrawal, = server.execute("""
        SELECT withdrawal FROM commission.withdrawal_status
        WHERE account = %s AND state = 'requested'""", [account]).fetchone()
    return run, generation, withdrawal


def test_others_numbers(visitor, server):
    """Another affiliate's keys in an address find nothing."""
    run, generation, withdrawal = keys_of(server, 'eve')
    you, eve = visitor('you'), visitor('eve')
    assert eve.get(f'/earnings/run/{run}').status_code == 200
    assert eve.get(f'/earnings/generation/{generation}').status_code == 200
    assert you.get(f'/earnings/run/{run}').status_code == 404
    assert you.get(f'/earnings/run/{run}?popup=1').status_code == 404
    assert you.get(f'/earnings/generation/{generation}').status_code == 404
    assert you.post(f'/withdrawals/{withdrawal}/cancel').status_code == 404
    state, = server.execute("""
        SELECT state::text FROM commission.withdrawal_status WHERE withdrawal = %s""",
        [withdrawal]).fetchone()
    assert state == 'requested'


def test_others_rows(visitor):
    """No page of one affiliate's has a row of another's."""
    assert 'evil' not in visitor('nobody').text('/earnings')
    for path in AFFILIATE_PAGES:
        assert 'eve@' not in visitor('you').text(path)


def test_account_in_a_form_is_ignored(visitor, server):
    """The account is the signed-in one, whatever else is sent."""
    you = visitor('you')
    you.post('/payout-address', method='paypal', destination='you@studio.example',
             account='eve')
    you.get('/earnings', account='eve')
    found = server.execute("""
        SELECT DISTINCT account FROM commission.payout_address_history""").fetchall()
    assert found == [('you',)]


def test_account_does_not_outlive_its_transaction(app, visitor):
    """A connection that one affiliate's page used shows the next nothing of it."""
    from flask import g
    from portal import database
    with app.test_request_context():
        g.account, g.role = 'you', 'affiliate'
        pool = app.extensions[database.POOLS]['affiliate']
        database.rows('SELECT 1')
        with pool.connection() as connection:
            assert connection.execute(
                'SELECT count(*) FROM commission_portal.earnings').fetchone() == (0,)


def test_one_connection_for_all(make_app):
    """Plans that are kept on a connection know no account."""
    app = make_app(PORTAL_CONNECTIONS='1')
    readers = [Visitor(app).sign_in(account) for account in ('you', 'eve', 'nora')]
    first = [words_of(reader.text('/earnings')) for reader in readers]
    assert len(set(first)) == 3
    for _ in range(6):      # a statement is prepared at its fifth execution
        assert [words_of(reader.text('/earnings')) for reader in readers] == first


def test_csv_formulas(visitor):
    """No cell of a file begins as a formula does."""
    eve = visitor('eve')
    answer = eve.get('/statement.csv')
    lines = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
    assert answer.mimetype == 'text/csv'
    assert "'=HYPERLINK(\"http://evil.example\")" in [line[2] for line in lines]
    assert "'+1+cmd|calc" in [line[2] for line in lines]
    for line in lines[1:]:
        for cell in line:
            assert not cell or cell[0] not in FORMULA or re.fullmatch(r'-[0-9.]+', cell)


@pytest.mark.parametrize('value', ['=1', '+1', '-1', '@a', '\t=1', '\r=1', ' =1', '\n=1', '＝1'])
def test_safe_cell(value):
    """Whatever a spreadsheet may take for a formula is disarmed."""
    assert safe_cell(value) == "'" + value


def test_numbers_are_numbers():
    """A negative amount is no formula."""
    assert safe_cell(-5) == -5 and safe_cell('plain') == 'plain' and safe_cell(None) is None


@pytest.mark.parametrize('path', AFFILIATE_PAGES + ('/nothing', '/sign-in') + OPERATOR_PAGES)
def test_headers_and_no_inline(visitor, path):
    """A strict policy, which no page of ours would need to break."""
    guest = visitor('ops', 'operator') if path in OPERATOR_PAGES else visitor('you')
    answer = guest.get(path)
    policy = answer.headers['Content-Security-Policy']
    assert "default-src 'none'" in policy and 'unsafe' not in policy
    assert "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    assert answer.headers['Cache-Control'] == 'no-store'
    page = answer.get_data(as_text=True)
    assert not re.search(r'<style|\sstyle=|\son[a-z]+=(?!")|javascript:', page)
    assert not re.search(r'\son[a-z]+="', page)
    for source in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert source.startswith(('/', '#', '?')), source
    for tag in re.findall(r'<script[^>]*>', page):
        assert ' src="/' in tag


def test_error_tells_nothing(app, make_app, monkeypatch):
    """A database that fails is told to the log, not to the visitor."""
    import psycopg
    from portal import database

    def fail(*_, **__):
        raise psycopg.OperationalError('secret: host=10.1.2.3')
    you = Visitor(app).sign_in('you')
    monkeypatch.setattr(database, 'rows', fail)
    answer = you.get('/orders')
    assert answer.status_code == 503 and 'secret' not in answer.get_data(as_text=True)


def test_links_stay_on_the_storefront(you):
    """The link builder makes no link to another site."""
    for page in ('https://evil.example/', '//evil.example/', 'javascript:alert(1)',
                 'https://shop.example.evil.example/', 'https://shop.example@evil.example/'):
        text = you.text('/links', page=page)
        assert 'Links lead to pages of https://shop.example/ only.' in words_of(text)
        assert 'value="https://shop.example/?cref=you"' in text
