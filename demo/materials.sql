/*
 * materials.sql: promotional materials to begin with.
 */
SELECT commission.set_material('text', 'text', 'A short text',
	'Photos like these take a minute: {link}');
SELECT commission.set_material('banner', 'banner', 'A banner',
	'<a href="{link}"><img src="https://shop.example/banner-728x90.png" width="728" height="90" alt="Photos in a minute"></a>');
SELECT commission.set_material('snippet', 'code_snippet', 'A button in JavaScript',
	'document.body.append(Object.assign(document.createElement("a"), {href: "{link}", textContent: "Photos in a minute"}));');
