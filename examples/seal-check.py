#!/usr/bin/env python3
"""Check the sealed blocks of a ledger without its server (doc/seals.md).

    seal-check.py shop.sql                 a plain dump, made by pg_dump
    seal-check.py --connect 'dbname=shop'  a server, through psql
    seal-check.py --last HASH shop.sql     ... that has a block of this hash

Prints a line for each problem and ends with 1 if there is any.
"""
import argparse
import bisect
import datetime
import hashlib
import io
import os
import re
import struct
import subprocess
import sys
import uuid

# What is sealed: of each table its columns in order, the event id first.
SEALED = {
    'entry': 'event_id:int8 line:int2 amount:int8 occurred_at:time account_id:uuid '
    'from_account_id:uuid buyer_id:uuid kind:text counts_as:text ratio_ppm:int4',
    'generation': 'event_id:int8 occurred_at:time generation_id:uuid generation_name:text '
    'buyer_id:uuid buyer_name:text run_id:uuid run_name:text model:text resolution:text '
    'images:int4 model_price:int8 api_cost:int8 '
    'avatar_version:int8 avatar_pool:int8 avatar_surcharge:int8 '
    'reference_version:int8 reference_pool:int8 reference_surcharge:int8 '
    'bundle_frame:bool derived:int2 brand_ratio_ppm:int4 avatar_ratio_ppm:int4 '
    'reference_ratio_ppm:int4 total_cap_ratio_ppm:int4 brand_terms:int8 avatar_terms:int8 '
    'reference_terms:int8 cap_terms:int8 brand_leg:char avatar_leg:char reference_leg:char',
    'customer_order': 'event_id:int8 occurred_at:time order_id:uuid order_name:text '
    'customer_id:uuid customer_name:text amount:int8 kind:text kind_derived:bool plan:text '
    'coupon:text ratio_ppm:int4 flat_amount:int8 terms:int8 renewal:int4 leg:char',
    'late_accrual': 'event_id:int8 sale_event_id:int8 leg:char accrued_at:time '
    'account_id:uuid amount:int8 ratio_ppm:int4 flat_amount:int8 terms:int8 ratios_ppm:int4',
    'reversal': 'event_id:int8 reversed_event_id:int8 refunded:int8 occurred_at:time '
    'unpaid:bool reason:text',
    'withdrawal': 'event_id:int8 account_id:uuid amount:int8 requested_at:time method:text '
    'destination:text',
    'withdrawal_transition': 'event_id:int8 withdrawal_id:int8 changed_at:time '
    'from_state:text to_state:text changed_by:text reason:text transfer:text',
    'payout_batch': 'batch_id:int8 opened_at:time method:text opened_by:text '
    'sender_batch_id:text',
    'payout_change': 'change_id:int8 changed_at:time account_id:uuid method:text '
    'destination:text automatic:bool changed_by:text',
    'hold_change': 'change_id:int8 changed_at:time account_id:uuid is_hold:bool reason:text '
    'changed_by:text',
    'referral_change': 'change_id:int8 changed_at:time account_id:uuid role:text '
    'referrer_id:uuid attributed_at:time signed_up_at:time is_first:bool is_signup:bool '
    'campaign:text reason:text accrues_past:bool',
    'attempt': 'attempt_id:int8 attempted_at:time account_id:uuid role:text '
    'signed_up_at:time touched_at:time outcome:text referrer_name:text campaign:text '
    'coupon:text',
    'terms_version': 'version:int8 announced_at:time valid_from:time scope:char '
    'subject_id:uuid group_name:text brand_ratio_ppm:int8 creator_ref_ratio_ppm:int8 '
    'first_order_ratio_ppm:int8 renewal_ratio_ppm:int8 upgrade_ratio_ppm:int8 '
    'upgraded_renewal_ratio_ppm:int8 first_order_amount:int8 renewals:int8 days:int8 '
    'minimum_payout:int8 total_cap_ratio_ppm:int8 announced_by:text reason:text',
    'adjustment': 'event_id:int8 occurred_at:time adjusted_at:time adjustment_id:uuid '
    'name:text account_id:uuid amount:int8 reason:text adjusted_by:text',
    'tier_version': 'version:int8 set_at:time measure:text days:int4 group_names:text[] '
    'figures:int8[] set_by:text',
    'group_change': 'change_id:int8 changed_at:time valid_from:time account_id:uuid '
    'from_group:text to_group:text by_tier:bool figure:int8 changed_by:text reason:text',
    'listing': 'version:int8 listing_id:uuid name:text registered_at:time owner_id:uuid '
    'pool:int8 kind:text co_author_ids:uuid[] co_author_shares:int8[] title:text',
}
BLOCK = 'block:int8 sealed_at:time entries:int8 event_ids:text previous:text hash:text'
INTEGERS = {'int2': '>h', 'int4': '>i', 'int8': '>q'}
TIME = re.compile(r'(\d+)-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?'
                  r'([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$')


def microseconds(text):
    """A timestamptz, in microseconds since 2000-01-01 UTC."""
    year, month, day, hour, minute, second, fraction, sign, *offset, bc = \
        TIME.match(text).groups(default='0')
    year = 1 - int(year) if bc != '0' else int(year)
    cycles, year = divmod(year - 1, 400)    # 400 years are 146097 days
    days = datetime.date(year + 1, int(month), int(day)).toordinal() - 730120
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    shift = int(offset[0]) * 3600 + int(offset[1]) * 60 + int(offset[2])
    seconds -= shift if sign == '+' else -shift
    return (((days + cycles * 146097) * 86400 + seconds) * 1000000
            + int(fraction.ljust(6, '0')))


