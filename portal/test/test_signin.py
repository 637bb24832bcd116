"""Who gets in, and who does not."""
import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portal.settings import SettingError, read

from .conftest import KEY, Visitor, cookies_of, environment, token, words_of

def unsigned(algorithm, **claims):
    """A token whose header says that nobody signed it."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip('=')
    now = int(time.time())
    claims = {'sub': 'you', 'iss': 'shop', 'aud': 'commission-portal',
              'iat': now, 'exp': now + 60, **claims}
    return f'{part({"alg": algorithm, "typ": "JWT"})}.{part(claims)}.'


def with_other_claims():
    """A good token, in which the subject was changed afterwards."""
    head, body, signature = token('you').split('.')
    claims = json.loads(base64.urlsafe_b64decode(body + '=='))
    claims['sub'] = 'eve'
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')
    return f'{head}.{body}.{signature}'


# Each is made when it is tried: a token that has expired proves nothing else.
REFUSED = {
    'nothing': lambda now: '',
    'no token at all': lambda now: 'hello',
    'alg none': lambda now: unsigned('none'),
    'alg None': lambda now: unsigned('None'),
    'changed claims': lambda now: with_other_claims(),
    'another key': lambda now: token('you', key='x' * 32),
    'another algorithm': lambda now: token('you', algorithm='HS512'),
    'expired': lambda now: token('you', iat=now - 120, exp=now - 60),
    'not yet': lambda now: token('you', nbf=now + 60),
    'issued in the future': lambda now: token('you', iat=now + 100, exp=now + 160),
    'never expires': lambda now: token('you', exp=None),
    'lives too long': lambda now: token('you', exp=now + 3600),
    'without the time of issue': lambda now: token('you', iat=None),
    'another issuer': lambda now: token('you', iss='elsewhere'),
    'without an issuer': lambda now: token('you', iss=None),
    'another audience': lambda now: token('you', aud='elsewhere'),
    'without an audience': lambda now: token('you', aud=None),
    'without a subject': lambda now: token(None),
    'an empty subject': lambda now: token(''),
    'a subject with a NUL': lambda now: token('you\0'),
    'too long a subject': lambda now: token('x' * 1025),
    'an unknown role': lambda now: token('you', role='admin'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_refused_token(visitor, case):
    """None of these starts a session."""
    guest = visitor()
    given = REFUSED[case](int(time.time()))
    assert guest.client.post('/sign-in', data={'token': given}).status_code == 401
    assert guest.get('/earnings').location == '/sign-in'


def test_good_token(visitor):
    """A good token does."""
    assert 'Earnings' in visitor('you').text('/earnings')


def test_public_key(make_app):
    """RS256: the platform's key signs, and its public half is no secret for HS256."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM,
                                serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = make_app(PORTAL_JWT_ALGORITHM='RS256', PORTAL_JWT_KEY=public.decode())
    guest = Visitor(app)

    def enter(given):
        return guest.client.post('/sign-in', data={'token': given}).status_code
    assert enter(token('you', key=private, algorithm='RS256')) == 303
    assert enter(token('you')) == 401
    claims = jwt.decode(token('you'), options={'verify_signature': False})
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip('=')
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f'{head}.{body}'.encode(), public)
    signature = base64.urlsafe_b64encode(signature).decode().rstrip('=')
    assert enter(f'{head}.{body}.{signature}') == 401


def test_token_by_get_is_no_sign_in(visitor):
    """A token in a URL would be in logs and histories."""
    guest = visitor()
    assert guest.get('/sign-in', token=token('you')).status_code == 200
    assert guest.get('/earnings').status_code == 302


def test_fixation(visitor):
    """Nothing of the session before the sign-in survives it."""
    guest = visitor('eve')
    planted = guest.csrf()
    with guest.client.session_transaction() as session:
        session['planted'] = 'by eve'
    guest.sign_in('you')
    assert guest.csrf() != planted
    with guest.client.session_transaction() as session:
        assert 'planted' not in session and session['account'] == 'you'


def test_refused_sign_in_ends_the_session(you):
    """Who fails to sign in as another does not go on as whom they were."""
    you.client.post('/sign-in', data={'token': 'hello'})
    assert you.get('/earnings').location == '/sign-in'


