"""
The affiliate's day and the operator's, in a real browser against gunicorn, on a
desktop and on a telephone.  PORTAL_SCREENSHOTS names a folder that keeps what
was seen.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import environment, token

selenium = pytest.importorskip('selenium')
from selenium import webdriver                                      # noqa: E402
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.chrome.service import Service               # noqa: E402
from selenium.webdriver.common.by import By                         # noqa: E402
from selenium.webdriver.common.keys import Keys                     # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait             # noqa: E402

pytestmark = pytest.mark.skipif(
    not (shutil.which('chromium') and shutil.which('chromedriver')),
    reason='chromium and chromedriver are not installed')

PACKAGE = Path(__file__).parents[1]
DESKTOP = (1280, 900)
TELEPHONE = (390, 844)
ZONE = 'America/New_York'


@pytest.fixture(scope='module')
def address(server, tmp_path_factory):
    """The portal under gunicorn, as it is deployed; its address."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp('gunicorn') / 'log'
    with log.open('w') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'gunicorn', '--bind', f'127.0.0.1:{port}',
             '--worker-class', 'gthread', '--threads', '8', '--graceful-timeout', '5',
             'portal:create_app()'],
            cwd=PACKAGE.parent, env={**os.environ, **environment()},
            stdout=output, stderr=output)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                break
        time.sleep(0.1)
    yield f'http://127.0.0.1:{port}'
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    text = log.read_text()
    assert 'Traceback' not in text, text


@pytest.fixture(scope='module')
def chromium(tmp_path_factory):
    """The browser, which keeps nothing."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for argument in ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage',
                     '--disable-gpu', '--hide-scrollbars', '--no-first-run',
                     '--disable-background-networking', '--disable-component-update',
                     f'--user-data-dir={tmp_path_factory.mktemp("chromium")}'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = webdriver.Chrome(options=options,
                              service=Service(shutil.which('chromedriver')))
    driver.execute_cdp_cmd('Emulation.setTimezoneOverride', {'timezoneId': ZONE})
    yield driver
    driver.quit()


class Reader:
    """Somebody before a screen."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def resize(self, size):
        """Take another device."""
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': size[0], 'height': size[1], 'deviceScaleFactor': 1,
            'mobile': size == TELEPHONE})

    def sign_in(self, account, role='affiliate'):
        """Be sent by the platform's page, which posts its token."""
        self.driver.get('data:text/html,' + (
            f'<form method=post action={self.address}/sign-in>'
            f'<input name=token value={token(account, role)}><button>Go</button></form>'))
        self.driver.find_element(By.TAG_NAME, 'button').click()
        self.wait(lambda: self.driver.find_elements(By.TAG_NAME, 'h1'))

    def wait(self, condition):
        """Wait until something is so; the page may change while one looks."""
        return WebDriverWait(
            self.driver, 20, ignored_exceptions=[StaleElementReferenceException]
        ).until(lambda _: condition())

    def open(self, path):
        """Go to a page."""
        self.driver.get(self.address + path)

    def follow(self, words):
        """Click on a link of these words, and wait for the page."""
        old = self.driver.find_element(By.TAG_NAME, 'html')
        self.driver.find_element(By.LINK_TEXT, words).click()
        self.wait(lambda: self.is_gone(old))

    def press(self, button):
        """Click on a button, and wait for the page."""
        old = self.driver.find_element(By.TAG_NAME, 'html')
        self.find(f"//button[normalize-space()='{button}']").click()
        self.wait(lambda: self.is_gone(old))

    @staticmethod
    def is_gone(element):
        """Is this element no longer on the screen?"""
        try:
            element.is_enabled()
            return False
        except Exception:       # whatever the driver says of what is gone
            return True

    def find(self, path):
        """An element, by XPath."""
        return self.driver.find_element(By.XPATH, path)

    def type(self, label, words):
        """Type into the field of this label."""
        of = self.find(f"//label[normalize-space()='{label}']").get_attribute('for')
        self.driver.find_element(By.ID, of).clear()
        self.driver.find_element(By.ID, of).send_keys(words)

    def words(self, name='body'):
        """What is to be read."""
        return re.sub(r'\s+', ' ', self.driver.find_element(By.TAG_NAME, name).text)

    def keep(self, name):
        """Keep what is on the screen."""
        if 'PORTAL_SCREENSHOTS' in os.environ:
            folder = Path(os.environ['PORTAL_SCREENSHOTS'])
            self.driver.save_screenshot(str(folder / f'{name}.png'))

    def fits(self):
        """Is nothing wider than the screen?"""
        return self.driver.execute_script(
            'return document.documentElement.scrollWidth <= window.innerWidth')

    def complaints(self):
        """What the browser's console has said, such as of the policy."""
        return [entry['message'] for entry in self.driver.get_log('browser')
                if 'favicon' not in entry['message']]


