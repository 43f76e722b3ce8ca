// The widget fits into any page: what is loaded when, under which policies of the
// page, beside which of its scripts.
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { comes, is, like, ok, run, test } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, send, tidy, Widget } from './world.mjs';

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

// What real pages are made with.
const library = name => readFileSync(fileURLToPath(new URL(`node_modules/${name}`, import.meta.url)), 'utf8');
const script = (path, text) => {
	pages[path] = { html: text, type: 'text/javascript' };
	return `<script src="${path}"></script>`;
};

let count = 0;

// A page of its own, that somebody visits.
async function visiting(make, { policy, context, wait = true, before } = {}) {
	const channel = await makeChannel([origin]);
	const path = `/${++count}`;
	const made = make(channel);
	pages[path] = { html: made.startsWith('<!doctype') ? made : html(made), policy };
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
		// The channel's settings are no file.
		if (url.origin === hub && !/widget-settings/.test(url.pathname))
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
	const opening = ['/chat-widget.umd.js', '/chat-widget/panel.js', '/chat-widget/en.js'];
	await comes(() => asked, 'who touches the bubble has the panel on its way', opening);
	await widget.open();
	is(asked, opening, 'and opening loads no more');
	await widget.say('Hello');
	await comes(() => messages(channel).then(all => all.length), 'and can write', 1);
	await page.evaluate(() => window.Chatt2me.close());
	await page.reload();
	await comes(() => asked.filter(path => path.includes('panel')).length, 'who has a conversation has it loaded before it is asked for', 2);
	ok(await widget.panel.count() === 0 || await widget.panel.isHidden(), 'and not opened');
	await context.close();

	const other = await visiting(tag, { before: context => asked = watch(context) });
	await other.widget.launcher.focus();
	await comes(() => asked.length, 'the keyboard does the same', 3);
	await other.context.close();
	const third = await visiting(channel => tag(channel, { config: { lang: 'pt-BR' } }), { before: context => asked = watch(context) });
	await comes(() => third.widget.launcher.getAttribute('aria-label'), 'a language is loaded with the bubble', 'Abrir o chat');
	await third.widget.open();
	is(asked, ['/chat-widget.umd.js', '/chat-widget/pt.js', '/chat-widget/panel.js'], 'and no other one, nor English');
	await third.context.close();

	const lost = await visiting(channel => tag(channel, { config: { lang: 'pt-BR' } }), {
		before: context => context.route(/\/chat-widget\/pt-/, route => route.abort())
	});
	await lost.widget.open();
	is(await lost.widget.field.getAttribute('placeholder'), 'Write a message…', 'where it does not come, English is in its place');
	await lost.context.close();
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

	const other = await visiting(channel => tag(channel, { config: { lang: 'pt-BR' } }), {
		before: context => context.route(PANEL, route => route.abort())
	});
	await other.widget.launcher.click();
	await comes(() => other.widget.root.locator('.wait').innerText().then(text => text.replace(/\s+/g, ' ')), 'so it is in another language', 'Não foi possível carregar o chat. Tentar de novo Fechar o chat');
	await other.context.close();
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

test('beside a module loader', async () => {
	const loader = () => script('/require.js', library('requirejs/require.js'));
	const { context, widget, page } = await visiting(channel => loader() + tag(channel) + `
		<script>define('of-the-page', [], () => 'mine'); require(['of-the-page'], mine => window.got = mine); require(['/anonymous.js'], other => window.other = other)</script>`, {
		before: () => script('/anonymous.js', "define([], () => 'theirs')")
	});
	await comes(() => page.evaluate(() => [window.got, window.other]), 'the page\'s own modules run', ['mine', 'theirs']);
	await widget.open();
	is(widget.errors, [], 'and nothing was defined that nobody asked for');
	await context.close();

	const stripped = await visiting(() => `${loader()}<script src="${hub}/chat-widget.umd.js"></script><script>require(['/anonymous.js'], other => window.other = other)</script>`, { wait: false });
	await comes(() => stripped.page.evaluate(() => window.other), 'nor by a tag without a configuration', 'theirs');
	is(stripped.widget.errors, [], 'which may get one later');
	await stripped.context.close();

	const asked = await visiting(channel => `${loader()}<script>require(['${hub}/chat-widget.umd.js'], chat => { window.chat = chat; chat.init(${JSON.stringify(configOf(channel))}); })</script>`);
	is(await asked.page.evaluate(() => window.chat === window.Chatt2me && typeof window.chat.open), 'function', 'who requires it gets it');
	await asked.widget.open();
	is(asked.widget.errors, [], 'and it works');
	await asked.context.close();

	const common = await visiting(channel => `<script>window.module = { exports: {} }</script><script src="${hub}/chat-widget.umd.js"></script>
		<script>module.exports.init(${JSON.stringify(configOf(channel))})</script>`);
	await common.widget.open();
	is(common.widget.errors, [], 'as CommonJS, too');
	await common.context.close();
});

test('a tag that lost its configuration', async () => {
	const bare = `<script src="${hub}/chat-widget.umd.js"></script>`;
	const { context, widget } = await visiting(() => bare, { wait: false });
	await comes(() => widget.console.filter(line => line.includes('webchatt')).length, 'a line in the console says so', 1);
	like(widget.console.join('\n'), /data-config.*chatt2meConfig.*init/, 'and what helps');
	await context.close();
	for (const [name, make] of [
		['a variable before the tag', channel => `<script>chatt2meConfig = ${JSON.stringify(configOf(channel))}</script>${bare}`],
		['a variable behind it', channel => `${bare}<script>chatt2meConfig = ${JSON.stringify(configOf(channel))}</script>`],
		['init()', channel => `${bare}<script>Chatt2me.init(${JSON.stringify(configOf(channel))})</script>`],
		['init() in the head', channel => `<!doctype html><head>${bare}<script>Chatt2me.init(${JSON.stringify(configOf(channel))})</script></head><body>`]
	]) {
		const other = await visiting(make);
		await other.widget.open();
		await other.widget.say('Hello');
		await comes(() => messages(other.channel).then(all => all.length), `${name} is a configuration`, 1);
		is(other.widget.errors.concat(other.widget.console), [], 'without a word');
		await other.context.close();
	}
	for (const [what, config] of [['no JSON', '{'], ['no object', '[]'], ['no key', '{}'], ['null', 'null']]) {
		const wrong = await visiting(() => `<script src="${hub}/chat-widget.umd.js" data-config='${config}'></script><script>Chatt2me.on('ready', () => 0); window.went = true</script>`, { wait: false });
		await comes(() => wrong.page.evaluate(() => window.went), `${what}: the page's scripts go on`, true);
		ok(wrong.widget.console.some(line => line.startsWith('webchatt: ')), 'and the console has a line', wrong.widget.console.join());
		is(wrong.widget.errors, [], 'which is no error of theirs');
		await wrong.context.close();
	}
});

test('init() and destroy()', async () => {
	const { channel, context, widget, page } = await visiting(tag);
	await widget.open();
	await widget.say('one');
	await comes(() => widget.mark('one'), 'a message is sent', 'sent');
	await page.evaluate(() => window.Chatt2me.destroy());
	is([await page.locator('#chatt2me-widget').count(), await widget.state(), await page.evaluate(() => window.Chatt2me.isOpen())], [0, 'idle', false], 'destroy() takes the widget and its line away');
	await page.evaluate(() => {
		window.Chatt2me.open();
		window.Chatt2me.destroy();
	});
	const config = configOf(channel);
	// As React's Strict Mode does it.
	await page.evaluate(config => {
		const { Chatt2me } = window;
		Chatt2me.on('open', () => window.opened = (window.opened || 0) + 1);
		Chatt2me.init(config);
		Chatt2me.destroy();
		Chatt2me.init(config);
		Chatt2me.init(config);
	}, config);
	is(await page.locator('#chatt2me-widget').count(), 1, 'init() brings it back, once');
	await widget.open();
	is(await page.evaluate(() => window.opened), 1, 'with the listeners that the page has');
	await comes(() => widget.texts(), 'and the conversation', ['one']);
	await widget.say('two');
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'which goes on', ['one', 'two']);
	const other = await makeChannel([origin], 'Another');
	await page.evaluate(config => window.Chatt2me.init(config), configOf(other));
	await widget.open();
	await comes(() => widget.panel.getAttribute('aria-labelledby').then(() => widget.root.getByRole('heading').innerText()), 'init() with another channel is another widget', 'Another');
	is(await widget.texts(), [], 'with nothing of the first');
	await widget.say('three');
	await comes(() => messages(other).then(all => all.map(row => row[2])), 'it speaks for that channel', ['three']);
	is((await messages(channel)).length, 2, 'only');
	is(widget.errors, [], 'without an error');
	await context.close();
});

