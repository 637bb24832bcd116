/*
 * popup.js: links to details open in a dialog.  Without this script, and with
 * a modifier key, they lead to a page of its own.
 */
'use strict';

const popup = document.getElementById('popup');

async function openPopup(link) {
	const url = new URL(link.href);
	url.searchParams.set('popup', '1');
	const response = await fetch(url);
	if (!response.ok || response.redirected) {
		location.assign(link.href);
		return;
	}
	const inside = popup.querySelector('[data-popup]');
	inside.innerHTML = await response.text();	/* our server's, and escaped there */
	showTimes(inside);
	if (!popup.open)
		popup.showModal();
	popup.scrollTop = 0;
}

document.addEventListener('click', (event) => {
	const link = event.target.closest('a[data-popup-link]');
	if (!link || event.ctrlKey || event.metaKey || event.shiftKey)
		return;
	event.preventDefault();
	openPopup(link);
});

popup.addEventListener('click', (event) => {
	if (event.target === popup)
		popup.close();
});
