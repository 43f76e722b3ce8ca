// The states that the widget can be in, one after the other: check(page, name) is called in each, as by axe-core (accessible.mjs) and
// for a picture (shots.mjs).
import { comes, is, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, send, sql, theVisitor, Widget } from './world.mjs';

const world = await makeWorld();
export const { site, line } = world;

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

// Nothing moves: a colour that is half there has less contrast.
export const LOOKS = {
	light: { context: {} },
	dark: { context: { colorScheme: 'dark' } },
	phone: { context: PHONE }
};

export const MORE_LOOKS = {
	'dark phone': { context: { ...PHONE, colorScheme: 'dark' } },
	arabic: { context: {}, query: { lang: 'ar', dir: 'rtl' }, texts: 'arabic' },
	'arabic phone': { context: PHONE, query: { lang: 'ar', dir: 'rtl' }, texts: 'arabic' },
	long: { context: {}, query: { lang: 'de' }, texts: 'long' },
	'long phone': { context: PHONE, query: { lang: 'de' }, texts: 'long' }
};

const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';

// What people of the shop and visitors say.
const TEXTS = {
	plain: {
		title: 'Tea & Co.', greeting: 'Good day!', hello: 'Hello', later: 'later', news: 'It is on its way.', away: 'We are back on Monday at nine.', says: 'Questions about prices?',
		label: 'Your name', order: 'Order', chips: ['Where is my order?', 'Prices', 'A text that is longer than a phone is wide, which has to go on in the next line'],
		options: ['Yes', 'No'], name: 'Invoice.pdf', author: 'Ana', comment: 'Quick!'
	},
	arabic: {
		title: 'شاي وشركاه', greeting: 'أهلًا وسهلًا!', hello: 'مرحبا', later: 'لاحقًا', news: 'الطلب A-1 في الطريق إليك.', away: 'نعود يوم الاثنين الساعة التاسعة.', says: 'هل لديك أسئلة عن الأسعار؟',
		label: 'اسمك', order: 'رقم الطلب', chips: ['أين طلبي؟', 'الأسعار', 'نص أطول من عرض الهاتف ويجب أن يستمر في السطر التالي'],
		options: ['نعم', 'لا'], name: 'فاتورة (1).pdf', author: 'آنا', comment: 'سريع!'
	},
	long: {
		title: `${LONG} & Söhne`.slice(0, 50), greeting: `Guten Tag! ${LONG} `.repeat(3), hello: `Hallo ${LONG} `.repeat(4), later: `${LONG}${LONG}`, news: `${LONG} `.repeat(5), away: `${LONG} `.repeat(4),
		says: `${LONG}? `.repeat(3), label: `${LONG} Name`, order: `${LONG}nummer`, chips: [LONG, `Wo ist meine ${LONG}?`, 'Preise'],
		options: [`${LONG}`, `Nein, keine ${LONG}`], name: `${LONG}.pdf`, author: LONG, comment: `${LONG} `.repeat(6)
	}
};

const contentsOf = words => [
	{ text: 'A link: https://example.com/a_(b), and ana@example.com' },
	{ text: '\u{1F375}' },
	{ imageUrl: '/missing.png', text: words.news },
	{ documentUrl: 'https://example.com/a', filename: words.name, text: words.news },
	{ audioUrl: 'https://example.com/a.ogg' },
	{ videoUrl: 'https://example.com/a.webm', text: words.news },
	{ type: 'location', location: { latitude: 38.71, longitude: -9.14, name: words.title, address: words.away } },
	{ contacts: [{ name: { formatted_name: words.author }, phones: [{ phone: '+351 21 000' }], emails: [{ email: 'ana@example.com' }] }] },
	{ reply: { message_id: 'x', text: 'what was said' }, text: words.news },
	{ type: 'nothing' },
	{ interactive: { type: 'button', header: { type: 'text', text: words.title }, body: { text: words.says }, footer: { text: words.away },
		action: { buttons: words.options.map((title, n) => ({ reply: { id: String(n), title } })) } } },
	{ interactive: { type: 'list', body: { text: words.says }, action: { button: words.label, sections: [{ title: words.order,
		rows: [{ id: 'thu', title: words.options[0], description: words.away }, { id: 'fri', title: words.options[1] }] }] } } },
	{ interactive: { type: 'cta_url', body: { text: words.says }, action: { parameters: { url: 'https://example.com', display_text: words.label } } } }
];

// The same for the desk's page.
export const CONTENTS = contentsOf(TEXTS.plain);

async function visiting({ context, query, texts = 'plain' }, config) {
	line.open();
	const words = TEXTS[texts];
	const channel = await makeChannel([site.origin]);
	const browser = await newContext({ ...context, reducedMotion: 'reduce' });
	const widget = await Widget.visit(browser, site, channel, line, { query: { lax: '1', ...query }, config: { title: words.title, greeting: words.greeting, ...typeof config === 'function' ? config(words) : config } });
	return { words, channel, context: browser, widget, page: widget.page };
}