test('a page whose parts are exchanged', async () => {
	const { channel, context, widget, page } = await visiting(channel => `<div id="app">a route</div>${tag(channel)}`);
	await widget.open();
	for (let n = 1; n <= 12; n++)
		await widget.say(`line ${n}`);
	await comes(() => messages(channel).then(all => all.length), 'there is a conversation', 12);
	for (const [name, change] of [
		['the body\'s content', () => document.body.innerHTML = '<h1>Other</h1>'],
		['the body', () => document.body.replaceWith(Object.assign(document.createElement('body'), { innerHTML: '<h1>Third</h1>' }))],
		['the body, by a kept copy', () => {
			const copy = document.body.cloneNode(true);
			document.body.replaceWith(copy);
		}],
		['all', () => document.documentElement.replaceChildren(document.createElement('head'), document.createElement('body'))]
	]) {
		await page.evaluate(change);
		await comes(() => page.locator('#chatt2me-widget').count(), `${name} is replaced: it is there again, once`, 1);
		ok(await widget.panel.isVisible(), 'still open');
		await comes(() => widget.root.locator('.log').evaluate(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2), 'at the end of the conversation');
	}
	await widget.say('after');
	await comes(() => widget.mark('after'), 'and works', 'sent');
	// A page that means it.
	await page.evaluate(() => new MutationObserver(() => {
		const host = document.getElementById('chatt2me-widget');
		if (host)
			host.remove();
	}).observe(document.documentElement, { childList: true }));
	await page.evaluate(() => document.getElementById('chatt2me-widget').remove());
	await comes(() => page.locator('#chatt2me-widget').count(), 'a page that takes it away again and again has its will', 0);
	await context.close();
});

