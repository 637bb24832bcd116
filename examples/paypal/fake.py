#!/usr/bin/env python3
"""What pay.py needs of PayPal's Payouts API, for its test; pays nobody.

    PAYPAL_CLIENT_ID=... PAYPAL_SECRET=... fake.py --port 8080 --faults accepted.jsonl

With --faults it fails as servers do: it accepts a batch and never answers, it is
unavailable, it accepts and fails.  It refuses a sender_batch_id that it has had,
needs a while to pay, and says the last item of a page again on the next one.
Receivers whose address begins with "nobody" have no account, and those with
"later" have not claimed the money yet.
"""
import argparse
import base64
import http.server
import itertools
import json
import os
import re
import threading
import time
import urllib.parse

PAGE = 10


def item_answer(item, number, is_final):
    """An item of a batch, as PayPal shows it."""
    answer = {'payout_item_id': f'ITEM{number}', 'payout_item': item,
              'transaction_status': 'PENDING'}
    if is_final and item['receiver'].startswith('nobody'):
        answer['transaction_status'] = 'FAILED'
        answer['errors'] = {'name': 'RECEIVER_UNCONFIRMED', 'message': 'No such account.'}
    elif is_final and item['receiver'].startswith('later'):
        answer['transaction_status'] = 'UNCLAIMED'
    elif is_final:
        answer |= {'transaction_status': 'SUCCESS', 'transaction_id': f'T{number}'}
    return answer


class Fake(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        if self.path == '/v1/oauth2/token':
            if self.headers['Authorization'] != f'Basic {server.credentials}':
                return self.answer(401, {'error': 'invalid_client'})
            server.token = f'token{time.monotonic_ns()}'
            return self.answer(200, {'access_token': server.token, 'expires_in': 32400})
        if self.headers['Authorization'] != f'Bearer {server.token}':
            return self.answer(401, {'name': 'AUTHENTICATION_FAILURE'})
        with server.lock:
            fault = next(server.post_faults)
            if fault == 'unavailable':
                return self.answer(503, {'name': 'INTERNAL_SERVER_ERROR'})
            status, answer = self.accept(json.loads(body))
        if fault == 'silent':
            time.sleep(5)
            return None
        return self.answer(500, None) if fault == 'lost' else self.answer(status, answer)

    def accept(self, request):
        """Keep a batch, unless its id was used before."""
        batches = self.server.batches
        key = request['sender_batch_header']['sender_batch_id']
        for number, batch in enumerate(batches):
            if batch['sender_batch_header']['sender_batch_id'] == key:
                return 400, {'name': 'USER_BUSINESS_ERROR', 'details': [{
                    'field': 'SENDER_BATCH_ID',
                    'issue': 'Batch with given sender_batch_id already exists',
                    'link': [{'href': f'https://api.example/v1/payments/payouts/BATCH{number}'}]}]}
        print(json.dumps(request), file=self.server.file, flush=True)
        batches.append(request)
        return 201, {'batch_header': {'payout_batch_id': f'BATCH{len(batches) - 1}',
                                      'batch_status': 'PENDING'}}

    def do_GET(self):
        server = self.server
        path = urllib.parse.urlsplit(self.path)
        number = int(re.fullmatch('/v1/payments/payouts/BATCH([0-9]+)', path.path)[1])
        page = int(urllib.parse.parse_qs(path.query)['page'][0])
        if self.headers['Authorization'] != f'Bearer {server.token}':
            return self.answer(401, {'name': 'AUTHENTICATION_FAILURE'})
        if next(server.get_faults):
            return self.answer(503, {'name': 'INTERNAL_SERVER_ERROR'})
        is_final = number in server.asked
        pages = -(-len(server.batches[number]['items']) // PAGE)
        if page == pages:
            server.asked.add(number)
        first = max((page - 1) * PAGE - 1, 0)
        return self.answer(200, {
            'total_pages': pages,
            'batch_header': {
                'payout_batch_id': f'BATCH{number}',
                'batch_status': 'SUCCESS' if is_final else 'PROCESSING',
                'sender_batch_header': server.batches[number]['sender_batch_header']},
            'items': [item_answer(item, f'{number}-{n}', is_final) for n, item in
                      list(enumerate(server.batches[number]['items']))[first:page * PAGE]]})

    def answer(self, status, body):
        data = b'' if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description="A stand-in for PayPal's Payouts API.")
    parser.add_argument('file', help='what was accepted, a batch a line')
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--faults', action='store_true', help='fail as servers do')
    options = parser.parse_args()

    with http.server.ThreadingHTTPServer(('127.0.0.1', options.port), Fake) as server, \
            open(options.file, 'a+', encoding='utf-8') as server.file:
        server.credentials = base64.b64encode(
            f"{os.environ['PAYPAL_CLIENT_ID']}:{os.environ['PAYPAL_SECRET']}".encode()).decode()
        server.file.seek(0)
        server.batches = [json.loads(line) for line in server.file]
        server.token, server.asked, server.lock = None, set(), threading.Lock()
        server.post_faults = itertools.cycle(
            ['silent', 'unavailable', 'lost', None] if options.faults else [None])
        server.get_faults = itertools.cycle([True, False] if options.faults else [False])
        print(f'http://127.0.0.1:{server.server_port}', flush=True)
        server.serve_forever()


if __name__ == '__main__':
    main()