@pytest.fixture
def reader(chromium, address):
    """A reader at a desk, whom nobody has signed in."""
    made = Reader(chromium, address)
    made.resize(DESKTOP)
    chromium.delete_all_cookies()
    made.complaints()
    yield made
    assert made.complaints() == []


def test_affiliates_day(reader):
    """The three layers, to where every credit of the worked example went."""
    reader.sign_in('you')
    assert reader.words('h1') == 'Earnings'
    assert reader.driver.execute_script(
        "return Chart.getChart('chart').data.datasets.length") >= 2
    reader.keep('earnings')
    reader.find('(//a[@data-popup-link])[1]').click()
    reader.wait(lambda: reader.driver.find_element(By.ID, 'popup').is_displayed())
    reader.wait(lambda: 'Buyer paid' in reader.words('dialog'))
    details = reader.words('dialog')
    for words in ('Buyer paid $1.40 140', 'Net margin $0.30 30', 'Your brand leg 30% $0.09 9',
                  'Your creator leg 20% $0.06 6', 'You earned $0.15 15',
                  'Platform keeps $0.15 15'):
        assert words in details
    reader.keep('details')
    reader.driver.find_element(By.LINK_TEXT, 'Why this amount').click()
    reader.wait(lambda: '30 * 0.30 = 9' in reader.words('dialog'))
    reader.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    reader.wait(lambda: not reader.driver.find_element(By.ID, 'popup').is_displayed())

    reader.follow('Older →')
    assert reader.words('h1') == 'Recent commissions'
    for page in ('Subscriptions', 'Referrals', 'Materials', 'Terms', 'Statement'):
        reader.follow(page)
        reader.keep(page.lower())


def test_link(reader):
    """A link is built and copied."""
    reader.sign_in('you')
    reader.follow('Links')
    reader.type('Page of the storefront', '/nora')
    reader.type('Campaign (optional)', 'autumn')
    reader.press('Make link')
    link = 'https://shop.example/nora?cref=you&campaign=autumn'
    assert reader.driver.find_element(By.ID, 'link').get_attribute('value') == link
    reader.driver.execute_cdp_cmd('Browser.grantPermissions', {
        'permissions': ['clipboardReadWrite', 'clipboardSanitizedWrite']})
    reader.find("(//button[normalize-space()='Copy'])[1]").click()
    reader.wait(lambda: 'Copied' in reader.words('main'))
    assert reader.driver.execute_async_script(
        'navigator.clipboard.readText().then(arguments[0])') == link
    reader.keep('links')


def test_withdrawal(reader):
    """Requested by the affiliate, approved, put into a batch and paid by the operator."""
    reader.sign_in('you')
    reader.follow('Withdrawals')
    reader.type('Paid to', 'me@studio.example')
    reader.press('Save the address')
    reader.type('Amount in dollars', '52.00')
    reader.press('Request a withdrawal')
    assert 'The withdrawal is requested.' in reader.words()
    number = re.search(r'No\. (\d+) ', reader.words('main')).group(1)
    reader.keep('withdrawals')

    reader.driver.delete_all_cookies()
    reader.sign_in('ops', 'operator')
    reader.keep('desk')
    reader.find(f"//button[@aria-label='Approve: withdrawal {number}']").click()
    reader.wait(lambda: f'Withdrawal {number} is approved.' in reader.words())
    reader.follow('Payout batches')
    reader.press('Open')
    assert 'me@studio.example' in reader.words('main')
    reader.keep('batch')
    reader.follow('Withdrawals')
    reader.follow('Approved')
    field = reader.driver.find_element(By.ID, f'pay-{number}')
    field.send_keys('8AELMXH8UB2P8')
    reader.find(f"//button[@aria-label='Paid: withdrawal {number}']").click()
    reader.wait(lambda: f'Withdrawal {number} is paid.' in reader.words())
    for page in ('Holds and signals', 'Programme', 'Health'):
        reader.follow(page)
        reader.keep(page.lower().replace(' ', '-'))
    reader.follow('Audit now')
    assert 'The books are clean.' in reader.words()

    reader.driver.delete_all_cookies()
    reader.sign_in('you')
    reader.follow('Withdrawals')
    assert 'Transfer 8AELMXH8UB2P8' in reader.words('main')