test('Turbo Drive, htmx', async () => {
	const turbo = () => script('/turbo.js', library('@hotwired/turbo/dist/turbo.es2017-umd.js'));
	const htmx = () => script('/htmx.js', library('htmx.org/dist/htmx.min.js'));
	for (const [name, head, attributes] of [['Turbo Drive', turbo(), ''], ['htmx', htmx(), 'hx-boost="true"']]) {
		const channel = await makeChannel([origin]);
		for (const [path, next] of [['/first', '/second'], ['/second', '/first']])
			pages[path] = { html: `<!doctype html><html lang="en"><head><title>${path}</title>${head}</head><body ${attributes}><a href="${next}">${next}</a>${tag(channel)}</body></html>` };
		const context = await newContext();
		const widget = new Widget(await context.newPage());
		const { page } = widget;
		await page.goto(`${origin}/first`);
		await page.evaluate(() => window.same = true);
		await widget.open();
		await widget.say('one');
		await comes(() => widget.mark('one'), `${name}: a message is sent`, 'sent');
		for (const [link, title] of [['/second', '/second'], ['/first', '/first'], ['/second', '/second']]) {
			await page.getByRole('link', { name: link }).click();
			await comes(() => page.title(), `${title} is shown`, title);
			await comes(() => page.evaluate(() => [window.same, document.querySelectorAll('#chatt2me-widget').length]), 'in the same page, with the widget once', [true, 1]);
			ok(await widget.panel.isVisible(), 'open as it was');
			await comes(() => widget.texts(), 'with the conversation', ['one']);
		}
		await page.goBack();
		await comes(() => page.title(), 'back', '/first');
		await comes(() => page.evaluate(() => [...document.querySelectorAll('#chatt2me-widget')].map(host => !!host.shadowRoot)), 'it is there', [true]);
		await widget.say('two');
		await comes(() => messages(channel).then(all => all.map(row => row[2])), 'and writes', ['one', 'two']);
		is(widget.errors, [], 'without an error');
		await context.close();
	}
});

