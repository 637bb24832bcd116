"""
What the tests run against: a database of their own on the server that PGHOST and
PGPORT name, the application in this process, and the same under gunicorn.
"""
import os
import re
import secrets
import subprocess
import time
from pathlib import Path

import jwt
import psycopg
import pytest

from portal import create_app
from portal.settings import read

HERE = Path(__file__).parent
DATABASE = 'portal_test'
KEY = secrets.token_hex(32)


def psql(*files, database=DATABASE):
    """Run files of SQL as the superuser."""
    for file in files:
        subprocess.run(['psql', '-X', '-q', '-o', os.devnull, '-v', 'ON_ERROR_STOP=1',
                        '-d', database, '-f', file], check=True)


def clean_up():
    """Leave nothing on the server."""
    with psycopg.connect(dbname='postgres', autocommit=True) as db:
        db.execute(f'DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)')
        db.execute('DROP ROLE IF EXISTS portal_affiliate, portal_operator, storefront')


@pytest.fixture(scope='session')
def server():
    """The database with the shop in it; a connection of the superuser's."""
    clean_up()
    with psycopg.connect(dbname='postgres', autocommit=True) as db:
        db.execute(f'CREATE DATABASE {DATABASE}')
    psql(HERE / 'seed.sql', HERE.parent / 'roles.sql')
    with psycopg.connect(dbname=DATABASE, autocommit=True) as db:
        yield db
    clean_up()


def environment(**changes):
    """The application's settings, as its environment has them."""
    return {'PORTAL_DATABASE': f'dbname={DATABASE} user=portal_affiliate',
            'PORTAL_OPERATOR_DATABASE': f'dbname={DATABASE} user=portal_operator',
            'PORTAL_SECRET': KEY, 'PORTAL_INSECURE': '1',
            'PORTAL_JWT_ALGORITHM': 'HS256', 'PORTAL_JWT_KEY': KEY,
            'PORTAL_JWT_ISSUER': 'shop', 'PORTAL_STOREFRONT': 'https://shop.example/',
            'PORTAL_CONNECTIONS': '4', **changes}


@pytest.fixture(scope='session')
def make_app(server):
    """A function that makes the application with changed settings."""
    made = []

    def make(**changes):
        made.append(create_app(read(environment(**changes))))
        return made[-1]
    yield make
    for app in made:
        for pool in app.extensions['portal.pools'].values():
            pool.close()


@pytest.fixture(scope='session')
def app(make_app):
    """The application."""
    return make_app()


def token(account, role='affiliate', key=KEY, algorithm='HS256', **claims):
    """A token of the platform's; a claim that is None is left out."""
    now = int(time.time())
    claims = {'sub': account, 'role': role, 'iss': 'shop', 'aud': 'commission-portal',
              'iat': now, 'exp': now + 60, **claims}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm)


def cookies_of(answer):
    """The cookies that an answer sets, as the browser sends them back."""
    return '; '.join(line.split(';')[0] for line in answer.headers.getlist('Set-Cookie'))


class Visitor:
    """A browser without a screen."""

    def __init__(self, app):
        self.client = app.test_client()

    def sign_in(self, account, role='affiliate'):
        """Come from the platform, signed in."""
        answer = self.client.post('/sign-in', data={'token': token(account, role)})
        assert answer.status_code == 303
        return self

    def csrf(self):
        """What the forms of this visitor's pages carry."""
        with self.client.session_transaction() as session:
            return session['csrf']

    def get(self, path, **query):
        """A page."""
        return self.client.get(path, query_string=query or None)

    def text(self, path, **query):
        """A page's text; it has to be there."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, path
        return answer.get_data(as_text=True)

    def post(self, path, follow=True, **fields):
        """A form of ours, and the page that it leads to."""
        return self.client.post(path, data={'csrf': self.csrf(), **fields},
                                follow_redirects=follow)


@pytest.fixture
def visitor(app):
    """A function that makes a visitor, signed in if an account is given."""
    def make(account=None, role='affiliate', app=app):
        made = Visitor(app)
        return made.sign_in(account, role) if account else made
    return make


@pytest.fixture
def you(visitor):
    """The affiliate of the worked example."""
    return visitor('you')


@pytest.fixture
def operator(visitor):
    """The operator."""
    return visitor('ops', 'operator')


def words_of(page):
    """A page without its tags, and with single spaces."""
    page = page if isinstance(page, str) else page.get_data(as_text=True)
    return re.sub(r'\s+', ' ', re.sub('<[^>]*>', ' ', page))
