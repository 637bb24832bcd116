"""The words are in one place, all of them used, and each used one there."""
import json
import re
from pathlib import Path

from portal.words import FOLDER, catalogue, say

PORTAL = Path(__file__).parents[1]


def used():
    """The keys that templates and pages name, whole or by their beginning."""
    whole, beginning = set(), set()
    for file in [*PORTAL.glob('*.py'), *PORTAL.glob('templates/*.html')]:
        text = file.read_text()
        for quoted, rest in re.findall(r"say\(f?'([^']*)'(.)", text):
            if '{' in quoted or '%' in quoted or '~' in rest or text and rest == ' ':
                beginning.add(re.split('[{%]', quoted)[0])
            else:
                whole.add(quoted)
        whole.update(re.findall(r"say\('([a-z_.]+)' if", text))
        whole.update(re.findall(r"else '([a-z_.]+)'\)", text))
    return whole, beginning


def test_every_key_has_words():
    """Nothing is asked for that is not there."""
    whole, _ = used()
    known = {re.sub(r'\.(one|other)$', '', key) for key in catalogue('en')}
    assert whole - known == set()


def test_every_word_is_used():
    """Nothing is there that nobody asks for."""
    whole, beginning = used()
    for key in catalogue('en'):
        base = re.sub(r'\.(one|other)$', '', key)
        assert base in whole or any(base.startswith(b) for b in beginning if b), key


def test_no_words_elsewhere():
    """Templates have no words of their own."""
    for file in PORTAL.glob('templates/*.html'):
        text = re.sub(r'{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>', ' ', file.read_text(), flags=re.S)
        assert not re.search('[A-Za-z]{2}', text), (file.name, re.search('[A-Za-z]{2}.*', text))


def test_states_have_words(server):
    """Each value of the extension's types that a page shows has words."""
    for type_name, prefix in (('withdrawal_state', 'state'), ('material_kind', 'material'),
                              ('order_kind', 'kind'), ('referral_role', 'role'),
                              ('entry_kind', 'part')):
        for value, in server.execute(
                f'SELECT unnest(enum_range(NULL::commission.{type_name}))::text'):
            if value != 'reversal':     # a page shows what it counts as
                assert f'{prefix}.{value}' in catalogue('en'), value


def test_languages(app, tmp_path, visitor, monkeypatch):
    """A file of another language is all that a translation needs."""
    from portal import words
    (tmp_path / 'en.json').write_text((FOLDER / 'en.json').read_text())
    (tmp_path / 'de.json').write_text(json.dumps({'nav.earnings': 'Einnahmen'}))
    monkeypatch.setattr(words, 'FOLDER', tmp_path)
    words.catalogue.cache_clear()
    words.languages.cache_clear()
    you = visitor('you')
    page = you.client.get('/earnings', headers={'Accept-Language': 'de-AT, en;q=0.5'})
    text = page.get_data(as_text=True)
    assert '<html lang="de">' in text and 'Einnahmen' in text and 'Last 30 days' in text
    monkeypatch.undo()
    words.catalogue.cache_clear()
    words.languages.cache_clear()
    assert say('run.headline', n=1, buyer='b', titles='t') == 'b generated 1 image with t'
