"""
A storefront, from a click on an affiliate's link to the portal, in one file.

    psql -f examples/storefront/storefront.sql shop
    gunicorn --chdir examples/storefront 'storefront:create_app()'

The environment is STOREFRONT_DATABASE and STOREFRONT_SECRET, and for the way to
the portal PORTAL_URL, PORTAL_JWT_KEY and PORTAL_JWT_ISSUER; "./dev portal" sets
it.  Users sign in by their name alone, where a real shop has passwords.
"""
import atexit
import os
import time

import jwt
import psycopg
from flask import (Blueprint, Flask, abort, current_app, g, redirect, render_template_string,
                   request, session)
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

WINDOW = 30 * 24 * 3600     # seconds: commission.attribution_window_days

front = Blueprint('front', __name__)

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<nav><a href="/">Shop</a>
{% if session.user %} · {{ session.user }}
<form method="post" action="{{ portal }}/sign-in">
  <input type="hidden" name="token" value="{{ token }}"><button>My earnings</button></form>
{% else %} · <a href="/sign-up">Sign up</a> · <a href="/sign-in">Sign in</a>{% endif %}</nav>
<h1>{{ title }}</h1>
{% if note %}<p role="status">{{ note }}</p>{% endif %}
<ul>{% for url, words in links %}<li><a href="{{ url }}">{{ words }}</a></li>{% endfor %}</ul>
{% if field is not none %}<form method="post">
  {% if field %}<label>{{ field }} <input name="value" required></label>{% endif %}
  <button>{{ title }}</button></form>{% endif %}"""


def ask(query, *values):
    """The first row of a query, in a transaction of its own."""
    with current_app.extensions['pool'].connection() as db:
        return db.execute(query, values).fetchone()


def user_row(account):
    """What the shop has of a user."""
    return ask('SELECT * FROM shop.users WHERE id = %s', account)


def page(title, note='', links=(), field=None):
    """A page; whoever is signed in carries the portal's token along."""
    now = int(time.time())
    token = jwt.encode({
        'sub': session['user'], 'role': session.get('role', 'affiliate'),
        'iss': current_app.config['PORTAL_JWT_ISSUER'],
        'aud': 'commission-portal', 'iat': now, 'exp': now + 300},
        current_app.config['PORTAL_JWT_KEY'], 'HS256') if 'user' in session else ''
    return render_template_string(PAGE, title=title, note=note, links=links, field=field,
                                  token=token, portal=current_app.config['PORTAL_URL'])


def touch(owner=None):
    """A page is shown: whose link led here, or else whose page is it?"""
    g.cref, = ask('SELECT commission.touch(%s, %s, %s, %s)', request.args.get('cref', owner),
                  request.cookies.get('cref'), request.args.get('campaign'), request.path)


@front.errorhandler(psycopg.DataError)
def refuse(error):
    """What cannot be a text of PostgreSQL's is nothing of ours."""
    return page('This cannot be understood'), 400


@front.after_request
def keep_cref(response):
    """Keep the first touch, or forget what is none any more."""
    if 'cref' in g and g.cref is None:
        response.delete_cookie('cref')
    elif 'cref' in g:
        response.set_cookie('cref', g.cref, max_age=WINDOW, httponly=True,
                            secure=current_app.config['SESSION_COOKIE_SECURE'], samesite='Lax')
    return response


def attribute(user):
    """What every road of a sign-up calls, in any order or at once."""
    outcome, = ask("""
        SELECT commission.attribute(%s, %s, NULL, %s, %s)::text""",
        user.id, user.cref or request.cookies.get('cref'), user.created_at, user.email)
    session['user'], session['attributed'] = user.id, True
    return outcome


@front.before_request
def first_load():
    """The third road: the first page that a signed-in user loads."""
    if 'user' in session and 'attributed' not in session and request.endpoint != 'front.welcome':
        attribute(user_row(session['user']))


