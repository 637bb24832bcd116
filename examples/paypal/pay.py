#!/usr/bin/env python3
"""Pay approved withdrawals by PayPal's Payouts API, each once (R25).

    PAYPAL_CLIENT_ID=... PAYPAL_SECRET=... pay.py --connect 'dbname=shop'

Opens batches of what is approved, then sends each batch that is not settled, one
that was sent before again, and takes PayPal's answer.  It keeps nothing of its
own, and can be killed at any moment and started again: PayPal refuses a
sender_batch_id that it has had, and says which batch that is.
"""
import argparse
import base64
import http.client
import json
import os
import random
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request


class Problem(Exception):
    """Why a batch is left to the next run."""


def query(conninfo, sql):
    """The lines that psql prints."""
    done = subprocess.run(
        ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', conninfo],
        input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf-8',
        env={**os.environ, 'PGCLIENTENCODING': 'UTF8'})
    if done.returncode:
        raise Problem(done.stderr.strip())
    sys.stderr.write(done.stderr)
    return done.stdout.split('\n')[:-1]


class PayPal:
    """The API: each call is repeated until it is answered."""

    def __init__(self, options):
        self.options = options
        self.token = None
        self.credentials = base64.b64encode(
            f"{os.environ['PAYPAL_CLIENT_ID']}:{os.environ['PAYPAL_SECRET']}".encode()).decode()

    def request(self, path, body, content_type, authorization):
        """The status and the answer; OSError or HTTPException if there is none."""
        request = urllib.request.Request(self.options.api + path, body, {
            'Content-Type': content_type, 'Authorization': authorization})
        try:
            with urllib.request.urlopen(request, timeout=self.options.timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b'null')

    def authorized(self, path, body):
        """The same, with a token."""
        if self.token is None:
            status, answer = self.request(
                '/v1/oauth2/token', b'grant_type=client_credentials',
                'application/x-www-form-urlencoded', f'Basic {self.credentials}')
            if status != 200:
                return status, answer
            self.token = answer['access_token']
        return self.request(path, body, 'application/json', f'Bearer {self.token}')

    def call(self, path, body=None):
        """A status under 500 that is not "try again", and the answer."""
        said = 'no answer'
        for attempt in range(self.options.attempts):
            if attempt:
                time.sleep(min(self.options.backoff * 2 ** attempt, 60) * random.uniform(0.5, 1))
            try:
                status, answer = self.authorized(path, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = str(error)
                continue
            said = f'{status} {json.dumps(answer)}'
            if status == 401:
                self.token = None
            elif status < 500 and status != 429 and not (status == 404 and body is None):
                return status, answer
        raise Problem(said)


def send(paypal, batch):
    """Send a batch; PayPal's id of it, the former one if PayPal has had it."""
    body = query(paypal.options.connect, f'SELECT commission.payout_batch_json({batch});')[0]
    if not json.loads(body)['items']:
        raise Problem('every account in it is held')
    status, answer = paypal.call('/v1/payments/payouts', body.encode())
    if status in (200, 201):
        return answer['batch_header']['payout_batch_id']
    for detail in (answer or {}).get('details', []):
        if detail.get('field') == 'SENDER_BATCH_ID' and detail.get('link'):
            return detail['link'][0]['href'].rsplit('/', 1)[1]
    raise Problem(f'{status} {json.dumps(answer)}')


def take(paypal, batch, payout_batch_id):
    """Take PayPal's answer to a batch as it is now; the status of the batch."""
    page, pages = 1, 1
    while page <= pages:
        status, answer = paypal.call(f'/v1/payments/payouts/{payout_batch_id}'
                                     f'?page={page}&page_size=1000&total_required=true')
        if status != 200:
            raise Problem(f'{status} {json.dumps(answer)}')
        if answer.get('items'):
            quote = f'$answer{secrets.token_hex(8)}$'
            for change in query(paypal.options.connect, f"""
                    SELECT format('withdrawal %s is %s', withdrawal, state)
                    FROM commission.import_payout_result({batch}, {quote}{json.dumps(answer)}{quote})
                    WHERE changed;"""):
                print(f'batch {batch}: {change}', flush=True)
        page, pages = page + 1, answer.get('total_pages', 1)
    return answer['batch_header']['batch_status']


def settle(paypal, batch, payout_batch_id):
    """Send a batch unless its id is given, and take the answer until it is final."""
    if payout_batch_id is None:
        payout_batch_id = send(paypal, batch)
    print(f"batch {batch}: PayPal's {payout_batch_id}", flush=True)
    for poll in range(paypal.options.polls):
        if poll:
            time.sleep(paypal.options.pause)
        if take(paypal, batch, payout_batch_id) in ('SUCCESS', 'DENIED', 'CANCELED'):
            break
    else:
        raise Problem('PayPal is still at it')
    for left in query(paypal.options.connect, f"""SELECT withdrawal FROM commission.payout_item
            WHERE batch = {batch} AND state = 'approved' ORDER BY withdrawal;"""):
        print(f'batch {batch}: withdrawal {left} was not sent: use remove_from_batch()', flush=True)


def main():
    parser = argparse.ArgumentParser(description='Pay approved withdrawals by PayPal.')
    parser.add_argument('--connect', metavar='CONNINFO', default='')
    parser.add_argument('--api', metavar='URL', default='https://api-m.sandbox.paypal.com')
    parser.add_argument('--take', nargs=2, metavar=('BATCH', 'ID'),
                        help="only take PayPal's answer to a batch, by PayPal's id of it")
    parser.add_argument('--timeout', type=float, default=60, help='seconds to wait for an answer')
    parser.add_argument('--attempts', type=int, default=8, help='how often a call is tried')
    parser.add_argument('--backoff', type=float, default=1, help='seconds before the first retry')
    parser.add_argument('--polls', type=int, default=60, help='how often to ask for what became of a batch')
    parser.add_argument('--pause', type=float, default=10, help='seconds between these')
    options = parser.parse_args()
    paypal = PayPal(options)

    if options.take:
        batches = [(int(options.take[0]), options.take[1])]
    else:
        while query(options.connect, 'SELECT commission.open_payout_batch();') != ['']:
            pass
        batches = [(int(batch), None) for batch in query(options.connect, """
            SELECT DISTINCT batch FROM commission.withdrawal_status
            WHERE method = 'paypal' AND batch IS NOT NULL AND state IN ('approved', 'unknown')
            ORDER BY batch;""")]
    problems = 0
    for batch, payout_batch_id in batches:
        try:
            settle(paypal, batch, payout_batch_id)
        except Problem as problem:
            print(f'batch {batch}: {problem}', file=sys.stderr, flush=True)
            problems += 1
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