test('the tag brings it back', async () => {
	const { channel, context, widget, page } = await visiting(tag);
	await widget.open();
	await widget.say('one');
	await comes(() => widget.mark('one'), 'a message is sent', 'sent');
	await page.evaluate(([src, config]) => {
		document.querySelector('script[data-config]').remove();
		window.Chatt2me.destroy();
		window.bring = () => {
			const script = document.createElement('script');
			script.src = src;
			script.setAttribute('data-config', config);
			document.body.append(script);
		};
		window.bring();
	}, [`${hub}/chat-widget.umd.js`, JSON.stringify(configOf(channel))]);
	await widget.launcher.waitFor();
	await widget.open();
	await comes(() => widget.texts(), 'a route that comes back has its widget again', ['one']);
	await page.evaluate(() => window.bring());
	const two = await makeChannel([origin], 'Two');
	const both = await visiting(channel => tag(channel, { config: { title: 'First' } }) + tag(two, { config: { title: 'Second' } }));
	await both.widget.open();
	is(await both.page.locator('#chatt2me-widget').count(), 1, 'a page with two tags has one widget');
	is(await both.widget.root.getByRole('heading').innerText(), 'First', 'the first');
	await both.context.close();
	is(widget.errors.concat(both.widget.errors), [], 'without an error');
	await context.close();
});

test('what pages and browsers say of the language', async () => {
	const placeholder = async (make, context) => {
		const { widget, context: browser } = await visiting(make, { context });
		await widget.open();
		const words = await widget.field.getAttribute('placeholder');
		await widget.say('x');
		await comes(() => widget.mark('x'), `a message is sent (${words})`, 'sent');
		is(widget.errors, [], 'without an error');
		await browser.close();
		return words;
	};
	const page = (lang, config) => channel => html(tag(channel, { config }), '', `<html lang="${lang}">`);
	const EN = 'Write a message…';
	const PT = 'Escreva uma mensagem…';
	for (const [what, wanted, make, context] of [
		['en-', EN, page('en-')], ['pt_BR', PT, page('pt_BR')], ['pt-', PT, page('pt-')], ['pt_BR.UTF-8', PT, page('pt_BR.UTF-8')], ['PT-br', PT, page('PT-br')],
		['nothing that is a language', EN, page('@@ ß 12')], ['C', EN, page('C')], ['x', EN, page('x')], ['a thousand letters', EN, page('a'.repeat(1000))],
		['lang: de_DE with strings', 'Schreib was', page('en', { lang: 'de_DE', strings: { write: 'Schreib was' } })],
		['lang: a number', EN, page('en', { lang: 7, strings: 'no', colors: 5, attributes: 'x', position: {}, theme: [], dir: 9, title: { a: 1 }, greeting: [] })],
		['lang: an object', EN, page('', { lang: { toString: 1 } })]
	])
		is(await placeholder(make, context), wanted, what);
	const odd = await visiting(tag, {
		before: (context, page) => page.addInitScript(() => {
			Object.defineProperty(navigator, 'language', { get: () => 'en-US@posix' });
			Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix', 'c', '', null] });
		})
	});
	await odd.widget.open();
	is(odd.widget.errors, [], 'an odd locale of the browser');
	await odd.context.close();
	const none = await visiting(channel => html(tag(channel), '', '<html>'), {
		before: (context, page) => page.addInitScript(() => {
			Object.defineProperty(navigator, 'languages', { get: () => undefined });
			delete Intl.RelativeTimeFormat;
			delete Intl.PluralRules;
		})
	});
	await none.widget.open();
	await none.widget.say('x');
	await comes(() => none.widget.mark('x'), 'none at all, in an old browser', 'sent');
	is(none.widget.errors, [], 'without an error');
	await none.context.close();
});

