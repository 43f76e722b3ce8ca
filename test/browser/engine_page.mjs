// The widget on a page, in the engine that ENGINE names: layout, keys, storage, the page cache.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from './engines.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { Line, makeChannel, messages, send, sql, statusOf, theVisitor } from './world.mjs';

const hub = new URL(process.env.WEBCHATT_URL);
const line = await new Line().listen();
await sql(`ALTER SYSTEM SET webchatt.public_url = '${hub.origin}'`);
await sql('SELECT pg_reload_conf()');
const engine = await startEngine(process.env.ENGINE);
const { page } = engine;

// Each test has a site of its own, which is an origin with nothing in its storage.  The page tells what went wrong in it.
const PROBE = `
	window.problems = [];
	window.shows = [];
	window.keys = [];
	// Of a ResizeObserver WebKit says only that it goes on in the next frame.
	addEventListener('error', event => /^ResizeObserver loop/.test(event.message) || problems.push(event.message));
	addEventListener('unhandledrejection', event => problems.push(String(event.reason)));
	document.addEventListener('securitypolicyviolation', event => problems.push(event.violatedDirective + ' ' + event.blockedURI));
	addEventListener('pageshow', event => shows.push(event.persisted));
	document.addEventListener('keydown', event => keys.push(event.key));
	if (document.currentScript.src.endsWith('?closed'))
		Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });`;

