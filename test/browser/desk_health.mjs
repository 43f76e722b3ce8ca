// The desk's pages of health for admins: status with the last hour, settings, and the preview of the widget.
import http from 'node:http';
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, send, sql, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const HACK = '"><img src=x onerror=alert(1)></script><script>alert(1)</script>\' onload=alert(1) {{1}} & \u{1F375}';

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const go = async (desk, page) => {
	await desk.at(page);
	await desk.page.locator('.check, .setting').first().waitFor();
};
const check = (desk, name) => desk.page.locator('.check', { has: desk.page.getByRole('heading', { name }) });
const row = text => text.replace(/\s+/g, ' ').trim();

test('status', async () => {
	const channel = await makeChannel([site.origin], 'Kettles');
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	for (const text of ['one', 'two', 'three'])
		await widget.say(text);
	await comes(() => messages(channel).then(all => all.length), 'a visitor has written', 3);
	await send(channel, { type: 'text', text: 'An answer' });
	await comes(() => sql('SELECT sum(messages_in) || \' \' || sum(messages_out) FROM webchatt.last_hour'), 'and was answered', '3 1');

	const ana = await DeskPage.signedIn('ana');
	await ana.go('More');
	await ana.page.getByRole('link', { name: /^Status/ }).click();
	await ana.page.locator('.summary').waitFor();
	await comes(() => ana.page.locator('.totals dd').first().innerText(), 'the last hour counts what came', '3');
	const slider = ana.page.getByRole('slider', { name: 'Minute' });
	like(await slider.getAttribute('aria-valuetext'), /^\d?\d:\d\d: \d+ in, \d+ out, \d+ visitors, \d+ waiting$/, 'the graph says its newest minute');
	is(await ana.page.locator('.graph svg .bar-in').count() > 0, true, 'and has bars of what came in');
	await slider.focus();
	await slider.press('Home');
	like(await slider.getAttribute('aria-valuetext'), /no worker was there$/, 'the keyboard goes through the minutes: one before the start is a gap');
	ok(await slider.evaluate(graph => graph.getAttribute('aria-valuetext') === document.querySelector('.readout').textContent), 'which is to be seen, too');
	const gaps = await ana.page.locator('.graph .panel.high .gap').first().evaluate(gap => gap.getAttribute('width') / 10);
	await slider.press('End');
	await slider.press('ArrowLeft');
	is(await slider.getAttribute('aria-valuenow'), '59', 'step by step');
	await ana.page.getByText('As a table').click();
	is(await ana.page.locator('.hour-table tbody tr').count(), 61, 'the table has a row a minute');
	ok(gaps > 50 && gaps <= 60, 'and gaps are shown as gaps', String(gaps));
	like(row(await check(ana, /^Worker/).innerText()), /^Worker good Running since /, 'the worker is there, in words');
	like(row(await check(ana, /^Disk/).innerText()), / are free\. The database has /, 'so is the disk');

	// something goes wrong: it is on the page by itself
	await sql(`SELECT webchatt.connect_hub('key', 'https://127.0.0.1:1', 'there');
		UPDATE webchatt.hubs SET state = 'stopped', state_reason = ${quoted(HACK)}, state_since = now() WHERE name = 'there'`);
	await comes(() => ana.page.locator('.checks').first().locator('.check.bad').first().innerText().then(row), 'a stopped hub comes first, with its reason',
		row(`Hubs not working there: stopped · ${HACK} local: active A paused hub is tried again by itself. A stopped one needs what its reason says, mostly a new API key. Go to Remote hubs`));
	is(ana.errors, [], 'nothing of it is run');
	await sql(`DELETE FROM webchatt.hubs WHERE name = 'there'`);
	await comes(() => check(ana, /^Hubs good/).count(), 'and when it is mended the page says so', 1);

	// a failure keeps what was there
	await ana.page.route('**/desk/api/health', answer => answer.abort());
	await comes(() => ana.page.getByRole('alert').count(), 'when nothing can be read, the page says so', 1);
	ok(await check(ana, /^Worker/).isVisible(), 'and keeps what it had');
	await ana.page.unroute('**/desk/api/health');

	const rui = await DeskPage.signedIn('rui');
	await rui.page.goto(`${deskUrl}/desk/#/status`);
	await comes(() => rui.page.getByText('Only admins may see this page.').count(), 'agents have no such page', 1);
	is([(await rui.call('health'))[0], (await rui.call('last_hour'))[0], (await rui.call('settings'))[0]], [403, 403, 403], 'nor the calls behind it');
	await Promise.all([context.close(), ana.close(), rui.close()]);
});

