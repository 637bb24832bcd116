/*
 * material.sql: promotional materials.
 */
BEGIN;

SELECT plan(36);

SELECT is(commission_internal.fill_material(kind::commission.material_kind, body, link),
		  expected, format('%s: %s', kind, description))
FROM (VALUES
	('text', '{link}', '/?a=1&b="<''>', '/?a=1&b="<''>', 'as it is'),
	('banner', '<a href="{link}">', '/?a=1&b="<''>',
	 '<a href="/?a=1&amp;b=&quot;&lt;&#39;&gt;">', 'escaped for HTML'),
	('comparison_chart', '<td>{link}</td>', '/?a=1&b=2', '<td>/?a=1&amp;b=2</td>',
	 'escaped for HTML'),
	('code_snippet', 'get("{link}")', E'/a"b''c`d\\e$f{g}?a=1&b=2 <>\n',
	 'get("/a%22b%27c%60d%5Ce%24f%7Bg%7D?a=1&b=2%20%3C%3E%0A")',
	 'percent-escaped, the URL being what it was'),
	('text', '{link} {link}', 'x', 'x x', 'each place'),
	('text', '{link}{link}', 'x', 'xx', 'side by side'),
	('text', 'a', 'x', 'a', 'no place'),
	('text', '{links} {Link} { link} {{link}}', 'x', '{links} {Link} { link} {x}',
	 'no other'),
	('text', '{link}', '{link}', '{link}', 'what is put in is not looked through'),
	('text', '', 'x', '', 'an empty body'),
	('text', NULL, 'x', NULL, 'NULL'),
	('banner', '春{link}😀', 'é', '春é😀', 'letters of several bytes'))
	AS t (kind, body, link, expected, description);

SELECT lives_ok($$SELECT commission.set_material('b', 'text', 'Words', 'See {link}!')$$,
				'a text is set');
SELECT lives_ok($$SELECT commission.set_material('a', 'text', 'More', 'Go to {link}.')$$,
				'and another');
SELECT lives_ok($$SELECT commission.set_material('c', 'banner', 'Old', 'Old')$$,
				'and a banner');
SELECT lives_ok($$SELECT commission.set_material('c', 'banner', 'Wide',
					'<a href="{link}">Wide</a>')$$,
				'which another takes the place of');
SELECT results_eq(
	$$SELECT material COLLATE "default", kind::text, title, body
	  FROM commission.materials_for('maria', 'https://a.org/?x=1#f', 'a b')$$,
	$$VALUES ('c', 'banner', 'Wide',
			  '<a href="https://a.org/?x=1&amp;cref=maria&amp;campaign=a%20b#f">Wide</a>'),
		('a', 'text', 'More', 'Go to https://a.org/?x=1&cref=maria&campaign=a%20b#f.'),
		('b', 'text', 'Words', 'See https://a.org/?x=1&cref=maria&campaign=a%20b#f!')$$,
	'an affiliate gets each of them, by kind, with the link of their own');
SELECT results_eq(
	$$SELECT body FROM commission.materials_for('anybody', '/') WHERE material = 'b'$$,
	$$VALUES ('See /?cref=anybody!')$$, 'whoever they are, with a campaign or without');
SELECT is_empty('SELECT * FROM commission.materials_for(' || arguments || ')',
				'none for ' || arguments)
FROM (VALUES ('NULL, ''/'''), ('''maria'', NULL')) AS t (arguments);
SELECT throws_ok($$SELECT * FROM commission.materials_for('', '/')$$, '22023',
				 'account must not be empty', 'an account has a name');
SELECT ok(commission.remove_material('b'), 'a material is taken away');
SELECT ok(NOT commission.remove_material('b'), 'once');
SELECT is((SELECT count(*) FROM commission.materials_for('maria', '/')), 2::bigint,
		  'and is handed out no more');

SELECT throws_ok('SELECT commission.' || call, errcode, message, call)
FROM (VALUES
	('set_material(NULL, ''text'', ''t'', ''b'')', '22004', 'material must not be NULL'),
	('set_material(''m'', NULL, ''t'', ''b'')', '22004', 'kind must not be NULL'),
	('set_material(''m'', ''text'', NULL, ''b'')', '22004', 'title must not be NULL'),
	('set_material(''m'', ''text'', ''t'', NULL)', '22004', 'body must not be NULL'),
	('set_material('''', ''text'', ''t'', ''b'')', '22023', 'material must not be empty'),
	('set_material(repeat(''m'', 1025), ''text'', ''t'', ''b'')', '22023', 'material is too long'),
	('set_material(''m'', ''text'', '''', ''b'')', '22023', 'title must not be empty'),
	('set_material(''m'', ''text'', ''t'', '''')', '22023', 'body must not be empty'),
	('set_material(''m'', ''advert'', ''t'', ''b'')', '22P02',
	 'invalid input value for enum commission.material_kind: "advert"'),
	('remove_material(NULL)', '22004', 'material must not be NULL'),
	('remove_material('''')', '22023', 'material must not be empty'))
	AS t (call, errcode, message);
SELECT is((SELECT count(*) FROM commission.material), 2::bigint, 'nothing else is set');

SELECT * FROM finish();
ROLLBACK;
