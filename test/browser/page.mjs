// The widget as a part of somebody's page: it is there once, nothing in a message
// runs, and everybody can use it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { poorContrast } from './contrast.mjs';
import { comes, is, like, ok, run, test } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const MOST_BYTES = 15000;
// What the first opening loads; and what is loaded only where it is used, each.
const MOST_AT_OPEN = 30000;
const MOST_OF_AN_EXTRA = 5000;
const MOST_OF_A_LANGUAGE = 1500;
const AT_OPEN = /^panel-/;

async function visiting(options = {}, context = {}) {
	const channel = await makeChannel([site.origin]);
	const browser = await newContext(context);
	const widget = await Widget.visit(browser, site, channel, line, options);
	await widget.open();
	return { channel, context: browser, widget };
}

// A file as it comes over the wire.
const fetched = (path, encoding) => new Promise((done, fail) => {
	http.get(new URL(path, process.env.WEBCHATT_URL), { headers: { 'accept-encoding': encoding } }, async response => {
		const parts = [];
		for await (const part of response)
			parts.push(part);
		done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) });
	}).on('error', fail);
});

const built = name => fileURLToPath(new URL(name, `file://${process.env.WIDGET_FILE}`));
const language = name => /^[a-z]{2}-/.test(name);

test('the files', async () => {
	const parts = readdirSync(built('parts')).filter(name => name.endsWith('.js'));
	ok(parts.some(name => name.startsWith('panel-')) && parts.some(language), 'there are a panel and languages', parts.join());
	let all = 0;
	let largest = 0;
	for (const [path, file, caching] of [['/chat-widget.umd.js', process.env.WIDGET_FILE, /^public, max-age=3600/],
		...parts.map(name => [`/chat-widget/${name}`, built(`parts/${name}`), /^public, max-age=31536000, immutable$/])]) {
		const { body, headers } = await fetched(path, 'identity');
		const packed = await fetched(path, 'gzip');
		ok(body.equals(readFileSync(file)), `${path} is served as it was built`);
		is([packed.headers['content-encoding'], headers['content-type'], headers['access-control-allow-origin']], ['gzip', 'text/javascript; charset=utf-8', '*'], 'compressed, to any origin');
		ok(gunzipSync(packed.body).equals(body), 'and is the same then');
		like(headers['cache-control'], caching, 'it may be kept as long as its name means the same');
		ok(!/\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write/.test(body.toString()), 'it has nothing that turns text into code or markup');
		const size = packed.body.length;
		if (file === process.env.WIDGET_FILE)
			ok(size <= MOST_BYTES, `the base has at most 15 kB (${size})`);
		const name = path.replace('/chat-widget/', '');
		if (language(name)) {
			largest = Math.max(largest, size);
			ok(size <= MOST_OF_A_LANGUAGE, `the language ${name.slice(0, 2)} has at most 1.5 kB (${size})`);
		} else if (file === process.env.WIDGET_FILE || AT_OPEN.test(name))
			all += size;
		else
			ok(size <= MOST_OF_AN_EXTRA, `${name.split('-')[0]}, which is loaded where it is used, has at most 5 kB (${size})`);
	}
	ok(all + largest <= MOST_AT_OPEN, `the first opening loads at most 30 kB, with the largest language (${all} + ${largest})`);
	is((await fetched(`/chat-widget/${parts[0].replace(/-\w{8}\./, '-AAAAAAAA.')}`, 'gzip')).status, 404, 'one of another build is not there');
});

test('what there is once', async () => {
	const outputs = name => Object.values(JSON.parse(readFileSync(built(name))).outputs).filter(output => output.entryPoint);
	const [base] = outputs('base.json');
	const inBase = Object.keys(base.inputs);
	const parts = outputs('parts.json');
	ok(inBase.some(name => name.endsWith('base/line.js')) && parts.length > 1, 'it is known what is in each file');
	for (const { entryPoint, inputs } of parts)
		is(Object.keys(inputs).filter(name => inBase.includes(name) || name.includes('/base/')), [], `${entryPoint} has no second copy of what the base is made of`);
});

