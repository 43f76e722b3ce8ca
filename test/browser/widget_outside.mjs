// What the widget does outside its panel: the channel's settings, the message beside the bubble, the page's
// title, tones and notifications, what the shop says by itself, where it hides, another launcher, what is
// kept from page to page and from host to host, the page's colours.
import http from 'node:http';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { line } = await makeWorld();
const hub = new URL(process.env.WEBCHATT_URL).origin;
const escape = text => text.replace(/&/g, '&amp;').replace(/'/g, '&#39;').replace(/</g, '&lt;');

// A shop with paths, on any host; its pages have the widget with a configuration of the query.
const server = http.createServer((request, response) => {
	const url = new URL(request.url, 'http://shop');
	const config = url.searchParams.get('config') || '';
	response.setHeader('content-type', 'text/html; charset=utf-8');
	response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title>
		${url.searchParams.get('head') || ''}</head><body><h1>A shop</h1><button id="chat">Chat with us</button> <input id="card">
		<script src="${hub}/chat-widget.umd.js" data-config='${escape(config)}'></script></body></html>`);
});
await new Promise(done => server.listen(0, '127.0.0.1', done));
const port = server.address().port;
const origin = `http://127.0.0.1:${port}`;
const there = channel => messages(channel).then(all => all.map(row => row[2]));

const address = (channel, config = {}, { path = '/', head = '', site = origin } = {}) =>
	`${site}${path}?${new URLSearchParams({ head, config: JSON.stringify({ webChatId: channel.key, endpoint: line.url, ...config }) })}`;

async function visit(context, channel, config, where, before) {
	const widget = new Widget(await context.newPage());
	if (before)
		await before(widget.page);
	await widget.page.goto(address(channel, config, where));
	await widget.page.waitForFunction(() => document.querySelector('#chatt2me-widget') && document.querySelector('#chatt2me-widget').shadowRoot);
	return widget;
}

async function visiting(config, { where, options, before } = {}) {
	const channel = await makeChannel([origin]);
	const context = await newContext(options);
	return { channel, context, widget: await visit(context, channel, config, where, before) };
}

async function talking(config, more) {
	const all = await visiting(config, more);
	await all.widget.open();
	await all.widget.say('hello');
	await comes(() => all.widget.mark('hello'), 'somebody is talking', 'sent');
	await all.widget.page.keyboard.press('Escape');
	return all;
}

const notice = widget => widget.root.locator('.notice');
const noticed = widget => notice(widget).evaluateAll(all => all.filter(one => !one.hidden && one.getClientRects().length).map(one => one.querySelector('.say').innerText));

test('the message beside the bubble', async () => {
	const { channel, context, widget } = await talking({});
	const first = await send(channel, { text: 'It is on its way.' });
	await comes(() => noticed(widget), 'a new message shows beside the bubble', ['Tea & Co.\nIt is on its way.']);
	await comes(() => statusOf(first), 'which is not reading it', 'delivered');
	await widget.root.getByRole('button', { name: 'Dismiss' }).click();
	is(await noticed(widget), [], 'it can be put away');
	is(await widget.badge(), '1', 'the badge stays');
	await send(channel, { text: 'x'.repeat(400) });
	await comes(() => noticed(widget).then(all => all.length), 'the next one shows', 1);
	const box = await notice(widget).boundingBox();
	const bubble = await widget.launcher.boundingBox();
	ok(box.height < 150 && box.width <= 300 && box.y + box.height <= bubble.y, 'however long it is, above the bubble', JSON.stringify({ box, bubble }));
	await notice(widget).locator('.say').click();
	await widget.panel.waitFor();
	await comes(() => noticed(widget), 'a click opens the panel', []);
	await comes(() => statusOf(first), 'where it is read', 'read');
	await widget.page.keyboard.press('Escape');

	await send(channel, { text: 'Another' });
	await comes(() => noticed(widget).then(all => all.length), 'and another', 1);
	const other = await visit(context, channel, {});
	await other.open();
	await comes(() => noticed(widget), 'read in another tab it goes', []);
	await other.page.close();
	await widget.page.evaluate(() => window.Chatt2me.close());
	const off = await visit(context, channel, { preview: false });
	await send(channel, { text: 'Not there' });
	await comes(() => off.badge(), 'where the channel does not want it', '1');
	await comes(() => noticed(widget).then(all => all.length), 'while it is elsewhere', 1);
	is(await noticed(off), [], 'it is not');
	is(widget.errors.concat(off.errors), [], 'no errors');
	await context.close();
});

test('the page\'s title', async () => {
	const { channel, context, widget } = await talking({});
	const title = () => widget.page.title();
	await send(channel, { text: 'one' });
	await comes(title, 'the title has the number of unread messages', '(1)\u2060 Shop');
	await send(channel, { text: 'two' });
	await comes(title, 'as they come', '(2)\u2060 Shop');
	await widget.page.evaluate(() => {
		document.title = 'Shoes';
	});
	await comes(title, 'also when the page has another title', '(2)\u2060 Shoes');
	await comes(() => sql(`SELECT page_title FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'the hub is told the page\'s own', 'Shoes');
	await widget.open();
	await comes(title, 'read, it is the page\'s own again', 'Shoes');
	await widget.page.goto(address(channel, { titleFlash: false }));
	await widget.launcher.waitFor();
	await widget.page.evaluate(() => window.Chatt2me.close());
	await send(channel, { text: 'three' });
	await comes(() => widget.badge(), 'where the channel does not want it', '1');
	await comes(() => noticed(widget).then(all => all.length), 'with a message that shows', 1);
	is(await title(), 'Shop', 'the title stays');
	await context.close();
});

// What a page would sound and show.
const spy = page => page.addInitScript(() => {
	window.tones = 0;
	window.shown = [];
	const begin = OscillatorNode.prototype.start;
	OscillatorNode.prototype.start = function start(...at) {
		window.tones++;
		return begin.apply(this, at);
	};
	window.Notification = class {
		constructor(title, options) {
			window.shown.push([title, options.body]);
			window.last = this;
		}

		static async requestPermission() {
			window.asked = true;
			window.Notification.permission = 'granted';
			return 'granted';
		}

		close() {}
	};
	window.Notification.permission = 'default';
	document.hasFocus = () => !window.elsewhere;
});

test('tone and notification', async () => {
	const { channel, context, widget } = await talking({ sound: true }, { before: spy });
	const { page } = widget;
	await send(channel, { text: 'ping' });
	await comes(() => page.evaluate(() => window.tones), 'a new message sounds', 2);
	is(await page.evaluate(() => [window.asked, window.shown]), [undefined, []], 'and nobody is asked for anything');
	const other = await visit(context, channel, { sound: true }, {}, spy);
	await other.page.locator('#card').click();
	await send(channel, { text: 'ping' });
	const tones = async () => await page.evaluate(() => window.tones) + await other.page.evaluate(() => window.tones);
	await comes(tones, 'in one of several tabs', 4);
	await other.page.close();

	await widget.open();
	const bell = widget.root.getByRole('button', { name: 'Notify me of answers' });
	is(await bell.getAttribute('aria-pressed'), 'true', 'the panel has a button for it');
	await bell.click();
	is(await page.evaluate(() => window.asked), true, 'which asks the browser');
	await comes(() => bell.getAttribute('aria-pressed'), 'once allowed it is on', 'true');
	await page.evaluate(() => {
		window.elsewhere = true;
	});
	await send(channel, { text: 'Your order has come' });
	await comes(() => page.evaluate(() => window.shown), 'a message for who is elsewhere is a notification', [['Tea & Co.', 'Your order has come']]);
	await page.keyboard.press('Escape');
	await page.evaluate(() => window.last.onclick());
	await widget.panel.waitFor();
	ok(true, 'which opens the panel');
	await bell.click();
	is(await bell.getAttribute('aria-pressed'), 'false', 'switched off');
	const before = await page.evaluate(() => window.tones + window.shown.length);
	await send(channel, { text: 'silence' });
	await comes(() => widget.texts().then(all => all[all.length - 1]), 'a message comes', 'silence');
	ok(!await until(async () => await page.evaluate(() => window.tones + window.shown.length) !== before, 2), 'it is told without');
	await page.reload();
	await widget.open();
	await comes(() => bell.getAttribute('aria-pressed'), 'also on the next page', 'false');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('what the shop says by itself', async () => {
	const rules = [{ after: 0, path: '/pricing*', text: 'Questions about prices?' }, { after: 3600, text: 'Still there?' }];
	const { channel, context, widget } = await visiting({ proactive: rules });
	const { page } = widget;
	ok(!await until(async () => (await noticed(widget)).length, 3), 'not on other pages, and not before its time');
	await page.evaluate(() => history.pushState({}, '', `/pricing/2${location.search}`));
	await comes(() => noticed(widget), 'on its page it is said, in an application of one page, too', ['Tea & Co.\nQuestions about prices?']);
	ok(await widget.root.locator('[role=status].hush').textContent().then(text => text.includes('Questions about prices?')), 'also to who cannot see it');
	is([await widget.state(), await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`)], ['idle', '0'], 'nobody is made a visitor by that');
	await notice(widget).locator('.say').click();
	await comes(() => widget.root.locator('.greeting').innerText(), 'opened, it stands where the conversation begins', 'Questions about prices?');
	await page.keyboard.press('Escape');
	await page.reload();
	await widget.launcher.waitFor();
	ok(!await until(async () => (await noticed(widget)).length, 3), 'it is said once');
	const timed = await visit(await newContext(), channel, { proactive: [{ after: 2, text: 'Hi' }] });
	await comes(() => noticed(timed), 'after a time', ['Tea & Co.\nHi']);
	is(widget.errors.concat(timed.errors), [], 'no errors');
	await timed.page.context().close();
	await context.close();
});

test('where it hides', async () => {
	const { channel, context, widget } = await visiting({ hideOn: { paths: ['/checkout*', '/a*b*c'], phones: true } });
	const { page } = widget;
	const at = path => page.evaluate(path => history.pushState({}, '', path + location.search), path);
	await comes(() => widget.launcher.isVisible(), 'on other paths it shows', true);
	for (const [path, shows] of [['/checkout/2', false], ['/check', true], ['/abc', false], ['/aXbYc', false], ['/aXbYcZ', true], ['/acb', true]]) {
		await at(path);
		await comes(() => widget.launcher.isVisible(), `${path}: ${shows ? 'it shows' : 'it hides'}`, shows);
	}
	await at('/checkout');
	await comes(() => widget.launcher.isVisible(), 'where it hides', false);
	await page.evaluate(() => window.Chatt2me.open());
	await widget.panel.waitFor();
	ok(true, 'the page can open it all the same');
	const phone = await newContext({ viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
	const small = await visit(phone, channel, { hideOn: { phones: true } });
	is(await small.launcher.isVisible(), false, 'not on phones');
	const all = await visit(phone, channel, { hideOn: { paths: ['/x'] } });
	await comes(() => all.launcher.isVisible(), 'unless phones may have it');
	const odd = await visit(context, channel, { hideOn: 5, proactive: 'x', colors: 7, launcher: 8, strings: [] });
	is(odd.errors, [], 'what is no such setting does no harm');
	await phone.close();
	await context.close();
});

test('a launcher of the page', async () => {
	const { channel, context, widget } = await visiting({ launcher: '#chat' });
	const { page } = widget;
	is(await widget.launcher.isVisible(), false, 'there is no bubble');
	await page.locator('#chat').click();
	await widget.panel.waitFor();
	is(await page.locator('#chat').getAttribute('aria-expanded'), 'true', 'the page\'s own button opens the panel, and is told');
	await until(async () => await widget.state() === 'open');
	await widget.say('hello');
	await comes(() => widget.mark('hello'), 'it works', 'sent');
	await page.keyboard.press('Escape');
	is(await page.evaluate(() => document.activeElement.id), 'chat', 'Esc gives the focus back to it');
	await send(channel, { text: 'Hi' });
	await comes(() => page.locator('#chat').getAttribute('data-unread'), 'it is told what is unread', '1');
	await comes(() => noticed(widget).then(all => all.length), 'the message shows', 1);
	await page.locator('#chat').click();
	await comes(() => widget.texts(), 'and is read', ['hello', 'Hi']);
	const none = await visit(context, channel, { launcher: 'none' });
	is(await none.launcher.isVisible(), false, 'or there is none at all');
	const wrong = await visit(context, channel, { launcher: 'a[[' });
	await comes(() => wrong.launcher.isVisible(), 'what is no selector leaves the bubble', true);
	await comes(() => wrong.console.some(text => text.includes('a[[ is no selector')), 'and is told in the console');
	is(widget.errors.concat(none.errors, wrong.errors), [], 'no errors');
	await context.close();
});

test('from page to page', async () => {
	const { channel, context, widget } = await talking({});
	const { page } = widget;
	await widget.open();
	await widget.field.fill('My order number is');
	await page.goto(address(channel, {}, { path: '/another' }));
	await widget.panel.waitFor();
	is(await widget.field.inputValue(), 'My order number is', 'the panel is open on the next page, with what was begun');
	is(await page.evaluate(() => document.activeElement.tagName), 'BODY', 'and the focus is the page\'s');
	await widget.field.fill('');
	await widget.say('A-1');
	await comes(() => widget.mark('A-1'), 'it is sent', 'sent');
	await page.reload();
	await widget.panel.waitFor();
	is(await widget.field.inputValue(), '', 'what was sent is begun no more');
	await widget.root.getByRole('button', { name: 'Close chat' }).first().click();
	await page.reload();
	await widget.launcher.waitFor();
	const opened = one => one.page.evaluate(() => window.Chatt2me.isOpen());
	is(await opened(widget), false, 'closed, it stays closed');
	const other = await visit(context, channel, {});
	await page.evaluate(() => window.Chatt2me.open());
	await widget.field.fill('a secret');
	await page.evaluate(() => localStorage.clear());
	await page.goto(address(channel, {}, { path: '/another' }));
	await widget.open();
	is([await widget.field.inputValue(), await widget.texts()], ['', []], 'of who was logged out nothing is there');
	is(await opened(other), false, 'another tab opens for itself');
	const phone = await newContext({ viewport: { width: 390, height: 800 } });
	const small = await visit(phone, channel, {});
	await small.open();
	await small.page.reload();
	await small.launcher.waitFor();
	is(await opened(small), false, 'on a phone it does not cover the next page');
	await phone.close();
	await context.close();
});

test('one conversation on all hosts of a domain', async () => {
	const [a, b, c] = ['a.shop.localhost', 'b.shop.localhost', 'shop.localhost'].map(host => `http://${host}:${port}`);
	const channel = await makeChannel([a, b, c]);
	const context = await newContext();
	const config = { domain: 'shop.localhost' };
	const one = await visit(context, channel, config, { site: a });
	await one.open();
	await one.say('from a');
	await comes(() => one.mark('from a'), 'a visitor writes on one host', 'sent');
	const two = await visit(context, channel, config, { site: b });
	await two.open();
	await comes(() => two.texts(), 'on another one it is the same conversation', ['from a']);
	await two.say('from b');
	await comes(() => one.texts(), 'it goes on on both', ['from a', 'from b']);
	const three = await visit(context, channel, config, { site: c });
	await comes(() => three.state(), 'on the domain itself, too', 'open');
	const visitors = () => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	is(await visitors(), '1', 'as one visitor');
	is(await context.cookies(a).then(all => all.map(({ domain, path, sameSite }) => [domain, path, sameSite])), [['.shop.localhost', '/', 'Lax']], 'by one cookie');

	const token = () => context.cookies(a).then(all => all.map(one => one.value.split('.')[0]).join());
	const old = await token();
	await one.page.evaluate(() => window.Chatt2me.close());
	await two.page.evaluate(() => window.Chatt2me.reset());
	is(await token(), '', 'reset() removes it');
	await comes(async () => [await one.state(), await three.state()], 'and is for all hosts, without a reload', ['idle', 'idle']);
	await one.open();
	is(await one.texts(), [], 'nothing is left there');
	await one.say('somebody else');
	await comes(() => one.mark('somebody else'), 'who writes then', 'sent');
	await comes(async () => {
		await two.page.evaluate(() => window.Chatt2me.open());
		return two.texts();
	}, 'is the same on the other again', ['somebody else']);
	is(await visitors(), '2', 'another visitor');
	ok(await token() && await token() !== old, 'by another cookie');

	await two.page.goto('about:blank');
	await one.page.goto(`${a}/blank?config=`);
	await one.page.evaluate(() => localStorage.clear());
	await three.page.close();
	await one.page.goto(address(channel, config, { site: a }));
	await one.open();
	is(await one.texts(), [], 'a host that was cleared while no widget was there begins anew');
	await two.page.goto(address(channel, config, { site: b }));
	await two.launcher.waitFor();
	await two.page.evaluate(() => window.Chatt2me.open());
	await comes(() => two.texts(), 'and the others with it', []);

	const elsewhere = await visit(context, channel, { domain: 'example.com' }, { site: a });
	await comes(() => elsewhere.console.some(text => /domain: a\.shop\.localhost is not on example\.com/.test(text)), 'a domain that the page is not on is told in the console');
	is(one.errors.concat(two.errors, elsewhere.errors), [], 'no errors');
	await context.close();
});

test('the page\'s colours', async () => {
	const channel = await makeChannel([origin]);
	const dark = await newContext({ colorScheme: 'dark' });
	const light = await newContext({ colorScheme: 'light' });
	const theme = async (context, head, config = {}) => {
		const widget = await visit(context, channel, config, { head });
		const found = await widget.root.getAttribute('data-theme');
		await widget.page.close();
		return found;
	};
	const both = async (head, config) => [await theme(light, head, config), await theme(dark, head, config)];
	const style = css => `<style>${css}</style>`;
	is(await both(''), ['light', 'light'], 'a page that says nothing and paints nothing is white');
	is(await both(style(':root { color-scheme: light }')), ['light', 'light'], 'a page that is light only');
	is(await both(style(':root { color-scheme: only light }')), ['light', 'light'], 'and only that');
	is(await both('<meta name="color-scheme" content="light">'), ['light', 'light'], 'by its head');
	is(await both(style(':root { color-scheme: light dark }')), ['light', 'dark'], 'a page that has both');
	is(await both('<meta name="color-scheme" content="dark light">'), ['light', 'dark'], 'by its head');
	is(await both(style(':root { color-scheme: dark }')), ['dark', 'dark'], 'a page that is dark only');
	is(await both(style('body { background: #fff }')), ['light', 'light'], 'a page that says nothing and is white');
	is(await both(style('html { background: #101418 }')), ['dark', 'dark'], 'or black');
	is(await both(style(':root { color-scheme: light }'), { theme: 'dark' }), ['dark', 'dark'], 'what is configured counts before that');
	const widget = await visit(light, channel, {}, { head: style('.dark { color-scheme: dark }') });
	await widget.page.evaluate(() => document.documentElement.classList.add('dark'));
	await comes(() => widget.root.getAttribute('data-theme'), 'a page that changes takes it along', 'dark');
	await dark.close();
	await light.close();
});

test('the channel\'s settings', async () => {
	const settings = { title: 'Help', colors: { accent: '#7a1f5c', evil: 'red', 'x;y': 'red' }, position: 'left', greeting: 'Welcome!' };
	let answer = { version: '1', settings };
	let asked = 0;
	const before = page => page.route('**/widget-settings.js*', route => {
		asked++;
		return answer ? route.fulfill({ contentType: 'text/javascript', headers: { 'access-control-allow-origin': '*' }, body: `export default ${JSON.stringify(answer)};` }) : route.abort();
	});
	const { context, widget } = await visiting({ title: 'Tea', colors: { link: '#123456' } }, { before });
	const { page } = widget;
	const look = () => page.evaluate(() => {
		const host = document.querySelector('#chatt2me-widget');
		return [host.style.getPropertyValue('--webchatt-accent'), host.style.getPropertyValue('--webchatt-link'), host.shadowRoot.querySelector('.root').classList.contains('left')];
	});
	is(await look(), ['#7a1f5c', '#123456', true], 'are there before the bubble is, under the page\'s own');
	await widget.open();
	is([await widget.root.getByRole('heading').innerText(), await widget.root.locator('.greeting').innerText()], ['Tea', 'Welcome!'], 'and in the panel');
	await page.evaluate(() => window.Chatt2me.close());
	answer = null;
	await page.reload();
	await widget.launcher.waitFor();
	is(await look(), ['#7a1f5c', '#123456', true], 'the next page has them at once, whatever the hub says');
	answer = { version: '2', settings: { ...settings, colors: { accent: '#004488' } } };
	await page.reload();
	await comes(look, 'asked behind that, new ones are shown', ['#004488', '#123456', true]);
	ok(asked >= 3, 'each page asks');
	is(widget.errors, [], 'no errors');
	const channel = await makeChannel([origin]);
	const real = await newContext();
	await sql(`SELECT webchatt.configure_widget('${channel.id}', '{"title": "Ask us", "greeting": "Good day", "colors": {"accent": "#ffd400"}}')`);
	const set = await visit(real, channel, {});
	await set.open();
	is(await set.root.getByRole('heading').innerText(), 'Ask us', 'set by SQL, they are there');
	const colours = () => set.root.evaluate(host => ['accent', 'on-accent', 'link'].map(name => host.style.getPropertyValue(`--webchatt-${name}`)));
	is(await colours(), ['#ffd400', '#000', 'var(--webchatt-text)'], 'a colour with what is computed to it');
	await sql(`SELECT webchatt.configure_widget('${channel.id}', '{"position": "left", "colors": null}')`);
	await comes(() => set.root.locator('.root').evaluate(root => root.classList.contains('left')), 'and a change reaches those who are there', true);
	await comes(() => colours(), 'what was taken away goes', ['', '', '']);
	is(set.errors, [], 'without an error');
	await real.close();
	answer = 'nonsense';
	const odd = await newContext();
	const { widget: stays } = { widget: await visit(odd, await makeChannel([origin]), {}, {}, before) };
	await stays.launcher.waitFor();
	ok(await stays.open(), 'an answer that is none does no harm');
	await odd.close();
	await context.close();
});

await run(tidy);
