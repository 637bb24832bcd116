/*
 * copy.js: buttons that copy the value of a field to the clipboard.
 */
'use strict';

document.addEventListener('click', async (event) => {
	const button = event.target.closest('button[data-copy]');
	if (!button)
		return;
	const field = document.getElementById(button.dataset.copy);
	const label = button.textContent;

	try {
		await navigator.clipboard.writeText(field.value);
	} catch {
		/* Without HTTPS there is no clipboard: select it for the reader. */
		field.select();
		return;
	}
	button.textContent = button.dataset.copied;
	button.setAttribute('aria-live', 'polite');
	setTimeout(() => { button.textContent = label; }, 2000);
});
