"""The terms in force, and those that are announced."""
from flask import render_template

from . import database
from .pages import affiliate


@affiliate.get('/terms')
def terms():
    """What the account's sales pay now, and from when they will pay what."""
    with database.transaction() as db:
        now = db.execute('SELECT * FROM commission_portal.terms').fetchall()
        announced = db.execute("""
            SELECT * FROM commission_portal.announced_terms
            ORDER BY valid_from""").fetchall()
    return render_template('terms.html', terms=now, announced=announced)