def test_forged_session(app):
    """A session cookie that we did not sign is none."""
    client = app.test_client(use_cookies=False)

    def get(cookie):
        return client.get('/earnings', headers={'Cookie': cookie})
    assert get(cookies_of(client.post('/sign-in', data={'token': token('you')}))).status_code == 200
    assert get('portal=eyJhY2NvdW50IjoieW91In0.aaaa.bbbb').location == '/sign-in'


def test_session_ends(make_app, you):
    """A session is for an hour, whatever is done in it."""
    with you.client.session_transaction() as session:
        assert 3500 < session['until'] - time.time() <= 3600
        session['until'] = int(time.time()) - 1
    assert you.get('/earnings').location == '/sign-in'


def test_sign_out(you):
    """Signing out is a form, like everything that changes something."""
    assert you.get('/sign-out').status_code == 405
    assert you.post('/sign-out', follow=False).location == '/sign-in'
    assert you.get('/earnings').location == '/sign-in'


def test_cookie(make_app):
    """The cookie is for our server alone, and for no script."""
    secure = make_app(PORTAL_INSECURE='')
    answer = Visitor(secure).client.post('/sign-in', data={'token': token('you')},
                                         base_url='https://localhost/')
    cookie = answer.headers['Set-Cookie']
    assert cookie.startswith('__Host-portal=')
    for flag in ('Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/'):
        assert flag in cookie
    assert 'Domain' not in cookie
    assert 'max-age' in answer.headers['Strict-Transport-Security']


def test_proxy(make_app):
    """The header counts where it is configured, and from the proxy alone."""
    app = make_app(PORTAL_PROXY_HEADER='X-Account', PORTAL_PROXIES='10.0.0.1, unix')

    def get(address, guest=None, **headers):
        guest = guest or Visitor(app)
        return guest.client.get('/earnings', headers={
            k.replace('_', '-'): v for k, v in headers.items()},
            environ_base={'REMOTE_ADDR': address})
    assert 'you' in words_of(get('10.0.0.1', X_Account='you'))
    assert get('10.0.0.2', X_Account='you').status_code == 302
    assert 'you' in words_of(get('', X_Account='you')), 'a Unix socket has no address'
    assert get('10.0.0.1').status_code == 302
    assert get('10.0.0.1', X_Account='you', X_Account_Role='admin').status_code == 302
    assert get('10.0.0.1', X_Account='ops', X_Account_Role='operator').status_code == 403

    guest = Visitor(app)
    get('10.0.0.1', guest, X_Account='you')
    assert get('10.0.0.1', guest).status_code == 302, 'no header, no session'


def test_header_without_configuration(visitor):
    """Whoever sends the header where none is configured is nobody."""
    answer = visitor().client.get('/earnings', headers={'X-Account': 'you'})
    assert answer.status_code == 302


@pytest.mark.parametrize('changes, words', [
    ({'PORTAL_SECRET': 'short'}, 'PORTAL_SECRET must have at least 32 bytes'),
    ({'PORTAL_SECRET': ''}, 'PORTAL_SECRET must be set'),
    ({'PORTAL_JWT_KEY': 'short'}, 'PORTAL_JWT_KEY must have at least 32 bytes'),
    ({'PORTAL_JWT_ALGORITHM': 'none'}, 'must be HS256 or RS256'),
    ({'PORTAL_JWT_ALGORITHM': 'RS256'}, 'must be a public key'),
    ({'PORTAL_JWT_ISSUER': ''}, 'PORTAL_JWT_ISSUER must be set'),
    ({'PORTAL_JWT_ALGORITHM': ''}, 'nobody could sign in'),
    ({'PORTAL_PROXY_HEADER': 'X-Account'}, 'needs PORTAL_PROXIES'),
    ({'PORTAL_SESSION_MINUTES': '-1'}, 'must be a whole number'),
])
def test_bad_settings(changes, words):
    """A mistake in the settings stops the application before it serves."""
    with pytest.raises(SettingError, match=words):
        read(environment(**changes))


def test_secrets_are_not_printed():
    """A settings object in a log does not give the keys away."""
    assert KEY not in repr(read(environment(PORTAL_SECRET='y' * 32)))
