#!/usr/bin/env python3
"""Post each change of the ledger to a URL, in order, until it is taken (R49).

    WEBHOOK_SECRET=... follow.py --connect 'dbname=shop' --consumer shop-hook \\
        https://shop.example/commission

It can be killed at any moment and started again: a change is acknowledged after
it was taken, so one may be posted twice, with the same position, and none is
left out.  The receiver (receive.py) keeps what it takes by its position.
"""
import argparse
import hashlib
import hmac
import json
import os
import random
import subprocess
import time
import urllib.request


def query(conninfo, sql, **variables):
    """The lines that psql prints; the variables are quoted by it."""
    command = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', conninfo]
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    done = subprocess.run(command, input=sql, stdout=subprocess.PIPE, check=True,
                          encoding='utf-8', env={**os.environ, 'PGCLIENTENCODING': 'UTF8'})
    return done.stdout.split('\n')[:-1]


def signature(secret, timestamp, body):
    """What the receiver computes, too: nobody else can."""
    digest = hmac.new(secret, b'%d.%s' % (timestamp, body), hashlib.sha256)
    return f't={timestamp},v1={digest.hexdigest()}'


def post(url, secret, change):
    """Post one change; whether it was taken."""
    body = json.dumps(change, sort_keys=True).encode()
    request = urllib.request.Request(url, body, {
        'Content-Type': 'application/json',
        'Commission-Position': str(change['position']),
        'Commission-Signature': signature(secret, int(time.time()), body)})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return 200 <= answer.status < 300
    except OSError as error:    # URLError, HTTPError and timeouts are OSErrors
        print(f"position {change['position']}: {error}", flush=True)
        return False


def main():
    parser = argparse.ArgumentParser(description="Post the ledger's changes to a URL.")
    parser.add_argument('url')
    parser.add_argument('--connect', metavar='CONNINFO', default='')
    parser.add_argument('--consumer', default='webhook')
    parser.add_argument('--batch', type=int, default=100, help='changes that are read at once')
    parser.add_argument('--pause', type=float, default=1, help='seconds between looks for new changes')
    parser.add_argument('--backoff', type=float, default=0.5, help='seconds before the first retry')
    parser.add_argument('--until-empty', action='store_true', help='end where nothing is new')
    options = parser.parse_args()
    secret = os.environ['WEBHOOK_SECRET'].encode()

    while True:
        changes = [json.loads(line) for line in query(
            options.connect, "SELECT row_to_json(c) FROM commission.next_changes(:'consumer', :n) AS c;",
            consumer=options.consumer, n=options.batch)]
        for change in changes:
            attempt = 0
            while not post(options.url, secret, change):
                time.sleep(min(options.backoff * 2 ** attempt, 60) * random.uniform(0.5, 1))
                attempt = min(attempt + 1, 30)
        if changes:
            query(options.connect, "SELECT commission.acknowledge(:'consumer', :position);",
                  consumer=options.consumer, position=changes[-1]['position'])
        elif options.until_empty:
            return
        else:
            time.sleep(options.pause)


if __name__ == '__main__':
    main()
