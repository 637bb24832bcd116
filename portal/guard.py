"""What browsers are told not to allow, and requests that other sites forge."""
import secrets

from flask import abort, g, request, session

from .signin import settings

POLICY = '; '.join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",         # Bootstrap's arrows
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'"))


def check_origin():
    """
    Refuse a form that was not on a page of ours.  Signing in is exempt: the
    platform's page posts its token, which proves itself.
    """
    if request.method in ('GET', 'HEAD', 'OPTIONS') or request.endpoint == 'signin.enter':
        return
    expected = session.get('csrf', '')
    given = request.form.get('csrf', '')
    if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
        abort(403)
    if request.headers.get('Sec-Fetch-Site', 'same-origin') != 'same-origin':
        abort(403)


def add_headers(response):
    """Tell the browser what it must not do with a page."""
    headers = response.headers
    headers['Content-Security-Policy'] = POLICY
    headers['X-Content-Type-Options'] = 'nosniff'
    headers['Referrer-Policy'] = 'same-origin'
    headers['Cross-Origin-Opener-Policy'] = 'same-origin'
    headers['Cross-Origin-Resource-Policy'] = 'same-origin'
    if request.endpoint not in ('static', 'library'):
        headers['Cache-Control'] = 'no-store'
    if not settings().insecure:
        headers['Strict-Transport-Security'] = 'max-age=31536000'
    if settings().timing:
        headers['Server-Timing'] = f'db;dur={1000 * g.get("database_seconds", 0):.2f}'
    return response