test('settings', async () => {
	const ana = await DeskPage.signedIn('ana');
	await go(ana, 'settings');
	const setting = name => ana.page.locator(`[data-setting="webchatt.${name}"]`);
	is(await ana.page.locator('.setting').count(), Number(await sql(`SELECT count(*) FROM webchatt.settings`)), 'all settings are there');
	is(row(await setting('public_url').locator('.value').innerText()), 'http://chat.example.org', 'one that is set shows its value');
	like(await setting('public_url').locator('summary').innerText(), /^from postgresql.conf, or ALTER SYSTEM · default: empty/, 'and where from');
	is(row(await setting('hold_for').locator('.value').innerText()), '7d', 'one that is not shows what it is');
	is(row(await setting('max_in_flight').locator('.value').innerText()), '64 requests', 'a number has its unit');
	await ana.page.getByLabel('Filter').fill('patience webhook');
	await comes(() => ana.page.locator('.setting').count(), 'the filter finds words in any order', 1);
	await setting('webhook_patience').locator('summary').click();
	like(row(await setting('webhook_patience').locator('pre').innerText()), /^ALTER DATABASE postgres SET webchatt.webhook_patience = '...'; SELECT pg_reload_conf\(\);$/, 'how it is changed is said');
	await ana.page.getByLabel('Filter').fill(HACK);
	await comes(() => ana.page.getByText('No such setting').count(), 'nothing is found by nonsense', 1);
	await ana.page.getByLabel('Filter').fill('');
	await ana.page.getByLabel('Which').selectOption('changed');
	ok(await ana.page.locator('.setting').count() < 20 && await setting('desk_listen').isVisible(), 'only what was changed');

	await sql(`ALTER DATABASE postgres SET webchatt.notify_channel = 'changes'`);
	await go(ana, 'settings');
	await ana.page.reload();
	await ana.page.getByLabel('Which').selectOption('pending');
	await comes(() => ana.page.locator('.setting').count(), 'what waits for a reload is found', 1);
	ok(await setting('notify_channel').getByText('SELECT pg_reload_conf()').first().isVisible(), 'and said');
	await sql(`ALTER DATABASE postgres RESET webchatt.notify_channel`);
	is(ana.errors, [], 'no errors on the page');
	await ana.close();
});

