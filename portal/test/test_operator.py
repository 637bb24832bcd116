"""What the operator sees and does."""
import io
import json

import pytest

from .conftest import words_of


@pytest.fixture
def requested(server):
    """A function that makes a requested withdrawal, and gives its number."""
    def make(amount=100):
        with server.transaction():
            server.execute('SET LOCAL commission.minimum_payout = 0')
            return server.execute("""
                SELECT commission.request_withdrawal('nora', %s,
                    destination => 'nora@studio.example')""", [amount]).fetchone()[0]
    return make


def state_of(server, withdrawal):
    """The state of a withdrawal."""
    return server.execute("""
        SELECT state::text FROM commission.withdrawal_status WHERE withdrawal = %s""",
        [withdrawal]).fetchone()[0]


def test_approve_and_reject(operator, server, requested):
    """The two decisions, and a third that comes too late."""
    first, second = requested(), requested()
    page = words_of(operator.text('/operator/withdrawals'))
    assert f'No. {first} by paypal' in page and f'No. {second} by paypal' in page
    path = '/operator/withdrawals'
    assert f'Withdrawal {first} is approved.' in words_of(
        operator.post(f'{path}/{first}/approve'))
    assert f'Withdrawal {second} is rejected.' in words_of(
        operator.post(f'{path}/{second}/reject', reason='another name'))
    assert state_of(server, first) == 'approved' and state_of(server, second) == 'rejected'
    assert 'another name' in operator.text(path, state='rejected')
    assert 'is approved.' not in words_of(operator.post(f'{path}/{second}/approve'))
    assert operator.post(f'{path}/{first}/destroy').status_code == 404
    operator.post(f'{path}/{first}/reject', reason='test')


def test_a_reason_is_needed(operator, server, requested):
    """A rejection without a reason is none."""
    withdrawal = requested()
    operator.post(f'/operator/withdrawals/{withdrawal}/reject', reason='')
    assert state_of(server, withdrawal) == 'requested'
    operator.post(f'/operator/withdrawals/{withdrawal}/reject', reason='test')


def test_batch(operator, server, requested):
    """A batch, its two files, and PayPal's answer to it."""
    paid, failed = requested(), requested(200)
    for withdrawal in (paid, failed):
        operator.post(f'/operator/withdrawals/{withdrawal}/approve')
    page = operator.post('/operator/batches', method='paypal')
    batch = int(page.request.path.rsplit('/', 1)[1])
    assert 'nora@studio.example' in page.get_data(as_text=True)
    order = json.loads(operator.text(f'/operator/batches/{batch}.json'))
    assert {item['amount']['value'] for item in order['items']} == {'1.00', '2.00'}
    assert f'commission-withdrawal-{paid},nora,' in operator.text(
        f'/operator/batches/{batch}.csv')

    answer = {'batch_header': {'sender_batch_header': {
        'sender_batch_id': order['sender_batch_header']['sender_batch_id']}},
        'items': [{'transaction_id': 'T1', 'transaction_status': status,
                   'payout_item': {'sender_item_id': f'commission-withdrawal-{number}',
                                   'amount': {'currency': 'USD', 'value': value}}}
                  for number, status, value in ((paid, 'SUCCESS', '1.00'),
                                                (failed, 'RETURNED', '2.00'))]}
    page = operator.client.post(f'/operator/batches/{batch}/import', data={
        'csrf': operator.csrf(),
        'answer': (io.BytesIO(json.dumps(answer).encode()), 'answer.json')})
    assert f'{paid} SUCCESS Paid yes' in words_of(page)
    assert state_of(server, paid) == 'paid' and state_of(server, failed) == 'failed'
    assert 'No approved withdrawal waits' in words_of(
        operator.post('/operator/batches', method='paypal'))


def test_cancelled_batch(operator, server, requested):
    """What was never sent can be taken out again."""
    withdrawal = requested()
    operator.post(f'/operator/withdrawals/{withdrawal}/approve')
    batch = operator.post('/operator/batches', method='paypal').request.path
    assert 'is cancelled' in words_of(operator.post(f'{batch}/cancel'))
    operator.post(f'/operator/withdrawals/{withdrawal}/reject', reason='test')
    assert state_of(server, withdrawal) == 'rejected'


@pytest.mark.parametrize('text', [b'', b'{', b'\xff', b'[' * 100000, b'{"items": 1}', b'3'])
def test_bad_answer(operator, server, requested, text):
    """What is no answer of PayPal's is refused in words."""
    batch = server.execute('SELECT min(batch) FROM commission.payout_item').fetchone()[0] or 1
    page = operator.client.post(f'/operator/batches/{batch}/import', data={
        'csrf': operator.csrf(), 'answer': (io.BytesIO(text), 'answer.json')},
        follow_redirects=True)
    assert page.status_code in (200, 400) and 'alert-danger' in page.get_data(as_text=True)


def test_hold(operator, server, requested):
    """A held account's withdrawal says why it cannot be approved."""
    withdrawal = requested()
    assert 'The account is held.' in words_of(
        operator.post('/operator/holds', account='nora', reason='a new bank'))
    assert 'is held' in words_of(operator.text('/operator/withdrawals'))
    page = words_of(operator.post(f'/operator/withdrawals/{withdrawal}/approve'))
    assert 'cannot be approved' in page and state_of(server, withdrawal) == 'requested'
    assert 'The account is released.' in words_of(
        operator.post('/operator/releases', account='nora', reason='confirmed'))
    page = words_of(operator.text('/operator/trust'))
    assert 'a new bank' in page and 'confirmed' in page
    operator.post(f'/operator/withdrawals/{withdrawal}/reject', reason='test')


def test_signals(operator):
    """What stands out is shown with its evidence, and decides nothing."""
    page = words_of(operator.text('/operator/trust'))
    assert 'eve · eve-again Same mailbox' in page and 'Evidence' in page


def test_health(operator):
    """The audit finds nothing; upkeep can be done by hand."""
    assert 'Machines and their sums Node' in words_of(operator.text('/operator/health'))
    assert 'The books are clean.' in words_of(operator.text('/operator/health', audit=1))
    for what in ('rollup', 'accrue_deferred'):
        assert 'Done.' in words_of(operator.post(f'/operator/health/{what}'))
    assert operator.post('/operator/health/drop').status_code == 404


def test_actions_are_logged(operator, requested, caplog):
    """Who did what is in the log, as no database role would tell."""
    withdrawal = requested()
    with caplog.at_level('INFO'):
        operator.post(f'/operator/withdrawals/{withdrawal}/reject', reason='a\nb')
    assert f"operator 'ops': SELECT commission.reject_withdrawal(%s, %s) ({withdrawal}, 'a\\nb')" \
        in caplog.text


def test_public_portal(make_app):
    """Without the operator's database there is no operator."""
    from .conftest import Visitor
    app = make_app(PORTAL_OPERATOR_DATABASE='')
    operator = Visitor(app).sign_in('ops', 'operator')
    assert operator.get('/operator/withdrawals').status_code == 403