const picture = async page => ({ name: 'shoe.png', mimeType: 'image/png', buffer: await page.screenshot() });
// The newest is in view, and nothing is unread any more: until then the bubble has a badge, on a slow machine for long.
const seen = widget => comes(async () => {
	await widget.root.locator('.log').evaluate(list => {
		list.scrollTop = list.scrollHeight;
	});
	return widget.badge();
}, 'all is seen', '');
const shows = (widget, selector, count = 1) => comes(() => widget.root.locator(selector).count(), `on the screen: ${selector}`, count);

// A conversation with every kind of content, and what can happen to it.
export async function conversation(look, check) {
	const { words, channel, context, widget, page } = await visiting(look, { files: { maxSize: 1048576, types: ['image/*', 'text/plain'] } });
	await check(page, 'closed');
	await widget.open();
	await check(page, 'open and empty');
	await widget.say(words.hello);
	await comes(() => widget.mark(words.hello.trim()), 'somebody writes', 'sent');
	const visitor = await theVisitor(channel);
	const contents = contentsOf(words);
	for (const content of contents)
		await send(channel, content.imageUrl ? { ...content, imageUrl: site.origin + content.imageUrl } : content, visitor);
	await comes(() => widget.shown().then(all => all.length), 'every kind of content comes', contents.length + 1);
	await sql(`SELECT webchatt.mark_read('${channel.id}', '${visitor}')`);
	await comes(() => widget.mark(words.hello.trim()), 'and is read', 'read');
	await seen(widget);
	await check(page, 'every kind of content');
	await widget.root.locator('.log').evaluate(list => {
		list.scrollTop = 0;
	});
	await check(page, 'scrolled up');
	await widget.root.locator('summary').click();
	await check(page, 'a list that is unfolded');
	await widget.root.locator('.choices:not(details) .option').first().click();
	await comes(() => messages(channel).then(all => all.filter(row => row[0] === 'in').length), 'a button is pressed', 2);
	await sql(`SELECT webchatt.send_typing('${channel.id}', '${visitor}')`);
	await check(page, 'a button that was pressed, somebody types');
	await widget.say('\u2060');
	await comes(() => widget.root.locator('.trouble:visible').count(), 'a message is refused', 1);
	await widget.field.fill('x'.repeat(40000));
	await widget.field.press('Enter');
	await check(page, 'a message that was refused, one that is too long');
	await widget.field.fill('');
	line.cut();
	await shows(widget, '.bar.reconnecting, .bar.failed');
	is(await widget.root.locator('.typing:visible').count(), 0, 'without a line nobody is said to type');
	await widget.say(words.later);
	await widget.root.locator('input[type=file]').setInputFiles([await picture(page), { name: words.name.replace('pdf', 'txt'), mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
	await shows(widget, '.uploads li', 2);
	await until(() => widget.root.locator('.uploads small').first().evaluate(said => !/\d/.test(said.textContent)));
	await check(page, 'reconnecting, files that wait and that are refused');
	for (let left = 2; left > 0; left--)
		await widget.root.locator('.uploads .drop').first().click();
	await context.setOffline(true);
	await until(() => page.evaluate(() => navigator.onLine === false));
	await check(page, 'offline');
	await context.setOffline(false);
	await page.evaluate(() => window.Chatt2me.close());
	line.open();
	await until(async () => await widget.state() === 'open');
	await send(channel, { text: words.news }, visitor);
	await comes(() => widget.badge(), 'one is unread', '1');
	await shows(widget, '.notice:visible');
	await check(page, 'closed, with a badge and what was said');
	await page.evaluate(() => window.Chatt2me.open());
	await seen(widget);
	await sql(`SELECT webchatt.regenerate_public_key('${channel.id}')`);
	await shows(widget, '.bar.gone');
	await check(page, 'gone');
	await context.close();
}

// What is configured around it, from before the first message to a conversation that is closed.
export async function around(look, check) {
	const { words, channel, context, widget, page } = await visiting(look, words => ({
		proactive: [{ after: 0, text: words.says }], chips: words.chips, rating: true, hours: { timeZone: 'UTC', weekdays: {}, text: words.away }, files: {},
		questions: [{ name: 'name', label: words.label, required: true }, { name: 'email', type: 'email', required: true }, { name: 'order', label: words.order }]
	}));
	const { root } = widget;
	await shows(widget, '.notice:visible');
	await check(page, 'what the shop says by itself');
	await widget.launcher.click();
	await shows(widget, '.questions input', 3);
	await check(page, 'questions before the first message');
	await root.locator('.questions input').nth(1).fill('nobody');
	await root.locator('.questions [type=submit]').click();
	await comes(() => root.locator('.questions [aria-invalid=true]').count(), 'answers that will not do', 2);
	await check(page, 'answers that will not do');
	await root.locator('.questions input').nth(0).fill(words.author);
	await root.locator('.questions input').nth(1).fill('ana@example.com');
	await root.locator('.questions [type=submit]').click();
	await shows(widget, '.chips button', words.chips.length);
	await until(async () => await widget.state() === 'open');
	await check(page, 'texts to begin with, out of hours');
	if (!look.context.hasTouch) {
		await root.locator('.tool').click();
		await shows(widget, '.emojis:visible');
		await check(page, 'emoji');
		await page.keyboard.press('Escape');
	}
	await root.locator('.chips button').first().click();
	await comes(() => messages(channel).then(all => all.length), 'one is sent', 1);
	const visitor = await theVisitor(channel);
	is(await sql(`SELECT attributes ->> 'email' FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'ana@example.com', 'the answers are kept');
	await send(channel, { text: words.news }, visitor);
	await comes(() => widget.texts().then(all => all.length), 'and answered', 2);
	await root.locator('.save:visible').waitFor();
	await seen(widget);
	await check(page, 'a conversation that can be downloaded');

	// A link to another conversation.
	await sql(`INSERT INTO webchatt.visitors (channel_id, id) VALUES ('${channel.id}', gen_random_uuid())`);
	const link = await sql(`SELECT webchatt.conversation_link(channel_id, id, '${site.origin}/') FROM webchatt.visitors WHERE channel_id = '${channel.id}' AND id <> '${visitor}'`);
	await page.evaluate(hash => {
		location.hash = hash;
	}, new URL(link).hash);
	await shows(widget, '.asked .skip:visible');
	await check(page, 'which conversation it is to be');
	await root.locator('.asked .skip').click();

	// Files on their way.
	let hold = true;
	const cors = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Upload-Offset' };
	await page.route(/\/files[/?]/, route => {
		const request = route.request();
		if (request.method() === 'POST')
			return route.fulfill({ status: 201, headers: cors, json: { id: 'x', url: `${site.origin}/x`, offset: 0, chunk: 65536 } });
		if (request.headers()['upload-offset'] === '0')
			return route.fulfill({ status: 204, headers: { ...cors, 'upload-offset': '65536' } });
		return hold ? new Promise(done => hold = () => done(route.fulfill({ status: 507, headers: cors }))) : route.fulfill({ status: 507, headers: cors });
	});
	const file = await picture(page);
	await root.locator('input[type=file]').setInputFiles([{ ...file, buffer: Buffer.concat([file.buffer, Buffer.alloc(200000)]) }, { ...file, name: `2 ${words.name}`, mimeType: '' }]);
	await shows(widget, '.uploads li', 2);
	await until(() => root.locator('.uploads progress').first().evaluate(bar => bar.value > 0));
	await check(page, 'files on their way');
	await until(() => typeof hold === 'function');
	const go = hold;
	hold = null;
	go();
	await shows(widget, '.uploads .bad', 2);
	await check(page, 'files that could not be sent');
	for (let left = 2; left > 0; left--)
		await root.locator('.uploads .drop').first().click();

	// The end of it, as the hub tells it.
	await sql(`SELECT webchatt.close_conversation('${channel.id}', '${visitor}')`);
	await shows(widget, '.stars button', 5);
	await check(page, 'closed: how was it?');
	await root.locator('.stars button').nth(3).click();
	await root.locator('.rating textarea').fill(words.comment);
	await check(page, 'a rating with a comment');
	await root.locator('.rating [type=submit]').click();
	await comes(() => sql(`SELECT value FROM webchatt.ratings WHERE channel_id = '${channel.id}'`), 'it is kept', '4');
	await shows(widget, '.rating', 0);
	await check(page, 'a conversation that is closed');
	await sql(`SELECT webchatt.reopen_conversation('${channel.id}', '${visitor}')`);
	await comes(() => root.locator('.notes').innerText(), 'it goes on', words.away.trim());
	is(widget.errors.filter(error => !/507/.test(error)), [], 'without an error');
	await context.close();
}

// Where it does not work.
export async function failures(look, check) {
	const { words, channel, context, widget, page } = await visiting(look, {});
	await sql(`SELECT webchatt.set_identity_secret('${channel.id}'), webchatt.set_identity('${channel.id}', 'required')`);
	await widget.open(false);
	await shows(widget, '.bar.locked');
	await check(page, 'for users only');
	await page.evaluate(() => window.Chatt2me.identify({ signature: 'no.such.token' }));
	await shows(widget, '.bar.locked');
	await check(page, 'a signature that is none');
	await page.route(/\/chat-widget\/panel-/, route => route.abort());
	await page.reload();
	await widget.launcher.waitFor();
	// It was open before, and is again, where it does not cover the page.
	if (!await page.evaluate(() => window.Chatt2me.isOpen()))
		await widget.launcher.click();
	await widget.root.locator('.wait button:visible').first().waitFor();
	await check(page, 'a panel that does not come');
	await context.close();

	line.cut();
	const other = await newContext({ ...look.context, reducedMotion: 'reduce' });
	const cut = await Widget.visit(other, site, channel, line, { query: look.query || { lang: 'ar', dir: 'rtl' }, config: { title: words.title, greeting: words.greeting } });
	await cut.open(false);
	await shows(cut, '.bar.failed');
	await cut.say(words.hello);
	await check(cut.page, 'failed');
	await other.close();
	line.open();
}
