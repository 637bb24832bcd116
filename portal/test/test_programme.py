"""The operator's programme: terms, groups, coupons, adjustments."""
import re

import pytest

from portal import programme
from portal.programme import percentage, whole

from .conftest import words_of


def test_terms_of_an_account(operator, server):
    """Set for one account; what is left empty is inherited."""
    assert 'The terms are set.' in words_of(operator.post(
        '/operator/terms/account', name='nora', brand_ratio='12.5', reason='a contract'))
    terms = {term: (str(value), source) for term, value, source in server.execute("""
        SELECT term, value, source FROM commission.terms_of('nora')""")}
    assert float(terms['brand_ratio'][0]) == 0.125
    assert float(terms['creator_ref_ratio'][0]) == 0.2
    assert terms['brand_ratio'][1] != terms['creator_ref_ratio'][1]
    page = words_of(operator.text('/operator/programme'))
    assert 'nora a contract' in page and ': 12.5%' in page


def test_terms_of_a_group(operator, server):
    """Set for a group, and an account that is put into it."""
    operator.post('/operator/terms/group', name='gold', renewal_ratio='9', reason='gold')
    assert "account's group is set" in words_of(operator.post(
        '/operator/groups', account='mallory', group_name='gold', reason='sales')).replace('&#39;', "'")
    value, = server.execute("""
        SELECT value FROM commission.terms_of('mallory') WHERE term = 'renewal_ratio'""").fetchone()
    assert float(value) == 0.09
    operator.post('/operator/groups', account='mallory', group_name='', reason='done')


def test_announcement(operator):
    """The programme's terms, from a day that is to come."""
    assert 'The terms are set.' in words_of(operator.post(
        '/operator/terms/programme', upgrade_ratio='11', reason='news',
        valid_from='2098-01-01T00:00'))
    assert 'The programme news 2098-01-01 00:00 UTC' in words_of(operator.text('/operator/programme'))


@pytest.mark.parametrize('fields', [
    {'brand_ratio': '130'}, {'brand_ratio': 'a lot'}, {'renewals': '-1'}, {'days': '1.5'},
    {'first_order_amount': 'ten'}, {'valid_from': '2026-13-45', 'days': '1'}])
def test_bad_terms(operator, server, fields):
    """What cannot be a term is refused in words, and sets nothing."""
    count = 'SELECT count(*) FROM commission.terms_history'
    before = server.execute(count).fetchone()
    page = operator.post('/operator/terms/account', name='nora', **fields)
    assert 'alert-danger' in page.get_data(as_text=True)
    assert server.execute(count).fetchone() == before


def test_adjustment(operator, server, visitor):
    """A bonus, once, however often its form is sent; the account sees the reason's entry."""
    page = operator.text('/operator/programme')
    adjustment = re.search('name="adjustment" value="([^"]*)"', page).group(1)
    balance = "SELECT balance FROM commission.balance WHERE account = 'mallory'"
    before, = server.execute(balance).fetchone()
    for _ in range(2):
        page = operator.post('/operator/adjustments', adjustment=adjustment, account='mallory',
                             amount='-1.25', reason='a correction')
    assert server.execute(balance).fetchone() == (before - 125,)
    assert 'Adjustments −$1.25' in words_of(visitor('mallory').text('/statement'))


def test_coupon(operator, server):
    """Set for a referrer, redeemed, ended; each is in the list."""
    def listed():
        page = words_of(operator.text('/operator/programme'))
        return re.search(r'SPRING · you (.* uses left)', page).group(1)
    assert 'The coupon is set.' in words_of(operator.post(
        '/operator/coupons', coupon='SPRING', referrer='you', uses='1',
        valid_until='2099-01-01T00:00'))
    outcome, = server.execute(
        "SELECT commission.redeem_coupon('coupon-user', 'SPRING')::text").fetchone()
    assert outcome == 'attributed'
    assert re.fullmatch('Not valid .* UTC – 2099-01-01 00:00 UTC Used once 0 of 1 uses left', listed())
    operator.post('/operator/coupons', coupon='SPRING', referrer='you', uses='3')
    assert re.fullmatch('Valid .* UTC – for good Used once 2 of 3 uses left', listed())
    assert 'The coupon has ended.' in words_of(operator.post('/operator/coupons/end', coupon='SPRING'))
    assert re.fullmatch('Not valid .* UTC – .* UTC Used once 2 of 3 uses left', listed())
    assert 'AUTUMN' not in words_of(operator.text('/operator/programme'))
    operator.post('/operator/coupons', coupon='AUTUMN', referrer='<b>eve</b>')
    assert 'AUTUMN · &lt;b&gt;eve&lt;/b&gt;' in words_of(operator.text('/operator/programme'))


def test_coupons_are_found(operator, monkeypatch):
    """By the beginning of their code, or by their referrer; the list says where it ends."""
    def listed(find=''):
        page = words_of(operator.text('/operator/programme?find=' + find))
        return re.findall(r'(FIND-[0-9]) · (\w+)', page), 'Only 2 are shown' in page
    for n, referrer in enumerate(('nora', 'nora', 'mallory')):
        operator.post('/operator/coupons', coupon=f'FIND-{n}', referrer=referrer)
    assert listed('find-1') == ([('FIND-1', 'nora')], False)
    assert {code for code, _ in listed('nora')[0]} == {'FIND-0', 'FIND-1'}
    assert len(listed('FIND-')[0]) == 3 and listed('IND-') == ([], False)
    monkeypatch.setattr(programme, 'COUPONS', 2)
    found, more = listed('FIND-')
    assert len(found) == 2 and more
    assert listed('%27%22%3Cb%3E') == ([], False)
    assert operator.get('/operator/programme?find=%00').status_code == 400


def test_percentages():
    """Percentages are exact."""
    assert str(percentage('12.5')) == '0.125' and str(percentage('8 %')) == '0.08'
    assert percentage('') is None and whole('') is None and whole('12') == 12
