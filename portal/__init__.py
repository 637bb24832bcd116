"""
The portal of the affiliates, and the operator's desk: what the extension
commission keeps in PostgreSQL, in a browser.

    gunicorn 'portal:create_app()'
"""
import logging

import psycopg
import psycopg_pool
from flask import (Flask, abort, flash, g, redirect, render_template,
                   send_from_directory, session, url_for)

from . import database, display, guard, pages, signin, words
from . import (desk, earnings, health, links, programme, referrals, statement,
               terms, trust, withdrawals)      # noqa: F401, they add their pages
from .settings import read

# Debian's libjs-bootstrap5 and libjs-chart.js; nothing else there is served.
LIBRARY = '/usr/share/javascript'
LIBRARY_FILES = {'bootstrap.css': 'bootstrap5/css/bootstrap.min.css',
                 'chart.js': 'chart.js/chart.min.js'}


def library(name):
    """A library's file, where Debian has installed it."""
    if name not in LIBRARY_FILES:
        abort(404)
    return send_from_directory(LIBRARY, LIBRARY_FILES[name], max_age=86400)


def home():
    """The first page of whoever is signed in."""
    if g.role is None:
        return redirect(url_for('signin.ask'))
    page = 'operator.desk' if g.role == 'operator' else 'affiliate.earnings'
    return redirect(url_for(page))


def tell_error(error):
    """A page that says what went wrong, in words of the catalogue."""
    code = error.code if error.code in (400, 401, 403, 404, 405, 413) else 500
    if code == 401:
        return redirect(url_for('signin.ask'))
    return render_template('error.html', code=code), code


def tell_database_error(error):
    """
    What the database refuses is told to whoever asked for it; what it cannot
    do is told to the log.
    """
    if pages.is_refusal(error):
        flash(pages.refusal(error), 'danger')
        return render_template('error.html', code=400), 400
    logging.getLogger(__name__).error('%s', error, exc_info=error)
    code = 503 if isinstance(error, psycopg.OperationalError) else 500
    return render_template('error.html', code=code), code


def create_app(settings=None):
    """The application, with its connections open."""
    settings = settings or read()
    app = Flask(__name__)
    app.config.update(
        PORTAL=settings,
        SECRET_KEY=settings.secret,
        SESSION_COOKIE_NAME='portal' if settings.insecure else '__Host-portal',
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE='Lax',
        SESSION_COOKIE_SECURE=not settings.insecure,
        MAX_CONTENT_LENGTH=8 * 1024 * 1024)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(display.FILTERS)
    app.jinja_env.globals.update(
        say=words.say, has_words=words.has_words, language=words.language,
        name=settings.name, csrf=lambda: session.get('csrf', ''))

    app.url_map.converters['number'] = pages.Number
    app.before_request(signin.identify)
    app.before_request(guard.check_origin)
    app.after_request(guard.add_headers)
    app.add_url_rule('/', view_func=home)
    app.add_url_rule('/library/<name>', view_func=library)
    app.register_blueprint(signin.signin)
    app.register_blueprint(pages.affiliate)
    app.register_blueprint(pages.operator)
    for code in (400, 401, 403, 404, 405, 413, 500):
        app.register_error_handler(code, tell_error)
    for error in (psycopg.Error, psycopg_pool.PoolTimeout):
        app.register_error_handler(error, tell_database_error)
    database.open_pools(app, settings)
    return app