test('the preview of the widget', async () => {
	let pasted = '';
	const server = http.createServer((request, response) => {
		response.setHeader('content-type', 'text/html; charset=utf-8');
		response.end(`<!doctype html><title>Shop</title><p>A shop</p>${pasted}`);
	});
	await new Promise(done => server.listen(0, '127.0.0.1', done));
	const shopOrigin = `http://127.0.0.1:${server.address().port}`;
	const channel = await makeChannel([shopOrigin], 'Kettles & pots');
	const ana = await DeskPage.signedIn('ana', { permissions: ['clipboard-read', 'clipboard-write'] });
	const dialled = [];
	ana.page.on('websocket', socket => dialled.push(socket.url()));
	const open = async () => {
		await ana.page.goto(`${deskUrl}/desk/#/channels/${channel.id}`);
		await ana.page.locator('.preview iframe').waitFor();
	};
	await open();
	const frame = ana.page.frameLocator('.preview iframe');
	const widget = frame.locator('#chatt2me-widget');
	const script = ana.page.getByLabel('Widget script', { exact: true }).and(ana.page.locator('textarea'));
	await comes(() => widget.getByRole('heading').innerText().catch(() => ''), 'the preview is the widget, with the channel\'s name', 'Kettles & pots');
	await comes(() => widget.locator('.list .row').count(), 'and a short conversation', 2);
	is(await script.inputValue(), await sql(`SELECT webchatt.widget_script('${channel.id}')`), 'the script is as it comes');
	const save = ana.page.getByRole('button', { name: 'Save the widget' });
	ok(await save.isDisabled(), 'and there is nothing to be saved');

	const title = HACK.slice(0, 50);
	await ana.page.getByLabel('Title', { exact: true }).fill('x'.repeat(51));
	await save.click();
	await comes(() => ana.page.locator('#look-title-error').innerText().catch(() => ''), 'what the server refuses stands at its field',
		`"title" of the widget's settings is not usable. It is "${'x'.repeat(51)}". Give a text of 1 to 50 characters, in one line.`);
	is(await sql(`SELECT webchatt.widget_settings('${channel.id}')`), '{}', 'and nothing is set');
	await ana.page.getByLabel('Title', { exact: true }).fill(title);
	await comes(() => widget.getByRole('heading').innerText().catch(() => ''), 'a title is in the preview as it was typed', title);
	is(await ana.page.evaluate(() => document.activeElement.id), 'look-title', 'and does not take the focus');
	await ana.page.getByLabel('Greeting', { exact: true }).fill(HACK);
	await ana.page.getByLabel('Colour', { exact: true }).fill('#7a1f5c');
	await ana.page.getByLabel('Position').selectOption('left');
	await ana.page.getByLabel('Language', { exact: true }).selectOption('pt');
	await ana.page.getByLabel('Preview').and(ana.page.locator('select')).selectOption('empty');
	await comes(() => widget.locator('.greeting').innerText().catch(() => ''), 'so is a greeting', HACK);
	await comes(() => widget.locator('header').evaluate(head => getComputedStyle(head).backgroundColor).catch(() => ''), 'and the colour', 'rgb(122, 31, 92)');
	await comes(() => widget.locator('.root.left').count(), 'and the corner', 1);
	await comes(() => widget.getByRole('textbox').getAttribute('placeholder'), 'and the language', 'Escreva uma mensagem…');
	await widget.getByRole('textbox').fill('Is anybody there?');
	await widget.getByRole('textbox').press('Enter');
	await comes(() => widget.locator('.list .row .text').allInnerTexts(), 'what is written there is answered by nobody', ['Is anybody there?', 'Isto é só uma prévia: ninguém lê.']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '0', 'and nothing of it is in the database');
	is(dialled.filter(url => !url.endsWith('/desk/socket')), [], 'it dials nobody');
	ok(await ana.tabTo('#channel-name'), 'Tab leads through it, to what is below');
	await ana.page.keyboard.press('Shift+Tab');
	await comes(() => ana.page.evaluate(() => document.activeElement.tagName), 'and back', 'IFRAME');

	const config = { colors: { accent: '#7a1f5c', 'on-accent': '#ffffff' }, greeting: HACK, lang: 'pt', position: 'left', title };
	await save.click();
	await ana.page.getByText('Saved', { exact: true }).waitFor();
	const set = async () => JSON.parse(await sql(`SELECT webchatt.widget_settings('${channel.id}')`));
	is(await set(), config, 'saved, it is what the channel has, as it was typed');
	is(await script.inputValue(), await sql(`SELECT webchatt.widget_script('${channel.id}')`), 'the script of the pages stays as it is');
	const written = await sql(`SELECT webchatt.widget_script('${channel.id}', ${quoted(JSON.stringify(config))})`);
	const members = `"webChatId":"${channel.key}","endpoint":"ws://chat.example.org/communication/web-chatt2me/ws",${JSON.stringify(config).slice(1)}`;
	const escaped = `{${members}`.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/'/g, '&#39;');
	is(JSON.parse(written.match(/data-config='([^']*)'/)[1].replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')), JSON.parse(`{${members}`), 'it says what was typed');
	is(written.replace(/": /g, '":').replace(/", "/g, '","'), `<script src="http://chat.example.org/chat-widget.umd.js" data-config='${escaped}'></script>`, 'and nothing in it ends the attribute');
	await ana.page.getByRole('button', { name: 'Copy: Widget script' }).click();
	await comes(() => ana.page.evaluate(() => navigator.clipboard.readText()), 'Copy copies it', await script.inputValue());

	// on a page of a shop
	const context = await newContext();
	const page = await context.newPage();
	const shop = new Widget(page);
	page.on('dialog', dialog => {
		shop.errors.push(`dialog: ${dialog.message()}`);
		dialog.dismiss();
	});
	const here = written.replace('http://chat.example.org', process.env.WEBCHATT_URL).replace('ws://chat.example.org/communication/web-chatt2me/ws', line.url);
	pasted = here;
	await page.goto(shopOrigin);
	await shop.launcher.waitFor();
	await shop.open();
	is(await shop.panel.getByRole('heading').innerText(), title, 'in a page the script shows the title');
	is(await shop.root.locator('.greeting').innerText(), HACK, 'and the greeting');
	is(await shop.panel.locator('header').evaluate(head => getComputedStyle(head).backgroundColor), 'rgb(122, 31, 92)', 'and the colour');
	is([ana.errors, shop.errors], [[], []], 'and nothing of it is run, here or there');

	// a light colour has dark text on it
	await ana.page.getByLabel('Colour', { exact: true }).fill('#ffdd00');
	await comes(() => widget.locator('header').evaluate(head => getComputedStyle(head).color).catch(() => ''), 'what stands on a light colour is dark', 'rgb(0, 0, 0)');
	await ana.page.getByLabel('Colour', { exact: true }).fill('red; x');
	await save.click();
	await comes(() => ana.page.locator('#look-accent-error').count(), 'a colour that is none is refused at its field', 1);

	await ana.page.route('**/desk/preview.js', answer => answer.abort());
	await ana.page.reload();
	await comes(() => ana.page.locator('.preview .notice').innerText().catch(() => ''), 'a preview that cannot be loaded says so', 'The preview could not be loaded. Try again');
	await ana.page.unroute('**/desk/preview.js');
	await ana.page.locator('.preview').getByRole('button', { name: 'Try again' }).click();
	await comes(() => widget.getByRole('heading').innerText().catch(() => ''), 'and can be tried again', title);
	await comes(() => ana.page.locator('.preview .notice').count(), 'then it says so no more', 0);
	await Promise.all([context.close(), ana.close()]);
	server.close();
});

