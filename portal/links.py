"""The funnel, the link builder and the materials."""
from urllib.parse import urljoin, urlsplit

from flask import g, render_template, request

from . import database
from .pages import affiliate
from .signin import settings
from .words import say

PERIODS = {'30': 30, '90': 90, 'all': None}


def page_to_link(path):
    """The URL of a page of the storefront; ValueError for one elsewhere."""
    base = settings().storefront
    url = urljoin(base, path)
    if urlsplit(url)[:2] != urlsplit(base)[:2]:
        raise ValueError(say('links.elsewhere', storefront=base))
    return url


@affiliate.get('/links')
def links():
    """The funnel by campaign, each with its link, and a link to any page."""
    period = request.args.get('period', '')
    period = period if period in PERIODS else '90'
    path = request.args.get('page', '').strip()
    campaign = request.args.get('campaign', '').strip()
    problem = None
    try:
        page = page_to_link(path)
    except ValueError as error:
        problem, page = str(error), settings().storefront
    with database.transaction() as db:
        funnel = db.execute("""
            SELECT campaign, sum(clicks)::bigint AS clicks,
                sum(signups)::bigint AS signups,
                sum(conversions)::bigint AS conversions,
                sum(earnings)::bigint AS earnings,
                commission.referral_link(%s, %s, campaign) AS link
            FROM commission_portal.funnel
            WHERE %s::integer IS NULL
                OR day > (now() AT TIME ZONE 'UTC')::date - %s::integer
            GROUP BY campaign
            ORDER BY sum(earnings) DESC, sum(clicks) DESC, campaign NULLS FIRST
            LIMIT 200""",
            [settings().storefront, g.account, PERIODS[period], PERIODS[period]]).fetchall()
        link, = db.execute('SELECT commission.referral_link(%s, %s, %s)',
                           [page, g.account, campaign]).fetchone()
    return render_template('links.html', funnel=funnel, period=period, link=link,
                           path=path, campaign=campaign, problem=problem,
                           storefront=settings().storefront)


@affiliate.get('/materials')
def materials():
    """What can be pasted as it is, with the affiliate's own link in it."""
    campaign = request.args.get('campaign', '').strip()
    found = database.rows("""
        SELECT material, kind::text, title, body
        FROM commission.materials_for(%s, %s, %s)""",
        g.account, settings().storefront, campaign)
    return render_template('materials.html', materials=found, campaign=campaign)