async function openSite() {
	const server = http.createServer((request, response) => {
		const url = new URL(request.url, origin);
		if (url.pathname === '/probe.js')
			return response.setHeader('content-type', 'text/javascript').end(PROBE);
		if (url.pathname === '/other')
			return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Other</title><p>Another page');
		if (url.pathname === '/phone')
			return response.setHeader('content-type', 'text/html').end(`<!doctype html><title>Phone</title><iframe width="360" height="640" src="/${url.search}"></iframe>`);
		if (url.pathname !== '/')
			return response.writeHead(404).end();
		const query = url.searchParams;
		response.setHeader('content-type', 'text/html; charset=utf-8');
		response.setHeader('content-security-policy', `default-src 'none'; script-src 'self' ${hub.origin}; style-src 'self'; img-src 'self' ${hub.origin}; connect-src ws://127.0.0.1:*${query.has('files') ? ' http://127.0.0.1:*' : ''}`);
		const config = JSON.stringify({ webChatId: query.get('key'), endpoint: line.url, ...query.has('files') ? { files: { maxSize: 10485760 } } : {} }).replace(/'/g, '&#39;');
		response.end(`<!doctype html><html lang="${query.get('lang') || 'en'}" dir="${query.get('dir') || 'ltr'}"><head><meta charset="utf-8">
			<meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title><script src="/probe.js${query.has('closed') ? '?closed' : ''}"></script></head>
			<body><h1>A shop</h1><p><a href="/other" id="before">A link before</a></p>
			<script src="${hub.origin}/chat-widget.umd.js" data-config='${config}'></script></body></html>`);
	});
	await new Promise(done => server.listen(0, '127.0.0.1', done));
	const origin = `http://127.0.0.1:${server.address().port}`;
	return origin;
}

// --- the widget, as it is seen ---------------------------------------------

// Of what a selector finds in the widget and is shown: its box and some of its looks.
const look = selector => page.evaluate(what => {
	const host = document.getElementById('chatt2me-widget');
	const element = host && host.shadowRoot && Array.from(host.shadowRoot.querySelectorAll(what)).find(one => one.getClientRects().length);
	if (!element)
		return null;
	const { x, y, width, height } = element.getBoundingClientRect();
	const { direction, fontSize } = getComputedStyle(element);
	return { x, y, width, height, direction, fontSize, value: element.value, text: element.textContent };
}, selector);

const shown = selector => until(() => look(selector));

async function click(selector) {
	const box = await shown(selector);
	await page.click(box.x + box.width / 2, box.y + box.height / 2);
}

const texts = () => page.evaluate(() => Array.from(document.getElementById('chatt2me-widget').shadowRoot.querySelectorAll('.list .row .text'), one => one.textContent));

const state = () => page.evaluate(() => window.Chatt2me.state());

// What has the focus: a name of it.
const focused = () => page.evaluate(() => {
	const inside = document.activeElement.shadowRoot;
	const element = inside ? inside.activeElement : document.activeElement;
	return element && (element.getAttribute('aria-label') || element.id || element.tagName);
});

const problems = () => page.evaluate(() => window.problems);

// A channel, and its widget on a page of a new site; open, unless it is told not to be.
async function visit({ query = {}, open = true } = {}) {
	line.open();
	const origin = await openSite();
	const channel = await makeChannel([origin]);
	await page.goto(`${origin}/?${new URLSearchParams({ key: channel.key, ...query })}`);
	await shown('.launcher');
	if (open)
		await openPanel();
	return { channel, origin };
}

// Unless it is open as it was on the page before.
async function openPanel() {
	await shown('.launcher');
	if (!await page.evaluate(() => window.Chatt2me.isOpen()))
		await click('.launcher');
	await shown('[role=dialog]');
	await until(async () => await state() === 'open');
	await until(() => page.evaluate(() => !document.getElementById('chatt2me-widget').shadowRoot.querySelector('[role=dialog]').getAnimations().length));
}

async function say(text) {
	await page.type(text);
	await page.press('Enter');
}

const said = channel => messages(channel).then(all => all.filter(row => row[0] === 'in').map(row => row[2]));

// --- tests -----------------------------------------------------------------

test('a conversation on a page with a policy', async () => {
	const { channel } = await visit();
	await say('Hello');
	await comes(() => said(channel), 'a message is a row', ['Hello']);
	const id = await send(channel, { text: 'Good day. https://example.com/a' });
	await comes(texts, 'the answer is on the screen', ['Hello', 'Good day. https://example.com/a']);
	await comes(() => statusOf(id), 'and read', 'read');
	await page.reload();
	await openPanel();
	await click('textarea');
	await comes(texts, 'a reload keeps the conversation', ['Hello', 'Good day. https://example.com/a']);
	await say('Thanks');
	await comes(() => said(channel), 'which goes on', ['Hello', 'Thanks']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '1', 'as the same visitor');
	is(await problems(), [], 'no error, nothing against the policy');
});

test('keys', async () => {
	const { channel } = await visit({ open: false });
	await page.evaluate(() => document.getElementById('before').focus());
	await page.press('Tab');
	is(await focused(), 'Open chat', 'Tab comes to the bubble');
	await page.press('Enter');
	await shown('[role=dialog]');
	await comes(focused, 'Enter opens, ready to write', 'Write a message…');
	await page.type('one');
	await page.press('Shift+Enter');
	await page.type('two');
	is((await look('textarea')).value, 'one\ntwo', 'Shift+Enter is a new line');
	await page.press('Enter');
	await comes(() => said(channel), 'Enter sends', ['one / two']);
	is((await look('textarea')).value, '', 'and the field is empty');
	ok(!await page.evaluate(() => window.keys.includes('w')), 'the page hears nothing of it');
	const seen = new Set();
	for (let i = 0; i < 8; i++) {
		seen.add(await focused());
		await page.press('Tab');
	}
	ok(seen.has('Close chat') && seen.has('Messages') && seen.has('Send') && !seen.has('before'), 'Tab goes round in the panel', [...seen].join());
	await page.press('Escape');
	await comes(() => look('[role=dialog]').then(box => !box), 'Esc closes');
	is(await focused(), 'Open chat', 'the focus is at the bubble again');
	await page.evaluate(() => {
		document.getElementById('before').focus();
		window.Chatt2me.open();
	});
	const dialog = await shown('[role=dialog]');
	await page.click(dialog.x + dialog.width / 2, dialog.y + dialog.height - 30);
	await comes(focused, 'who clicks into the field writes there', 'Write a message…');
	await page.press('Escape');
	await comes(focused, 'closed, the focus is where it was', 'before');
	is(await problems(), [], 'no error');
});

test('a field of six lines', async () => {
	await visit();
	const one = await look('textarea');
	for (let i = 1; i <= 6; i++) {
		if (i > 1)
			await page.press('Shift+Enter');
		await page.type(String(i));
	}
	const six = await look('textarea');
	is(six.value, '1\n2\n3\n4\n5\n6', 'six lines are written');
	ok(one.height >= 36 && one.height <= 44, `one line is ${one.height} px high`);
	ok(six.height >= 120 && six.height <= 160, `six are ${six.height}`);
	await page.press('Enter');
	await comes(() => look('textarea').then(now => now.height), 'sent, it is as before', one.height);
});

test('right to left', async () => {
	const { channel } = await visit({ query: { lang: 'en', dir: 'rtl' } });
	is((await look('textarea')).direction, 'rtl', 'caret and placeholder of the empty field are at the right');
	await say('مرحبا');
	await comes(() => said(channel), 'a message is sent', ['مرحبا']);
	const [bubble, panel, own] = [await look('.launcher'), await look('[role=dialog]'), await shown('.own .bubble')];
	ok(bubble.x < 100 && panel.x < 100, 'the widget is at the left');
	ok(own.x < panel.x + 100, 'and so are the visitor\'s messages');
	await page.type('Hello');
	is((await look('textarea')).direction, 'ltr', 'what is written left to right is so');
});

test('layout', async () => {
	const { channel } = await visit();
	const [bubble, panel, field, log] = [await look('.launcher'), await look('[role=dialog]'), await look('textarea'), await look('[role=log]')];
	const size = await page.evaluate(() => [innerWidth, innerHeight]);
	ok(bubble.x > size[0] - 100 && bubble.x + bubble.width <= size[0] && bubble.y + bubble.height <= size[1], 'the bubble is in its corner');
	ok(panel.x > 0 && panel.y >= 0 && panel.x + panel.width <= size[0] && panel.y + panel.height <= bubble.y, 'the panel is above it, on the screen');
	ok(field.y + field.height <= panel.y + panel.height && log.y + log.height <= field.y && log.height > 200, 'the field is at its end, the messages above');
	for (let i = 0; i < 20; i++)
		await send(channel, { text: `line ${i}: ${'word '.repeat(20)}` });
	await comes(() => texts().then(all => all.length), 'many messages come', 20);
	await comes(() => page.evaluate(() => {
		const list = document.getElementById('chatt2me-widget').shadowRoot.querySelector('[role=log]');
		return list.scrollHeight > list.clientHeight && list.scrollHeight - list.clientHeight - list.scrollTop < 2 && list.scrollWidth <= list.clientWidth;
	}), 'they are scrolled to the end, and nothing is wider than the list');
	is((await look('textarea')).y, field.y, 'the field stays where it is');
});

test('a phone', async () => {
	const { channel, origin } = await visit({ open: false });
	// Where a window cannot be so small, a frame is.
	if (!await page.resize(360, 640)) {
		await page.goto(`${origin}/phone?key=${channel.key}`);
		await page.enter();
	}
	await openPanel();
	await comes(() => look('[role=dialog]').then(({ x, y, width, height }) => [x, y, width, height]), 'on a phone the panel is the whole screen', [0, 0, 360, 640]);
	ok(!await look('.launcher'), 'the bubble is away');
	is((await look('textarea')).fontSize, '16px', 'the field does not make the page zoom');
	await say('hello');
	await comes(() => said(channel), 'a message is sent', ['hello']);
	is(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is wider than the screen');
	is(await problems(), [], 'no error');
	await page.resize(1000, 760);
});

test('the page cache', async () => {
	const { channel, origin } = await visit({ open: false });
	await page.goto(`${origin}/other`);
	await page.back();
	await comes(() => page.evaluate(() => window.shows.join()), 'a page whose chat is closed comes out of the page cache', 'false,true');
	await openPanel();
	await say('before');
	await comes(() => said(channel), 'somebody writes', ['before']);
	await page.goto(`${origin}/other`);
	await send(channel, { text: 'meanwhile' }, await theVisitor(channel));
	await page.back();
	// Firefox keeps no page that has a WebSocket.
	await comes(() => page.evaluate(() => window.shows), 'and so does one with an open line, where the browser lets it', process.env.ENGINE === 'firefox' ? [false] : [false, true, true]);
	await comes(() => look('.launcher'), 'who comes back has the widget');
	await openPanel();
	await comes(state, 'which connects', 'open');
	await comes(texts, 'what came meanwhile is there, once', ['before', 'meanwhile']);
	await click('textarea');
	await say('after');
	await comes(() => said(channel), 'what is written goes, once', ['before', 'after']);
	await page.forward();
	await comes(() => page.evaluate(() => document.title), 'forward', 'Other');
	await page.back();
	await comes(() => look('.launcher'), 'and back again');
	await openPanel();
	await comes(texts, 'the conversation is whole', ['before', 'meanwhile', 'after']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '1', 'of one visitor');
	is(await problems(), [], 'no error');
});

test('files', async () => {
	const { channel } = await visit({ query: { files: '1' } });
	const folder = mkdtempSync(join(tmpdir(), 'files-'));
	const paths = ['shoe.png', 'list é.txt'].map(name => join(folder, name));
	await page.picture(paths[0]);
	writeFileSync(paths[1], 'one line\n'.repeat(60000));
	const shown = () => page.evaluate(() => {
		const { shadowRoot } = document.getElementById('chatt2me-widget');
		const image = shadowRoot.querySelector('.own .media img');
		const link = shadowRoot.querySelector('.own a.card b');
		return [image && image.naturalWidth > 300, link && link.textContent, shadowRoot.querySelector('.uploads')?.innerText];
	});
	await page.give(() => document.getElementById('chatt2me-widget').shadowRoot.querySelector('input[type=file]'), paths);
	await comes(shown, 'files that are picked come, in order, and are shown', [true, 'list é.txt', '']);
	is(await sql(`SELECT string_agg(type || ' ' || size || ' ' || state, ', ' ORDER BY name DESC) FROM webchatt.files WHERE channel_id = '${channel.id}'`),
		`image/png ${statSync(paths[0]).size} whole, text/plain 540000 whole`, 'whole');
	const names = dropped => page.evaluate(async name => {
		const field = document.getElementById('chatt2me-widget').shadowRoot.querySelector('textarea');
		const carried = new DataTransfer();
		carried.items.add(new File(['text'], name, { type: 'text/plain' }));
		field.dispatchEvent(new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true, composed: true }));
	}, dropped);
	await names('dropped.txt');
	await comes(() => sql(`SELECT content ->> 'filename' FROM webchatt.messages WHERE channel_id = '${channel.id}' ORDER BY id DESC LIMIT 1`), 'one that is dropped, too', 'dropped.txt');
	line.cut();
	await names('later.txt');
	await comes(() => look('.uploads small').then(one => one && one.text), 'without a line it waits', 'Waiting for the connection…');
	line.open();
	await comes(() => sql(`SELECT content ->> 'filename' FROM webchatt.messages WHERE channel_id = '${channel.id}' ORDER BY id DESC LIMIT 1`), 'and comes with it', 'later.txt');
	is(await problems(), [], 'no error, nothing against the policy');
	rmSync(folder, { recursive: true });
});