@front.get('/')
def shop():
    touch()
    with current_app.extensions['pool'].connection() as db:
        creators = db.execute('SELECT DISTINCT owner_id FROM shop.listings').fetchall()
    return page('Shop', links=[(f'/{c.owner_id}', c.owner_id) for c in creators])


@front.get('/<creator>')
def creator(creator):
    """A public page of a creator; a visit of it is a touch of theirs."""
    with current_app.extensions['pool'].connection() as db:
        listings = db.execute('SELECT id, title FROM shop.listings WHERE owner_id = %s',
                              [creator]).fetchall()
    if not listings:
        abort(404)
    touch(creator)
    return page(creator, links=[(f'/{creator}/{l.id}', l.title) for l in listings])


@front.get('/<creator>/<listing>')
def listing(creator, listing):
    """A public page of a listing."""
    found = ask('SELECT title FROM shop.listings WHERE id = %s AND owner_id = %s',
                listing, creator)
    if found is None:
        abort(404)
    touch(creator)
    return page(f'Generate with {found.title}', field='' if 'user' in session else None)


@front.post('/<creator>/<listing>')
def buy(creator, listing):
    """A purchase: a row in the shop's own table, and commission accrues."""
    if 'user' not in session:
        return redirect('/sign-up', 303)
    ask("""INSERT INTO shop.generations (user_id, photo_set, model, resolution)
        VALUES (%s, %s, 'nano-banana-2', '2K') RETURNING id""", session['user'], listing)
    return page('Thank you', note='Your image is being generated.')


@front.get('/sign-up')
@front.get('/sign-in')
def ask_who():
    if request.path == '/sign-in':
        return page('Sign in', field='Name')
    touch()
    return page('Sign up', field='E-mail address')


@front.post('/sign-up')
def sign_up():
    """The confirmation may be read in another browser: keep the touch here."""
    new = ask("""INSERT INTO shop.users (email, cref) VALUES (%s, %s)
        ON CONFLICT (email) DO NOTHING RETURNING id, code""",
        request.form['value'], request.cookies.get('cref'))
    if new is None:
        abort(409)
    session.clear()
    session['user'] = new.id
    return page('Check your mail', links=[
        (f'/confirm/{new.code}', 'Confirm your address (this is in the mail)'),
        ('/welcome', 'Go on without')])


@front.post('/sign-in')
def sign_in():
    user = user_row(request.form['value'])
    if user is None:
        abort(404)
    session.clear()
    session['user'], session['role'] = user.id, user.role
    return redirect('/', 303)


@front.get('/confirm/<code>')
def confirm(code):
    """The first road: the confirmation mail."""
    found = ask('SELECT id FROM shop.users WHERE code = %s', code)
    return page('Welcome', note=attribute(user_row(found.id))) if found else abort(404)


@front.get('/welcome')
def welcome():
    """The second road: the welcome page."""
    if 'user' not in session:
        return redirect('/sign-up')
    return page('Welcome', note=attribute(user_row(session['user'])))


def create_app(environ=os.environ):
    """The application."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=environ['STOREFRONT_SECRET'], SESSION_COOKIE_NAME='shop',
                      SESSION_COOKIE_SAMESITE='Lax',
                      SESSION_COOKIE_SECURE=environ.get('STOREFRONT_INSECURE') != '1',
                      PORTAL_URL=environ.get('PORTAL_URL', ''),
                      PORTAL_JWT_KEY=environ['PORTAL_JWT_KEY'],
                      PORTAL_JWT_ISSUER=environ.get('PORTAL_JWT_ISSUER'))
    pool = app.extensions['pool'] = ConnectionPool(
        environ['STOREFRONT_DATABASE'], min_size=1, max_size=4,
        kwargs={'row_factory': namedtuple_row, 'prepare_threshold': None})
    atexit.register(pool.close)
    app.register_blueprint(front)
    return app
