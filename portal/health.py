"""Is all well: the audit, the roll-up, seals, followers and nodes."""
from flask import abort, render_template, request

from . import database
from .pages import act, operator
from .words import say

PROBLEMS = 200              # that the page shows

UPKEEP = {'rollup': 'CALL commission.rollup()',
          'seal': 'CALL commission.seal()',
          'accrue_deferred': 'SELECT commission.accrue_deferred()'}


@operator.get('/health')
def health():
    """What is cheap to read; the audit reads all of the ledger, if asked to."""
    audited = request.args.get('audit') == '1'
    with database.transaction() as db:
        consumers = db.execute("""
            SELECT consumer, position, acknowledged_at, changes_behind, behind_since
            FROM commission.consumer_status ORDER BY consumer""").fetchall()
        seals = db.execute("""
            SELECT node, blocks, entries, encode(last_hash, 'hex') AS last_hash,
                sealed_at, unsealed_entries
            FROM commission.seal_status ORDER BY node""").fetchall()
        nodes = db.execute("""
            SELECT node, subscription, is_enabled, tables_not_ready, seconds_since_message,
                errors, newest_event, rolled_up_to
            FROM commission.node_status ORDER BY node""").fetchall()
        waiting = db.execute("""
            SELECT waits_for, count(*) AS sales, min(deferred_at) AS since
            FROM commission.deferred_sale GROUP BY waits_for
            ORDER BY count(*) DESC LIMIT 50""").fetchall()
        problems = db.execute("""
            SELECT problem, event_id, detail FROM commission.audit()
            UNION ALL
            SELECT problem, NULL, format('seal block %%s', block)
            FROM commission.verify_seals()
            LIMIT %s""", [PROBLEMS]).fetchall() if audited else None
    return render_template('health.html', consumers=consumers, seals=seals,
                           nodes=nodes, waiting=waiting, problems=problems)


@operator.post('/health/<what>')
def upkeep(what):
    """Do by hand what is otherwise done by the clock."""
    if what not in UPKEEP:
        abort(404)
    return act(say('health.done'), 'operator.health', UPKEEP[what])
