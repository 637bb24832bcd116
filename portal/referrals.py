"""Who was referred, and what they brought."""
from flask import render_template

from .pages import affiliate, page_of


@affiliate.get('/referrals')
def referrals():
    """The log of referrals, newest first."""
    found, before = page_of("""
        SELECT referral_id, referred, role::text, signed_up_at, campaign, plan,
            orders, lifetime, last_earned_at, in_force
        FROM commission_portal.referral_earnings
        WHERE referral_id < %s ORDER BY referral_id DESC LIMIT %s""", 'referral_id')
    return render_template('referrals.html', referrals=found, before=before)