// What would run, in each place that a string can be.
const EVIL = ['<img src=x onerror="window.hacked=1">', '"><script>window.hacked=1</script>', 'javascript:window.hacked=1',
	'data:text/html,<script>parent.hacked=1</script>', '\'"`onmouseover=window.hacked=1 ', '</style><svg onload=window.hacked=1>'];

function evilContents() {
	const all = [];
	for (const e of EVIL) {
		all.push({ text: e }, { type: 'text', text: { body: e } }, { text: `https://example.com/${e}` }, { text: `see ${e} www.example.com"onclick=${e}` });
		for (const kind of ['image', 'video', 'audio', 'document', 'sticker']) {
			all.push({ [kind + 'Url']: e, text: e, filename: e });
			all.push({ type: kind, [kind]: { link: e, caption: e, filename: e } });
			all.push({ [kind + 'Url']: `https://127.0.0.1:1/${e}`, text: e, filename: e });
		}
		all.push({ type: 'location', location: { latitude: e, longitude: e, name: e, address: e } }, { latitude: 1, longitude: 2, name: e });
		all.push({ contacts: [{ name: { formatted_name: e }, phones: [{ phone: e }, e], emails: [{ email: e }, e] }, { name: e, phone: e, email: e }] });
		all.push({ interactive: { type: 'button', header: { type: 'text', text: e }, body: { text: e }, footer: { text: e },
			action: { buttons: [{ type: 'reply', reply: { id: e, title: e } }] } } });
		all.push({ interactive: { type: 'list', header: { type: 'image', image: { link: e } }, body: { text: e },
			action: { button: e, sections: [{ title: e, rows: [{ id: e, title: e, description: e }] }] } } });
		all.push({ interactive: { type: 'cta_url', body: { text: e }, action: { parameters: { url: e, display_text: e } } } });
		all.push({ reaction: { emoji: e, message_id: e } }, { reply: { message_id: e, text: e }, text: e });
	}
	// Shapes that no application should send.
	return all.concat({ interactive: 5 }, { interactive: { action: { buttons: [null, 1, { reply: null }], sections: 7 } } }, { contacts: [null, 3] },
		{ location: { latitude: { toString: 1 }, longitude: {} } }, { imageUrl: { toString: 1 } }, { text: { body: { body: 1 } } }, { reaction: {} }, { reply: {} });
}

// As a row: send_message() refuses what nobody could answer.
const put = (channel, content, visitor) => sql(`INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	SELECT '${channel.id}', (substr(at, 1, 8) || '-' || substr(at, 9) || '-7' || substr(chance, 16, 3) || substr(chance, 19))::uuid, '${visitor}', 'out', 'queued', ${quoted(JSON.stringify(content))}::jsonb
	FROM (SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS at, gen_random_uuid()::text AS chance) AS id`);

