"""The example storefront: a click, a sign-up by three roads that race, a purchase."""
import re
import sys
import threading
from pathlib import Path

import pytest

from .conftest import DATABASE, KEY, Visitor, cookies_of, psql

EXAMPLE = Path(__file__).parents[2] / 'examples' / 'storefront'


@pytest.fixture(scope='module')
def shop(server):
    """The storefront, on tables of its own in the same database."""
    server.execute("ALTER DATABASE portal_test SET commission.cref_secret = 'the tests'' own, and good for nothing else'")
    psql(EXAMPLE / 'storefront.sql')
    sys.path.insert(0, str(EXAMPLE))
    from storefront import create_app
    app = create_app({'STOREFRONT_DATABASE': f'dbname={DATABASE} user=storefront',
                      'STOREFRONT_SECRET': KEY, 'PORTAL_JWT_KEY': KEY,
                      'PORTAL_JWT_ISSUER': 'shop', 'PORTAL_URL': 'https://portal.example'})
    yield app
    app.extensions['pool'].close()


def outcomes(server, account):
    """What the sign-up's attempts came to."""
    return sorted(outcome for outcome, in server.execute("""
        SELECT outcome::text FROM commission.attribution_attempt
        WHERE account = %s AND role = 'brand'""", [account]))


def test_day(shop, server, app):
    """From the link of "you" to a purchase on which "you" earns 9 and 6."""
    guest = shop.test_client()
    answer = guest.get('/nora?cref=you&campaign=blog', base_url='https://localhost/')
    cookie = answer.headers['Set-Cookie']
    assert cookie.startswith('cref=')
    for flag in ('HttpOnly', 'SameSite=Lax', 'Secure', 'Max-Age=2592000'):
        assert flag in cookie

    signed_up = guest.post('/sign-up', data={'value': 'kim@example.com'},
                           base_url='https://localhost/')
    code = re.search('/confirm/([^"]*)', signed_up.get_data(as_text=True)).group(1)
    here = f'{cookies_of(answer)}; {cookies_of(signed_up)}'
    account, = server.execute("SELECT id FROM shop.users WHERE email = 'kim@example.com'").fetchone()

    elsewhere = shop.test_client()         # the mail is read on another device
    start = threading.Barrier(3)
    answers = []

    def go(client, path, **headers):
        start.wait()
        answers.append(client.get(path, headers=headers,
                                  base_url='https://localhost/').status_code)
    roads = [threading.Thread(target=go, args=(client, path), kwargs=headers)
             for client, path, headers in (
                 (elsewhere, f'/confirm/{code}', {}),
                 (shop.test_client(use_cookies=False), '/welcome', {'Cookie': here}),
                 (shop.test_client(use_cookies=False), '/nora', {'Cookie': here}))]
    for road in roads:
        road.start()
    for road in roads:
        road.join()
    assert answers == [200] * 3
    assert outcomes(server, account) == ['already_attributed'] * 2 + ['attributed']

    guest = elsewhere
    page = guest.post('/nora/linen-summer', base_url='https://localhost/')
    assert 'Your image is being generated.' in page.get_data(as_text=True)
    assert server.execute("""
        SELECT brand_amount, creator_amount, campaign
        FROM commission.commission_detail AS d
        JOIN shop.generations AS g ON g.id::text = d.generation
        JOIN commission.referral_history AS r ON r.account = g.user_id AND r.role = 'brand'
        WHERE d.account = 'you' AND g.user_id = %s""", [account]).fetchone() == (9, 6, 'blog')


def test_way_to_the_portal(shop, app):
    """The button of a signed-in user signs in to the portal."""
    user = shop.test_client()
    user.post('/sign-in', data={'value': 'you'}, base_url='https://localhost/')
    page = user.get('/', base_url='https://localhost/').get_data(as_text=True)
    token = re.search('name="token" value="([^"]*)"', page).group(1)
    you = Visitor(app)
    assert you.client.post('/sign-in', data={'token': token}).status_code == 303
    assert 'you' in you.text('/earnings')


def test_owner_is_the_referrer_of_a_page(shop, server):
    """A visit of a creator's page without a link is a touch of the creator's."""
    guest = shop.test_client()
    guest.get('/nora', base_url='https://localhost/')
    guest.post('/sign-up', data={'value': 'lee@example.com'}, base_url='https://localhost/')
    guest.get('/welcome', base_url='https://localhost/')
    assert server.execute("""
        SELECT referrer FROM commission.referral_history AS r
        JOIN shop.users AS u ON u.id = r.account AND u.email = 'lee@example.com'
        WHERE r.role = 'brand'""").fetchone() == ('nora',)


def test_bad_token(shop):
    """Nothing that a visitor types raises an error."""
    guest = shop.test_client()
    for path in ('/?cref=%00', '/nora?cref=' + 'x' * 2000, '/nora?campaign=%ff', "/nora?cref='"):
        assert guest.get(path, base_url='https://localhost/').status_code in (200, 400)
    assert shop.test_client(use_cookies=False).get(
        '/nora', headers={'Cookie': 'cref=forged'},
        base_url='https://localhost/').status_code == 200
    assert guest.get('/nobody', base_url='https://localhost/').status_code == 404
