"""
The words, in one place: words/en.json, and beside it a file for each further
language, which may leave out what is to stay English.
"""
import json
from functools import lru_cache
from pathlib import Path

from flask import has_request_context, request

FOLDER = Path(__file__).parent / 'words'
DEFAULT = 'en'


@lru_cache
def catalogue(language):
    """The words of a language, by key."""
    return json.loads((FOLDER / f'{language}.json').read_text(encoding='utf-8'))


@lru_cache
def languages():
    """The languages that there are words in, English first."""
    found = {file.stem for file in FOLDER.glob('*.json')}
    return [DEFAULT, *sorted(found - {DEFAULT})]


def language():
    """The first language that the reader's browser asks for and that there is."""
    if has_request_context():
        for tag, _ in request.accept_languages:
            if tag.split('-')[0].lower() in languages():
                return tag.split('-')[0].lower()
    return DEFAULT


def has_words(key):
    """Is there a text of this key?"""
    return key in catalogue(DEFAULT)


def say(key, n=None, **values):
    """
    The words of a key, with values in place of {names}.  With n there are two
    texts, KEY.one and KEY.other.
    """
    if n is not None:
        key = f'{key}.one' if n == 1 else f'{key}.other'
        values['n'] = n
    text = catalogue(language()).get(key) or catalogue(DEFAULT)[key]
    return text.format(**values) if values else text