test('the languages', async () => {
	const names = readdirSync(fileURLToPath(new URL('../../widget/src/words', import.meta.url))).map(name => name.slice(0, 2)).sort();
	is(names, ['ar', 'de', 'en', 'es', 'fr', 'he', 'it', 'ja', 'pt'], 'there are nine');
	const holes = word => [...new Set(JSON.stringify(word).match(/\{\w+\}/g) || [])].sort();
	const wordsOf = async name => (await import(`../../widget/src/words/${name}.js`)).default;
	const en = await wordsOf('en');
	// Those that the source names, those that English needs, and those that any language has.
	const source = name => readFileSync(fileURLToPath(new URL(`../../widget/src/${name}`, import.meta.url)), 'utf8');
	const used = ['base', 'panel', 'extras'].flatMap(folder => readdirSync(fileURLToPath(new URL(`../../widget/src/${folder}`, import.meta.url)))
		.filter(name => name.endsWith('.js')).flatMap(name => [...source(`${folder}/${name}`).matchAll(/\bt\('(\w+)'/g)].map(found => found[1])));
	const needed = new Set(used.concat(Object.keys(en)));
	for (const name of names.filter(name => name !== 'en'))
		Object.keys(await wordsOf(name)).forEach(key => needed.add(key));
	ok(used.length > 30, 'the source names words', used.join());
	for (const name of names.filter(name => name !== 'en')) {
		const words = await wordsOf(name);
		is([...needed].filter(key => !words[key]), [], `${name} has all words, so it needs no English`);
		is(Object.keys(en).filter(key => words[key] && String(holes(words[key])) !== String(holes(en[key]))), [], 'with the same holes');
		const wanted = new Intl.PluralRules(name).resolvedOptions().pluralCategories;
		is(Object.entries(words).filter(([, word]) => typeof word === 'object' && !word.other || Object.keys(word).some(kind => typeof word === 'object' && !wanted.includes(kind))), [], 'and the forms that numbers have in it');
	}
	is((await wordsOf('ar')).unread.few, '{n} رسائل غير مقروءة', 'Arabic has a form for few');

	for (const [lang, open, write, dir] of [['es', 'Abrir el chat', 'Escribe un mensaje…', 'ltr'], ['fr-CA', 'Ouvrir le chat', 'Écrivez un message…', 'ltr'], ['de-AT', 'Chat öffnen', 'Nachricht schreiben…', 'ltr'],
		['it', 'Apri la chat', 'Scrivi un messaggio…', 'ltr'], ['ar', 'فتح المحادثة', 'اكتب رسالة…', 'rtl'], ['iw', 'פתיחת הצ׳אט', 'כתיבת הודעה…', 'rtl'], ['ja', 'チャットを開く', 'メッセージを入力…', 'ltr']]) {
		const { context, widget } = await visiting(tag, { context: { locale: lang }, before: (context, page) => page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => document.documentElement.removeAttribute('lang'), { once: true })) });
		await comes(() => widget.launcher.getAttribute('aria-label'), `${lang}: the bubble`, open);
		await widget.open();
		is(await widget.field.getAttribute('placeholder'), write, 'the field');
		is(await widget.root.locator('.root').getAttribute('dir'), dir, 'its direction');
		await widget.say('x');
		await comes(() => widget.mark('x'), 'a message is sent', 'sent');
		is(widget.errors, [], 'without an error');
		await context.close();
	}

	const { channel, context, widget } = await visiting(tag, { context: { locale: 'ar-EG' }, before: (context, page) => page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => document.documentElement.removeAttribute('lang'), { once: true })) });
	await widget.open();
	await widget.say('x');
	await comes(() => widget.mark('x'), 'a visitor', 'sent');
	await widget.launcher.click();
	for (const [n, words] of [[1, 'رسالة واحدة غير مقروءة'], [2, 'رسالتان غير مقروءتين'], [3, '٣ رسائل غير مقروءة']]) {
		await send(channel, { text: String(n) });
		await comes(() => widget.launcher.getAttribute('aria-label'), `${n} unread, in Arabic`, `فتح المحادثة, ${words}`);
	}
	await widget.page.evaluate(() => {
		Object.defineProperty(navigator, 'onLine', { get: () => false, configurable: true });
		window.dispatchEvent(new Event('offline'));
	});
	await widget.open(false);
	await comes(() => widget.words(), 'offline is said at once', 'أنت غير متصل. ستُرسل الرسائل عند عودة الاتصال.');
	await context.close();
});

