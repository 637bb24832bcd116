#!/usr/bin/env python3
"""Receive what follow.py posts: an example, and the server of its test.

    WEBHOOK_SECRET=... receive.py --port 8080 --fail 0.5 taken.jsonl

Fails as often as it is told to, before it has taken a change or after it, as
servers do.  What it takes it keeps once, by its position.
"""
import argparse
import hashlib
import hmac
import http.server
import json
import os
import random
import re
import time


def is_signed(secret, header, body, tolerance=300):
    """Whether the signature is ours, and recent."""
    found = re.fullmatch(r't=(\d+),v1=([0-9a-f]{64})', header or '')
    if not found or abs(time.time() - int(found[1])) > tolerance:
        return False
    digest = hmac.new(secret, found[1].encode() + b'.' + body, hashlib.sha256)
    return hmac.compare_digest(digest.hexdigest(), found[2])


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if not is_signed(self.server.secret, self.headers['Commission-Signature'], body):
            return self.answer(403)
        if random.random() < self.server.fail / 2:
            return self.answer(503)
        change = json.loads(body)
        if change['position'] not in self.server.taken:
            self.server.taken.add(change['position'])
            print(json.dumps(change), file=self.server.file, flush=True)
        return self.answer(500 if random.random() < self.server.fail / 2 else 204)

    def answer(self, status):
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description='Receive changes of the ledger.')
    parser.add_argument('file', help='what was taken, a change a line')
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--fail', type=float, default=0, help='how often to fail, from 0 to 1')
    options = parser.parse_args()

    with http.server.HTTPServer(('127.0.0.1', options.port), Receiver) as server, \
            open(options.file, 'a+', encoding='utf-8') as server.file:
        server.secret = os.environ['WEBHOOK_SECRET'].encode()
        server.fail = options.fail
        server.file.seek(0)
        server.taken = {json.loads(line)['position'] for line in server.file}
        print(f'http://127.0.0.1:{server.server_port}/', flush=True)
        server.serve_forever()


if __name__ == '__main__':
    main()