def test_time_zone(reader, server):
    """Times are the reader's own."""
    at, = server.execute("""
        SELECT to_char(occurred_at AT TIME ZONE 'America/New_York', 'FMHH12:MI')
        FROM commission.recent_commission WHERE account = 'you'
        ORDER BY event_id DESC LIMIT 1""").fetchone()
    reader.sign_in('you')
    assert at in reader.find("(//ul[@class='runs']//time)[1]").text
    assert ZONE in reader.words('footer')


def test_telephone(reader):
    """The details of a commission on a telephone."""
    reader.resize(TELEPHONE)
    reader.sign_in('you')
    reader.find('(//a[@data-popup-link])[1]').click()
    reader.wait(lambda: 'Platform keeps' in reader.words('dialog'))
    assert reader.fits()
    reader.keep('telephone-details')


def test_keyboard(reader):
    """Without a mouse: the skip link, the popup, and back to where one was."""
    reader.sign_in('you')

    def active():
        return reader.driver.switch_to.active_element
    reader.driver.find_element(By.TAG_NAME, 'body').send_keys(Keys.TAB)
    assert active().text == 'Skip to the content'
    active().send_keys(Keys.ENTER)
    reader.wait(lambda: active().get_attribute('id') == 'content')
    for _ in range(30):
        active().send_keys(Keys.TAB)
        if active().get_attribute('data-popup-link') is not None:
            break
    opener = active()
    opener.send_keys(Keys.ENTER)
    reader.wait(lambda: 'Platform keeps' in reader.words('dialog'))
    for _ in range(6):
        active().send_keys(Keys.TAB)
        inside = reader.driver.execute_script(
            "return document.activeElement === document.body"
            " || document.activeElement.closest('dialog') !== null")
        assert inside, 'the focus left the popup'
    reader.driver.find_element(By.TAG_NAME, 'dialog').send_keys(Keys.ESCAPE)
    reader.wait(lambda: active() == opener)


NAMELESS = """
return [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
    .filter((e) => !(e.labels && e.labels.length) && !e.getAttribute('aria-label')
        && !e.getAttribute('aria-labelledby') && !e.textContent.trim())
    .map((e) => e.outerHTML)
"""

# The contrast of each text against the nearest background that is not clear.
PALE = """
const rgb = (c) => c.match(/[0-9.]+/g).map(Number);
const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928
    ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (e) => { for (; e; e = e.parentElement) {
    if (getComputedStyle(e).backgroundImage !== 'none') return null;
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
const found = [];
for (const e of document.querySelectorAll('main *, footer *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    if (!e.offsetParent) continue;
    const back = behind(e);
    if (!back) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${e.outerHTML.slice(0, 80)}`);
}
return found;
"""


@pytest.mark.parametrize('account, role, paths', [
    ('you', 'affiliate', ('earnings', 'orders', 'referrals', 'links', 'materials',
                          'terms', 'statement', 'withdrawals')),
    ('eve', 'affiliate', ('earnings', 'orders', 'referrals', 'links', 'materials')),
    ('ops', 'operator', ('operator/withdrawals', 'operator/batches', 'operator/trust',
                         'operator/programme', 'operator/health'))])
def test_page(reader, account, role, paths):
    """
    No page is wider than a telephone; names, headings, captions, landmarks and
    contrast, for a screen reader; and what others wrote does nothing.
    """
    reader.sign_in(account, role)
    script = reader.driver.execute_script
    for path in paths:
        reader.resize(TELEPHONE)
        reader.open('/' + path)
        assert reader.fits(), path
        reader.keep(f'telephone-{account}-{path.rsplit("/")[-1]}')
        reader.resize(DESKTOP)
        assert script(NAMELESS) == [], path
        assert script(PALE) == [], path
        assert script("return document.documentElement.lang") == 'en'
        assert script("return document.querySelectorAll('h1').length") == 1, path
        assert script("return document.querySelectorAll('main').length") == 1, path
        assert script("return [...document.querySelectorAll('table')]"
                      ".filter((t) => !t.caption || !t.querySelector('th')).length") == 0, path
        levels = script("return [...document.querySelectorAll('main h1, main h2, main h3')]"
                        ".map((h) => Number(h.tagName[1]))")
        assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), path
        assert script("return new Set([...document.querySelectorAll('[id]')].map((e) => e.id))"
                      ".size === document.querySelectorAll('[id]').length"), path
