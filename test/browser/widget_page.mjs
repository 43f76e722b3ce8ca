// The widget fits into any page: what is loaded when, under which policies of the
// page, beside which of its scripts.
import http from 'node:http';
import { comes, is, ok, run, test } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, tidy, Widget } from './world.mjs';

const { line } = await makeWorld();
const hub = new URL(process.env.WEBCHATT_URL).origin;

// A site whose pages are as a test writes them: { html, policy }, by their paths.
const pages = {};
const server = http.createServer((request, response) => {
	const page = pages[new URL(request.url, 'http://site').pathname];
	response.statusCode = page ? 200 : 404;
	response.setHeader('content-type', page && page.type || 'text/html; charset=utf-8');
	if (page && page.policy)
		response.setHeader('content-security-policy', page.policy);
	response.end(page ? page.html : '');
});
await new Promise(done => server.listen(0, '127.0.0.1', done));
const origin = `http://127.0.0.1:${server.address().port}`;

const escape = text => text.replace(/&/g, '&amp;').replace(/'/g, '&#39;').replace(/</g, '&lt;');
const configOf = (channel, more) => ({ webChatId: channel.key, endpoint: line.url, ...more });
const tag = (channel, { config, attributes = '' } = {}) =>
	`<script ${attributes} src="${hub}/chat-widget.umd.js" data-config='${escape(JSON.stringify(configOf(channel, config)))}'></script>`;
const html = (body, head = '', top = '<html lang="en">') =>
	`<!doctype html>${top}<head><meta charset="utf-8"><title>Shop</title>${head}</head><body><h1>A shop</h1>${body}</body></html>`;

let count = 0;

// A page of its own, that somebody visits.
async function visiting(make, { policy, context, wait = true, before } = {}) {
	const channel = await makeChannel([origin]);
	const path = `/${++count}`;
	pages[path] = { html: make(channel), policy };
	const browser = await newContext(context);
	const widget = new Widget(await browser.newPage());
	if (before)
		await before(browser, widget.page);
	await widget.page.goto(origin + path);
	if (wait)
		await widget.launcher.waitFor();
	return { channel, context: browser, widget, page: widget.page };
}

// Which files of the hub a page has asked for.
function watch(context) {
	const asked = [];
	context.on('request', request => {
		const url = new URL(request.url());
		if (url.origin === hub)
			asked.push(url.pathname.replace(/-\w{8}\.js$/, '.js') + url.search);
	});
	return asked;
}

const PANEL = /\/chat-widget\/panel-/;

test('what is loaded when', async () => {
	let asked;
	const { channel, context, widget, page } = await visiting(tag, { before: context => asked = watch(context) });
	is(asked, ['/chat-widget.umd.js'], 'a page that is looked at loads the base only');
	await widget.launcher.hover();
	await comes(() => asked, 'who touches the bubble has the panel on its way', ['/chat-widget.umd.js', '/chat-widget/panel.js']);
	await widget.open();
	await widget.say('Hello');
	await comes(() => messages(channel).then(all => all.length), 'and can write', 1);
	await page.reload();
	await comes(() => asked.filter(path => path.includes('panel')).length, 'who has a conversation has it loaded before it is asked for', 2);
	ok(await widget.panel.count() === 0 || await widget.panel.isHidden(), 'and not opened');
	await context.close();

	const other = await visiting(tag, { before: context => asked = watch(context) });
	await other.widget.launcher.focus();
	await comes(() => asked.length, 'the keyboard does the same', 2);
	await other.context.close();
	const third = await visiting(channel => tag(channel, { config: { lang: 'pt-BR' } }), { before: context => asked = watch(context) });
	await comes(() => third.widget.launcher.getAttribute('aria-label'), 'a language is loaded with the bubble', 'Abrir o chat');
	is(asked, ['/chat-widget.umd.js', '/chat-widget/pt.js'], 'and no other one');
	await third.context.close();
});

test('a panel that does not come', async () => {
	let broken = true;
	const { channel, context, widget, page } = await visiting(tag, {
		before: context => context.route(PANEL, route => broken ? route.abort() : route.continue())
	});
	const wait = widget.root.locator('.wait');
	await widget.launcher.click();
	await comes(() => wait.innerText().then(text => text.replace(/\s+/g, ' ')), 'is said in its place', 'The chat could not be loaded. Try again Close chat');
	is(await page.evaluate(() => window.Chatt2me.isOpen()), true, 'the chat is open as far as the page is told');
	await wait.getByRole('button', { name: 'Close chat' }).click();
	ok(await wait.isHidden(), 'it can be closed');
	await widget.launcher.click();
	await wait.getByRole('button', { name: 'Try again' }).waitFor();
	broken = false;
	await wait.getByRole('button', { name: 'Try again' }).click();
	await widget.panel.waitFor();
	ok(await wait.isHidden(), 'and tried again');
	await widget.say('There you are');
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'then it works', ['There you are']);
	is(await widget.field.evaluate(field => field.getRootNode().activeElement === field), true, 'with the focus where one writes');
	is(widget.errors, [], 'without an error of the page');
	await context.close();
});

test('a panel that comes late', async () => {
	let go;
	const { context, widget, page } = await visiting(channel => tag(channel) + '<input id="card">', {
		before: context => context.route(PANEL, async route => {
			await new Promise(done => go = done);
			return route.continue();
		})
	});
	await widget.launcher.click();
	await widget.root.getByText('Loading…').waitFor();
	await page.locator('#card').focus();
	go();
	await widget.panel.waitFor();
	is(await page.evaluate(() => document.activeElement.id), 'card', 'leaves the focus with who has gone on');
	await context.close();
});

const nonce = 'c2VjcmV0';
for (const [name, policy, attributes] of [
	['the hub', `default-src 'none'; script-src ${hub}; connect-src ws://127.0.0.1:*`, ''],
	['a nonce', `default-src 'none'; script-src 'nonce-${nonce}'; connect-src ws://127.0.0.1:*`, `nonce="${nonce}"`],
	['strict-dynamic', `default-src 'none'; script-src 'nonce-${nonce}' 'strict-dynamic'; connect-src ws://127.0.0.1:*; require-trusted-types-for 'script'`, `nonce="${nonce}"`]
]) {
	test(`a policy with ${name}`, async () => {
		const { channel, context, widget } = await visiting(channel => tag(channel, { attributes, config: { lang: 'pt' } }), { policy });
		await widget.open();
		await widget.say('Olá');
		await comes(() => messages(channel).then(all => all.map(row => row[2])), 'lets the widget, its panel and its language work', ['Olá']);
		is(await widget.field.getAttribute('placeholder'), 'Escreva uma mensagem…', 'in that language');
		is(widget.errors, [], 'and nothing is against it');
		await context.close();
	});
}

await run(async () => {
	await tidy();
	server.close();
});
