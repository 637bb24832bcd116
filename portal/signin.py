"""
Who is signed in: by a JWT that the platform signed, which starts a session, or
by the header of a trusted proxy, which is read on each request.
"""
import secrets
import time

import jwt
from flask import (Blueprint, abort, current_app, g, redirect, render_template,
                   request, session, url_for)

from . import database

TOKEN_SECONDS = 300         # a token may live as long as this
ACCOUNT_BYTES = 1024        # an identifier of the extension's, at most
ROLES = ('affiliate', 'operator')

signin = Blueprint('signin', __name__)


def settings():
    """The settings of this application."""
    return current_app.config['PORTAL']


def is_account(name):
    """Could this name an account?"""
    return (isinstance(name, str) and '\0' not in name
            and 1 <= len(name.encode('utf-8', 'replace')) <= ACCOUNT_BYTES)


def claims_of(token):
    """
    What a token says; jwt.InvalidTokenError where it cannot be trusted.  Only
    the configured algorithm is accepted, so neither "none" nor a public key
    taken for a secret passes.
    """
    claims = jwt.decode(
        token, settings().jwt_key, algorithms=[settings().jwt_algorithm],
        audience=settings().jwt_audience, issuer=settings().jwt_issuer,
        options={'require': ['exp', 'iat', 'aud', 'iss', 'sub']})
    if claims['exp'] - claims['iat'] > TOKEN_SECONDS:
        raise jwt.InvalidTokenError('the token lives too long')
    if not is_account(claims['sub']):
        raise jwt.InvalidTokenError('the subject cannot be an account')
    if claims.get('role', 'affiliate') not in ROLES:
        raise jwt.InvalidTokenError('the role does not exist')
    return claims


def start_session(account, role):
    """Begin anew: nothing of a session that was there before is kept."""
    session.clear()
    session['account'] = account
    session['role'] = role
    session['csrf'] = secrets.token_urlsafe(32)
    session['until'] = int(time.time() + settings().session.total_seconds())


@signin.get('/sign-in')
def ask():
    """Say where to sign in."""
    return render_template('sign_in.html', url=settings().sign_in_url)


@signin.post('/sign-in')
def enter():
    """Sign in with the platform's token, which its page posts here."""
    if settings().jwt_key is None:
        abort(404)
    try:
        claims = claims_of(request.form.get('token', ''))
    except jwt.InvalidTokenError as problem:
        current_app.logger.warning('sign-in refused: %s', problem)
        session.clear()
        return render_template('sign_in.html', url=settings().sign_in_url,
                               refused=True), 401
    start_session(claims['sub'], claims.get('role', 'affiliate'))
    return redirect(url_for('home'), 303)


@signin.post('/sign-out')
def leave():
    """End the session."""
    session.clear()
    return redirect(url_for('signin.ask'), 303)


def read_proxy():
    """Take whom a trusted proxy names; its word is above any session's."""
    header = settings().proxy_header
    if not header or (request.remote_addr or 'unix') not in settings().proxies:
        return
    account = request.headers.get(header, '')
    role = request.headers.get(f'{header}-Role', 'affiliate')
    if not is_account(account) or role not in ROLES:
        session.clear()
    elif (session.get('account'), session.get('role')) != (account, role):
        start_session(account, role)


def identify():
    """Find out who asks, before anything else is done."""
    read_proxy()
    if session.get('until', 0) < time.time():
        session.clear()
    g.account = session.get('account')
    g.role = session.get('role')


def require(role):
    """A hook that lets only this role pass."""
    def check():
        if g.role is None:
            abort(401)
        if g.role != role or (role == 'operator' and not database.has_operator()):
            abort(403)
    return check
