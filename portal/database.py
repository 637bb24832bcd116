"""
Transactions.  An affiliate's transaction runs as a role that sees the views of
commission_portal only, and there the rows of the account that it names; the
operator's runs as another role, which affiliates' pages cannot reach.

Reading is done in read-only transactions, so that no page that is merely looked
at changes anything.
"""
import atexit
import time
from contextlib import contextmanager

from flask import current_app, g
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

POOLS = 'portal.pools'


def open_pools(app, settings):
    """
    Open the connections of this process, before it serves.  At its end they are
    closed while their threads still run: what destroys a pool later than that
    waits for threads that are no longer there.
    """
    pools = app.extensions[POOLS] = {
        role: ConnectionPool(
            conninfo, min_size=1, max_size=settings.connections, timeout=10,
            name=f'portal-{role}',
            # Planning takes as long as many a page to read, so every statement is
            # prepared at once.  Behind a pooler, it may be another client's.
            kwargs={'row_factory': namedtuple_row,
                    'prepare_threshold': None if settings.pooler else 0})
        for role, conninfo in (('affiliate', settings.affiliate_database),
                               ('operator', settings.operator_database))
        if conninfo}
    for pool in pools.values():
        atexit.register(pool.close)


def has_operator():
    """Does this process have a connection for the operator?"""
    return 'operator' in current_app.extensions[POOLS]


@contextmanager
def transaction(write=False):
    """
    A transaction of whoever is signed in.  The account is the signed-in one,
    always: no caller can pass another.
    """
    with current_app.extensions[POOLS][g.role].connection() as connection:
        started = time.perf_counter()
        connection.read_only = not write
        if g.role == 'affiliate':
            connection.execute(
                "SELECT set_config('commission.portal_account', %s, true)",
                [g.account])
        yield connection
        connection.commit()
        g.database_seconds = g.get('database_seconds', 0) + time.perf_counter() - started


def rows(query, *parameters):
    """The rows of one query, in a transaction of its own."""
    with transaction() as db:
        return db.execute(query, parameters).fetchall()


def row(query, *parameters):
    """The first row of one query, or None."""
    with transaction() as db:
        return db.execute(query, parameters).fetchone()


def call(query, *parameters):
    """Run one statement that writes, in a transaction of its own."""
    with transaction(write=True) as db:
        db.execute(query, parameters)