test('log-out, and another person', async () => {
	const { channel } = await visit();
	await say('of A');
	await comes(() => said(channel), 'A writes', ['of A']);
	await page.type('begun by A');
	await page.evaluate(() => localStorage.clear());
	await comes(texts, 'a page that empties its storage: the conversation goes', []);
	is(await page.evaluate(() => document.getElementById('chatt2me-widget').shadowRoot.querySelector('textarea').value), '', 'and what was begun');
	await click('textarea');
	await say('of B');
	await comes(() => said(channel), 'B writes', ['of A', 'of B']);
	await page.reload();
	await openPanel();
	await comes(texts, 'and sees nothing of A on the next page', ['of B']);
	await page.evaluate(() => window.Chatt2me.reset());
	await page.reload();
	await openPanel();
	await comes(texts, 'reset() does the same', []);
	is(await sql(`SELECT count(DISTINCT visitor) FROM webchatt.messages WHERE channel_id = '${channel.id}'`), '2', 'A and B are two');
	is(await problems(), [], 'no error');
});

test('storage that is closed', async () => {
	const { channel } = await visit({ query: { closed: '1' } });
	await say('hello');
	await comes(() => said(channel), 'a message is sent', ['hello']);
	line.cut();
	await say('again');
	line.open();
	await comes(() => said(channel), 'and another over a cut, once', ['hello', 'again']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '1', 'of one visitor');
	is(await problems(), [], 'no error');
});

await run(() => engine.close());