for (const lax of [false, true]) {
	test(lax ? 'nothing in a message runs, on a page without a policy' : 'nothing in a message runs, on a page with a strict policy', async () => {
		const { channel, context, widget } = await visiting(lax ? { query: { lax: '1' } } : {});
		const visitor = await theVisitor(channel);
		let dialogs = 0;
		widget.page.on('dialog', dialog => {
			dialogs++;
			dialog.dismiss();
		});
		const contents = evilContents();
		for (let i = 0; i < contents.length; i += 20)
			await Promise.all(contents.slice(i, i + 20).map(content => put(channel, content, visitor).catch(error => {
				throw new Error(`${JSON.stringify(content)}: ${error.message}`);
			})));
		await comes(() => widget.shown().then(all => all.length), 'every kind of content is shown', contents.length, 30);
		for (const text of EVIL)
			await widget.say(text);
		await comes(() => messages(channel).then(all => all.filter(row => row[0] === 'in').map(row => row[2])), 'and said', EVIL.map(text => text.trim()));
		// Touch everything that could react.
		const found = await widget.root.locator('.log').evaluate(log => {
			const bad = [];
			for (const element of log.querySelectorAll('*')) {
				for (const type of ['mouseover', 'focus', 'load', 'error', 'toggle'])
					element.dispatchEvent(new Event(type));
				if (['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'FORM', 'BASE', 'META', 'LINK'].includes(element.tagName))
					bad.push(element.outerHTML);
				for (const { name, value } of element.attributes)
					if (name.startsWith('on') || name === 'style' || name === 'srcdoc' ||
						['href', 'src', 'action', 'formaction'].includes(name) && !/^(https?|mailto|tel):/.test(value))
						bad.push(`${name}=${value}`);
				if (element.tagName === 'A' && (element.rel !== 'noopener noreferrer' || element.target !== '_blank'))
					bad.push(element.outerHTML);
			}
			return bad;
		});
		is(found, [], 'no element of the list can run anything');
		is(await widget.page.evaluate(() => window.hacked), undefined, 'nothing ran');
		is(dialogs, 0, 'no dialog came');
		is(widget.page.url().startsWith(site.origin), true, 'the page is where it was');
		await context.close();
	});
}

test('what each content looks like', async () => {
	const { channel, context, widget } = await visiting();
	const log = widget.root.locator('.log');
	await send(channel, { text: 'See https://example.com/a_(b). Or write to ana@example.com, or (www.example.org).' });
	await comes(() => log.locator('a').evaluateAll(all => all.map(a => a.href + ' ' + a.textContent)), 'addresses in a text are links',
		['https://example.com/a_(b) https://example.com/a_(b)', 'mailto:ana@example.com ana@example.com', 'https://www.example.org/ www.example.org']);
	await send(channel, { imageUrl: 'data:image/png;base64,iVBORw0KGgo=', text: 'no web address' });
	await send(channel, { imageUrl: `${site.origin}/missing.png`, text: 'a picture that is missing' });
	await comes(() => log.locator('a.card').last().getAttribute('href'), 'a picture that does not load is a link', `${site.origin}/missing.png`);
	is(await log.locator('img').count(), 0, 'and only web addresses are pictures');
	await send(channel, { documentUrl: 'https://example.com/files/1', filename: 'Invoice.pdf' });
	await comes(() => log.getByRole('link', { name: 'Invoice.pdf' }).getAttribute('href'), 'a document is a link with its name', 'https://example.com/files/1');
	await send(channel, { type: 'location', location: { latitude: 38.71, longitude: -9.14, name: 'The shop' } });
	await comes(() => log.getByRole('link', { name: 'The shop' }).getAttribute('href'), 'a place is a link to a map',
		'https://www.openstreetmap.org/?mlat=38.71&mlon=-9.14#map=16/38.71/-9.14');
	await send(channel, { contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+351 21 000' }] }] });
	await comes(() => log.getByRole('link', { name: '+351 21 000' }).getAttribute('href'), 'a contact can be called', 'tel:+35121000');
	await send(channel, { audioUrl: 'https://example.com/a.ogg' });
	await send(channel, { somethingNew: true });
	await comes(() => log.getByText('This message cannot be shown here.', { exact: true }).isVisible(), 'what is not known is said to be so');
	await context.close();
});

test('included three times', async () => {
	const { channel, context, widget } = await visiting({ query: { twice: '1' } });
	is(await widget.page.locator('#chatt2me-widget').count(), 1, 'there is one container');
	is(await widget.root.locator('.launcher').count(), 1, 'with one widget');
	await widget.say('once');
	await comes(() => messages(channel).then(all => all.length), 'a message is sent', 1);
	is(await widget.texts(), ['once'], 'once');
	const own = await Widget.visit(context, site, channel, line, { query: { own: '1' } });
	is(await own.page.locator('#chatt2me-widget').count(), 1, 'a container that the page has is used');
	is(widget.errors.concat(own.errors), [], 'no errors, no policy broken');
	await context.close();
});

test('the keyboard alone', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	const { page } = widget;
	const focused = () => page.evaluate(() => {
		const inside = document.activeElement.shadowRoot;
		const element = inside ? inside.activeElement : document.activeElement;
		return element.getAttribute('aria-label') || element.id || element.tagName;
	});
	await page.keyboard.press('Tab');
	is(await focused(), 'before', 'Tab begins on the page');
	await page.keyboard.press('Tab');
	is(await focused(), 'Open chat', 'and comes to the bubble');
	await page.keyboard.press('Enter');
	await widget.panel.waitFor();
	is(await focused(), 'Write a message…', 'Enter opens the panel, ready to write');
	await page.keyboard.type('Hello');
	await page.keyboard.press('Shift+Enter');
	await page.keyboard.type('there');
	await page.keyboard.press('Enter');
	await comes(() => messages(channel).then(all => all[0] && all[0][2]), 'Shift+Enter is a new line, Enter sends', 'Hello / there');
	is(await widget.field.inputValue(), '', 'and the field is empty');
	const id = await send(channel, { interactive: { type: 'button', body: { text: 'Well?' }, action: { buttons: [{ reply: { id: 'y', title: 'Yes' } }] } } });
	await comes(() => statusOf(id), 'an answer comes', 'read');

	const first = await focused();
	const seen = [first];
	for (let i = 0; i < 20; i++) {
		await page.keyboard.press('Tab');
		const now = await focused();
		if (now === first)
			break;
		seen.push(now);
	}
	is(await focused(), first, 'Tab goes round in the panel');
	ok(seen.includes('Close chat') && seen.includes('Messages') && seen.includes('Send') && !seen.includes('before'), 'over everything, and nothing of the page', seen.join());
	await page.keyboard.press('Shift+Tab');
	for (let i = 0; i < 20 && await focused() !== 'BUTTON'; i++)
		await page.keyboard.press('Shift+Tab');
	const ring = await widget.root.getByRole('button', { name: 'Yes' }).evaluate(button => getComputedStyle(button).outlineStyle);
	is(ring, 'solid', 'the focus can be seen');
	await page.keyboard.press('Space');
	await comes(() => messages(channel).then(all => all.length), 'a button is pressed', 3);
	is(await focused(), 'Messages', 'and the focus is not lost with it');
	await page.keyboard.press('Escape');
	ok(await widget.panel.isHidden(), 'Esc closes');
	is(await focused(), 'Open chat', 'and gives the focus back');
	await page.locator('#before').focus();
	await page.evaluate(() => document.getElementById('before').addEventListener('click', () => window.Chatt2me.open()));
	await page.keyboard.press('Enter');
	await widget.panel.waitFor();
	await page.keyboard.press('Escape');
	is(await focused(), 'before', 'to where it was');
	await context.close();
});

test('names and roles', async () => {
	const { channel, context, widget } = await visiting();
	await widget.say('Hello');
	await send(channel, { text: 'Hi, https://example.com' });
	await comes(() => widget.texts().then(all => all.length), 'two messages are there', 2);
	ok(await widget.root.getByRole('dialog', { name: 'Tea & Co.' }).isVisible(), 'a dialog with the channel\'s name');
	is(await widget.root.getByRole('log', { name: 'Messages' }).getAttribute('tabindex'), '0', 'a log that can be scrolled by keyboard');
	await comes(() => widget.root.getByRole('log').getAttribute('aria-live'), 'which is read aloud', 'polite');
	is(await widget.launcher.getAttribute('aria-expanded'), 'true', 'a bubble that says that it is open');
	const problems = await widget.root.evaluate(host => {
		const bad = [];
		const root = host.shadowRoot;
		const ids = new Set();
		for (const element of root.querySelectorAll('*')) {
			const shown = element.getClientRects().length > 0;
			const name = element.getAttribute('aria-label') || element.textContent.trim();
			if (shown && ['BUTTON', 'A', 'TEXTAREA', 'SUMMARY'].includes(element.tagName) && !name)
				bad.push('no name: ' + element.outerHTML);
			if (element.tagName === 'IMG' && !element.hasAttribute('alt'))
				bad.push('no alt: ' + element.outerHTML);
			if (element.tagName === 'svg' && element.getAttribute('aria-hidden') !== 'true')
				bad.push('svg: ' + element.outerHTML);
			if (element.id && ids.has(element.id))
				bad.push('id twice: ' + element.id);
			ids.add(element.id);
			for (const reference of ['aria-labelledby', 'aria-controls', 'aria-describedby'])
				if (element.hasAttribute(reference) && !root.getElementById(element.getAttribute(reference)))
					bad.push(reference);
			if (Number(element.getAttribute('tabindex')) > 0)
				bad.push('tabindex');
			const box = element.getBoundingClientRect();
			if (shown && element.tagName === 'BUTTON' && (box.width < 24 || box.height < 24))
				bad.push('too small: ' + element.outerHTML);
		}
		return bad;
	});
	is(problems, [], 'everything has a name, nothing points nowhere');
	await context.close();
});

for (const colorScheme of ['light', 'dark']) {
	test(`contrast, ${colorScheme}`, async () => {
		const { channel, context, widget } = await visiting({}, { colorScheme });
		await widget.say('Hello');
		await send(channel, { text: 'A link: https://example.com' });
		await send(channel, { type: 'nothing' });
		await send(channel, { interactive: { type: 'button', body: { text: 'Well?' }, footer: { text: 'foot' }, action: { buttons: [{ reply: { id: 'y', title: 'Yes' } }] } } });
		await send(channel, { documentUrl: 'https://example.com/a', filename: 'a.pdf' });
		await comes(() => widget.texts().then(all => all.length), 'messages of some kinds are there', 5);
		const poor = await widget.root.evaluate(poorContrast);
		is(poor, [], 'all text has a contrast of at least 4.5');
		is(await widget.root.getAttribute('data-theme'), colorScheme, 'the theme is the system\'s');
		await context.close();
	});
}

test('a phone', async () => {
	const { context, widget } = await visiting({}, { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, reducedMotion: 'reduce' });
	is(await widget.panel.boundingBox(), { x: 0, y: 0, width: 360, height: 640 }, 'the panel is the whole screen');
	is(await widget.panel.getAttribute('aria-modal'), 'true', 'and says so');
	ok(await widget.launcher.isHidden(), 'the bubble is away');
	is(await widget.field.evaluate(field => getComputedStyle(field).fontSize), '16px', 'the field does not make the page zoom');
	ok(!await widget.field.evaluate(field => field.getRootNode().activeElement === field), 'the keyboard does not come unasked');
	await widget.say('From a phone');
	await comes(() => widget.mark('From a phone'), 'a message is sent', 'sent');
	is(await widget.page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is wider than the screen');
	await widget.root.getByRole('button', { name: 'Close chat' }).first().click();
	ok(await widget.panel.isHidden(), 'the button closes');
	const box = await widget.launcher.boundingBox();
	ok(box.x > 180 && box.x + box.width <= 360 && box.y + box.height <= 640, 'and the bubble is in its corner');
	await context.close();
});

test('right to left, and Portuguese', async () => {
	const { context, widget } = await visiting({ query: { lang: 'ar', dir: 'rtl' } });
	await widget.say('مرحبا');
	await comes(() => widget.mark('مرحبا'), 'right to left a message is sent', 'sent');
	const [launcher, panel, own] = await Promise.all([widget.launcher, widget.panel, widget.root.locator('.own .bubble')].map(one => one.boundingBox()));
	ok(launcher.x < 100 && panel.x < 100, 'the widget is at the left');
	ok(own.x < panel.x + 100, 'and so are the visitor\'s messages');
	await context.close();

	const pt = await visiting({ query: { lang: 'pt-BR' } });
	is(await pt.widget.field.getAttribute('placeholder'), 'Escreva uma mensagem…', 'a Portuguese page has a Portuguese widget');
	await pt.widget.say('Olá');
	await comes(() => pt.widget.root.locator('.day').innerText(), 'with Portuguese days', 'Hoje');
	await pt.context.close();
	const asked = await visiting({ query: { lang: 'pt' }, config: { lang: 'en' } });
	is(await asked.widget.field.getAttribute('placeholder'), 'Write a message…', 'data-config has the last word');
	await asked.context.close();
	const browser = await visiting({ query: { lang: 'xx' } }, { locale: 'pt-PT' });
	is(await browser.widget.field.getAttribute('placeholder'), 'Escreva uma mensagem…', 'where the page says nothing, the browser does');
	await browser.context.close();
});

test('themes, motion and the page\'s scripts', async () => {
	const { context, widget } = await visiting({ query: { lax: '1' }, config: { theme: 'dark', title: 'Ask us', greeting: 'Good day!', position: 'left' } }, { reducedMotion: 'reduce' });
	const { page } = widget;
	is(await widget.root.getAttribute('data-theme'), 'dark', 'data-config chooses the theme');
	is(await widget.root.getByRole('heading').innerText(), 'Ask us', 'the title');
	ok(await widget.root.getByText('Good day!').isVisible(), 'the greeting');
	ok((await widget.launcher.boundingBox()).x < 100, 'and the corner');
	is(await widget.panel.evaluate(panel => getComputedStyle(panel).animationName), 'none', 'nothing moves for who does not want it');
	await page.addStyleTag({ content: '#chatt2me-widget { --webchatt-accent: rgb(122, 31, 92) } * { color: lime !important; font-size: 40px !important }' });
	is(await widget.launcher.evaluate(button => getComputedStyle(button).backgroundColor), 'rgb(122, 31, 92)', 'a variable of the page changes the colour');
	is(await widget.field.evaluate(field => getComputedStyle(field).fontSize), '16px', 'and nothing else of the page does');
	is(await page.evaluate(() => {
		const { Chatt2me } = window;
		const seen = [];
		const off = Chatt2me.on('close', () => seen.push('close'));
		Chatt2me.on('open', () => {
			seen.push('open');
			throw new Error('of the page');
		});
		Chatt2me.close();
		Chatt2me.open();
		off();
		Chatt2me.toggle();
		return [seen, Chatt2me.isOpen(), Chatt2me.unread(), typeof Chatt2me.version];
	}), [['close', 'open'], false, 0, 'string'], 'the page opens, closes and listens');
	await comes(() => widget.errors.some(error => error.includes('of the page')), 'an error of a listener is the page\'s');
	await context.close();
});

test('the demo page', async () => {
	const channel = await makeChannel([site.origin], 'Leaf & Cup');
	const tag = await sql(`SELECT webchatt.widget_script('${channel.id}')`);
	const shop = spawn('perl', [fileURLToPath(new URL('../../scripts/demo-page', import.meta.url)), '0', tag], { stdio: ['ignore', 'pipe', 'inherit'] });
	const [printed] = await once(shop.stdout, 'data');
	const origin = String(printed).trim();
	await sql(`SELECT webchatt.set_origins('${channel.id}', ARRAY['${origin}'])`);
	is(await fetch(origin).then(response => response.status), 200, 'the demo is there');
	const context = await newContext();
	const widget = new Widget(await context.newPage());
	await widget.page.goto(origin);
	is(await widget.page.title(), 'Demo shop', 'with its name');
	is(await widget.page.evaluate(() => getComputedStyle(document.querySelector('.orders')).display), 'grid', 'and its style');
	await widget.open();
	await widget.say('Where is order A-1?');
	await comes(() => widget.mark('Where is order A-1?'), 'one can ask', 'sent');
	is(widget.errors, [], 'nothing is against its policy');
	await context.close();
	shop.kill();
});

await run(tidy);