for (const colorScheme of ['light', 'dark']) {
	test(`contrast, ${colorScheme}`, async () => {
		const ana = await DeskPage.signedIn('ana', { colorScheme, reducedMotion: 'reduce' });
		for (const page of ['status', 'settings']) {
			await go(ana, page);
			is(await ana.page.locator('#desk').evaluate(poorContrast), [], `all text of ${page} has a contrast of at least 4.5`);
		}
		const channel = await makeChannel([site.origin], `Colours ${colorScheme}`);
		await ana.page.goto(`${deskUrl}/desk/#/channels/${channel.id}`);
		await ana.page.frameLocator('.preview iframe').locator('#chatt2me-widget .panel').waitFor();
		is(await ana.page.locator('#desk').evaluate(poorContrast), [], 'and of the channel, with its preview');
		await ana.close();
	});
}

test('on a phone, Portuguese', async () => {
	const ana = await DeskPage.signedIn('ana', { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, locale: 'pt-BR' });
	for (const page of ['status', 'settings']) {
		await go(ana, page);
		ok(!await ana.isTooWide(), `${page} fits`);
	}
	await go(ana, 'status');
	await ana.page.getByText('Como tabela').tap();
	ok(!await ana.isTooWide(), 'so does the table');
	const channel = await makeChannel([site.origin], 'Phones');
	await ana.page.goto(`${deskUrl}/desk/#/channels/${channel.id}`);
	await ana.page.frameLocator('.preview iframe').locator('#chatt2me-widget .panel').waitFor();
	ok(!await ana.isTooWide(), 'and the form beside the preview');
	await ana.close();
});

run(tidy);
