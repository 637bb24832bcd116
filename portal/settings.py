"""The settings, from the environment: PORTAL_* (README.md lists them)."""
import os
from dataclasses import dataclass, field
from datetime import timedelta


class SettingError(Exception):
    """A setting that is missing, or that is not as it must be."""


def required(environ, name):
    """The value of a variable that has no default."""
    value = environ.get(name, '')
    if not value:
        raise SettingError(f'{name} must be set')
    return value


def secret(environ, name):
    """A secret that cannot be guessed: 32 bytes or more."""
    value = required(environ, name)
    if len(value.encode()) < 32:
        raise SettingError(f'{name} must have at least 32 bytes')
    return value


def number(environ, name, default):
    """A positive whole number."""
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise SettingError(f'{name} must be a whole number of at least 1')
    return int(value)


def listed(environ, name):
    """Names that are separated by commas."""
    return frozenset(filter(None, map(str.strip, environ.get(name, '').split(','))))


def key_of_tokens(environ, algorithm):
    """The key that verifies the platform's tokens; None if it sends none."""
    if algorithm == '':
        return None
    if algorithm == 'HS256':
        return secret(environ, 'PORTAL_JWT_KEY')
    if algorithm == 'RS256':
        key = required(environ, 'PORTAL_JWT_KEY')
        if not key.startswith('-----BEGIN PUBLIC KEY-----'):
            raise SettingError('PORTAL_JWT_KEY must be a public key in PEM for RS256')
        return key
    raise SettingError('PORTAL_JWT_ALGORITHM must be HS256 or RS256')


@dataclass(frozen=True)
class Settings:
    """What the application is told; see read()."""
    affiliate_database: str
    operator_database: str
    connections: int
    pooler: bool
    secret: str
    session: timedelta
    insecure: bool
    jwt_algorithm: str
    jwt_key: str = field(repr=False)
    jwt_issuer: str
    jwt_audience: str
    proxy_header: str
    proxies: frozenset
    sign_in_url: str
    storefront: str
    name: str
    timing: bool


def read(environ=os.environ):
    """The settings of this process; a mistake stops it before it serves."""
    algorithm = environ.get('PORTAL_JWT_ALGORITHM', '')
    proxy_header = environ.get('PORTAL_PROXY_HEADER', '')
    proxies = listed(environ, 'PORTAL_PROXIES')
    if not algorithm and not proxy_header:
        raise SettingError('nobody could sign in: '
                           'set PORTAL_JWT_ALGORITHM or PORTAL_PROXY_HEADER')
    if proxy_header and not proxies:
        raise SettingError('PORTAL_PROXY_HEADER needs PORTAL_PROXIES, '
                           'the addresses that may send it')
    return Settings(
        affiliate_database=required(environ, 'PORTAL_DATABASE'),
        operator_database=environ.get('PORTAL_OPERATOR_DATABASE', ''),
        connections=number(environ, 'PORTAL_CONNECTIONS', 8),
        pooler=environ.get('PORTAL_POOLER') == '1',
        secret=secret(environ, 'PORTAL_SECRET'),
        session=timedelta(minutes=number(environ, 'PORTAL_SESSION_MINUTES', 60)),
        insecure=environ.get('PORTAL_INSECURE') == '1',
        jwt_algorithm=algorithm,
        jwt_key=key_of_tokens(environ, algorithm),
        jwt_issuer=algorithm and required(environ, 'PORTAL_JWT_ISSUER'),
        jwt_audience=environ.get('PORTAL_JWT_AUDIENCE') or 'commission-portal',
        proxy_header=proxy_header,
        proxies=proxies,
        sign_in_url=environ.get('PORTAL_SIGN_IN_URL', ''),
        storefront=required(environ, 'PORTAL_STOREFRONT'),
        name=environ.get('PORTAL_NAME') or 'Affiliates',
        timing=environ.get('PORTAL_TIMING') == '1')