test('a page that changes what belongs to all', async () => {
	const early = `
		Array.prototype.toJSON = function () { return '[' + this.map(one => JSON.stringify(one)).join(', ') + ']' };
		String.prototype.toJSON = function () { return '"' + this + '"' };
		Object.prototype.extra = function () { return 'of the page' };
		Array.prototype.last = function () { return this[this.length - 1] };
		Array.from = list => { const all = []; for (let i = 0; i < list.length; i++) all.push(list[i]); return all };`;
	const late = 'function Map() {} function Set() {} JSON = { parse() { throw 1 }, stringify() { throw 1 } }; Promise = function () { throw 1 }; URL = 5';
	const { channel, context, widget } = await visiting(channel => `<script>${early}</script>${tag(channel, { config: { colors: { accent: '#7a1f5c' } } })}<script>${late}</script>`);
	await widget.launcher.click();
	await widget.panel.waitFor();
	await widget.say('Hello');
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'does not stop the widget', ['Hello']);
	await widget.root.locator('.i-sent, .i-delivered, .i-read').first().waitFor();
	is(widget.errors, [], 'without an error');
	await context.close();
});

test('a base that is older than the server', async () => {
	let asked;
	const { channel, context, widget, page } = await visiting(channel => tag(channel) + '<script>Chatt2me.on("open", () => window.opened = (window.opened || 0) + 1); window.mine = Chatt2me</script>', {
		before: context => {
			asked = watch(context);
			return context.route(/chat-widget\.umd\.js$/, async route => {
				const response = await route.fetch();
				return route.fulfill({ response, body: (await response.text()).replace(/\bpanel:"\w{8}"/, 'panel:"AAAAAAAA"') });
			});
		}
	});
	await widget.launcher.click();
	await widget.panel.waitFor();
	ok(asked.filter(path => /umd\.js\?/.test(path)).length === 1, 'the base is asked for anew', asked.join());
	await widget.say('Hello');
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'and the chat opens', ['Hello']);
	is(await page.locator('#chatt2me-widget').count(), 1, 'once');
	is(await page.evaluate(() => [window.mine === window.Chatt2me, window.mine.isOpen()]), [true, true], 'what the page has of it is the new one');
	await page.evaluate(() => {
		window.mine.close();
		window.opened = 0;
		window.mine.open();
	});
	is(await page.evaluate(() => window.opened), 1, 'and its listeners hear');
	is(widget.errors, [], 'without an error');
	await context.close();
});

await run(async () => {
	await tidy();
	server.close();
});