def value_bytes(kind, text):
    """The byte form of a value, from PostgreSQL's text form of it."""
    if kind.endswith('[]'):
        items = text.strip('{}').split(',') if text != '{}' else []
        return struct.pack('>i', len(items)) + b''.join(
            b'\1' + value_bytes(kind[:-2], item) for item in items)
    if kind in INTEGERS:
        return struct.pack(INTEGERS[kind], int(text))
    if kind == 'time':
        return struct.pack('>q', microseconds(text))
    if kind == 'uuid':
        return uuid.UUID(text).bytes
    if kind == 'bool':
        return b'\1' if text == 't' else b'\0'
    data = text.encode()
    return data if kind == 'char' else struct.pack('>i', len(data)) + data


def row_bytes(columns):
    """The byte form of a row of (type, text or None)."""
    while columns and columns[-1][1] is None:
        columns = columns[:-1]
    return struct.pack('>h', len(columns)) + b''.join(
        b'\0' if text is None else b'\1' + value_bytes(kind, text)
        for kind, text in columns)


ESCAPES = {'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}


def field(text):
    """A field of COPY; None for NULL."""
    if text == r'\N':
        return None
    return re.sub(r'\\(.)', lambda m: ESCAPES.get(m[1], m[1]), text) if '\\' in text else text


def copied_rows(lines):
    """(table, {column: text}) of each row in the COPYs of a dump."""
    for line in lines:
        copy = re.match(r'COPY commission\.(\w+) \((.*)\) FROM stdin;$', line)
        if copy:
            names = [name.strip(' "') for name in copy[2].split(',')]
            for row in iter(lambda: next(lines).rstrip('\n'), r'\.'):
                yield copy[1], dict(zip(names, map(field, row.split('\t'))))


def columns_of(form):
    return [column.split(':') for column in form.split()]


def read_server(conninfo):
    """The same COPYs from a server, of one moment."""
    script = [r'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;',
              "SET client_encoding = 'UTF8'; SET datestyle = 'ISO'; SET bytea_output = 'hex';"]
    for table, form in [*SEALED.items(), ('seal_block', BLOCK)]:
        names = ', '.join(name for name, kind in columns_of(form))
        script += [rf'\qecho COPY commission.{table} ({names}) FROM stdin;',
                   f'COPY (SELECT {names} FROM commission.{table}) TO STDOUT;', r"\qecho '\\.'"]
    done = subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', conninfo],
                          input='\n'.join(script), stdout=subprocess.PIPE, check=True,
                          encoding='utf-8', env={**os.environ, 'PGCLIENTENCODING': 'UTF8'})
    return io.StringIO(done.stdout, newline='\n')


def read_ledger(lines):
    """The blocks, and of each sealed row (event id, byte form, is entry)."""
    rows, blocks = [], []
    forms = {table: columns_of(form) for table, form in SEALED.items()}
    for table, row in copied_rows(iter(lines)):
        if table == 'seal_block':
            blocks.append(row)
        elif table in forms:
            form = forms[table]
            rows.append((int(row[form[0][0]]),
                         row_bytes([('text', table)]
                                   + [(kind, row.get(name)) for name, kind in form]),
                         table == 'entry'))
    return rows, sorted(blocks, key=lambda block: int(block['block']))


def check(rows, blocks):
    """(block, problem) of each problem."""
    rows.sort()
    ids = [row[0] for row in rows]
    last, last_hash = 0, bytes(32)
    for block in blocks:
        number = int(block['block'])
        if number >> 48 != last >> 48 or last == 0:
            last, last_hash = number >> 48 << 48, bytes(32)
        previous = bytes.fromhex(block['previous'][2:])
        ranges = [tuple(map(int, pair)) for pair in
                  re.findall(r'\[(-?\d+),(-?\d+)\)', block['event_ids'])]
        entries, digest = 0, hashlib.sha256(previous + row_bytes([
            ('int8', block['block']), ('time', block['sealed_at']),
            ('int8[]', '{%s}' % ','.join(str(first) for first, end in ranges)),
            ('int8[]', '{%s}' % ','.join(str(end) for first, end in ranges))]))
        for first, end in ranges:
            for row in rows[bisect.bisect_left(ids, first):bisect.bisect_left(ids, end)]:
                digest.update(row[1])
                entries += row[2]
        if number != last + 1:
            yield number, 'blocks before it are missing'
        elif previous != last_hash:
            yield number, 'it was sealed upon another block than the one before it'
        if entries != int(block['entries']):
            yield number, (f"it is not what was sealed: it had {block['entries']} entries, "
                           f'and has {entries}')
        elif digest.hexdigest() != block['hash'][2:]:
            yield number, 'it is not what was sealed'
        last, last_hash = number, bytes.fromhex(block['hash'][2:])


def main():
    parser = argparse.ArgumentParser(description='Check the sealed blocks of a ledger.')
    parser.add_argument('dump', nargs='?', help='a plain dump, made by pg_dump')
    parser.add_argument('--connect', metavar='CONNINFO', help='a server, for psql')
    parser.add_argument('--last', metavar='HASH', help='a hash that was published')
    options = parser.parse_args()
    if (options.dump is None) == (options.connect is None):
        parser.error('give either a dump or --connect')
    rows, blocks = read_ledger(
        open(options.dump, encoding='utf-8', newline='\n') if options.dump
        else read_server(options.connect))
    problems = [f'block {block}: {problem}' for block, problem in check(rows, blocks)]
    if options.last and options.last.removeprefix('\\x') not in [
            block['hash'][2:] for block in blocks]:
        problems.append(f'no block has the hash {options.last}')
    print(*problems, sep='\n', end='\n' if problems else '')
    print(f'{len(blocks)} blocks, {sum(row[2] for row in rows)} entries,',
          f'{len(problems)} problems')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
