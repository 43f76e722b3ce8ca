// Agents and admins at the desk, visitors with the widget: what each sees of the other, and what is in the tables.
import { gzipSync } from 'node:zlib';
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, linkFor, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, restartCluster, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
// Who was made is told to webchatt-net by the worker.
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

// A visitor of a new channel who has written something.
async function visitor(text, name) {
	const channel = await makeChannel([site.origin], name);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say(text);
	await comes(() => messages(channel).then(all => all.length), 'a visitor wrote', 1);
	return { channel, widget, context };
}

// What a file has gzipped, and the modules that it names.
async function weigh(file) {
	const bytes = Buffer.from(await (await fetch(`${deskUrl}/desk/${file}`)).arrayBuffer());
	return { size: gzipSync(bytes, { level: 9 }).length, modules: file.endsWith('.js') ? [...bytes.toString().matchAll(/"\.\/([\w-]+\.js)"/g)].map(found => found[1]) : [] };
}

test('the size', async () => {
	const sizes = {};
	async function take(files) {
		for (const file of files.filter(one => !(one in sizes))) {
			const { size, modules } = await weigh(file);
			sizes[file] = size;
			await take(modules);
		}
	}
	await take(['', 'app.js', 'app.css', 'favicon.svg']);
	const sum = files => files.reduce((all, one) => all + sizes[one], 0);
	const all = sum(Object.keys(sizes));
	ok(all <= 110 * 1024, `all of the page has at most 110 kB gzipped: ${all} bytes`);
	for (const locale of ['en-US', 'pt-BR']) {
		const context = await newContext({ locale });
		const page = await context.newPage();
		const asked = new Set(['', 'favicon.svg']);
		page.on('request', request => {
			const file = new URL(request.url()).pathname.replace(/^\/desk\//, '');
			if (file in sizes)
				asked.add(file);
		});
		await page.goto(await linkFor('rui'));
		await page.locator('nav.pages').waitFor();
		ok(!(await page.locator('html').getAttribute('lang')).indexOf(locale.slice(0, 2)), `in ${locale}`);
		const first = sum([...asked]);
		ok(asked.size > 4 && first <= 60 * 1024, `an agent loads at most 60 kB gzipped at first: ${first} bytes`);
		await context.close();
	}
});

test('a page that does not come', async () => {
	const ana = await DeskPage.signedIn('ana');
	const modules = /admin_pages-\w+\.js/;
	await ana.page.route(modules, route => route.abort());
	await ana.go('Agents');
	await comes(() => ana.page.getByRole('heading').allInnerTexts().then(all => all.includes('This page could not be loaded.')), 'it says so', true);
	await ana.page.unroute(modules);
	await ana.page.getByRole('button', { name: 'Try again' }).click();
	await ana.page.getByRole('link', { name: 'Add agent' }).or(ana.page.getByRole('button', { name: 'Add agent' })).first().waitFor();
	ok(true, 'and comes when it is tried again');
	await ana.page.context().close();
});

test('sign in', async () => {
	await sql(`DELETE FROM webchatt.agent_sessions`);
	const link = await linkFor('ana');
	const context = await newContext();
	const desk = new DeskPage(await context.newPage());
	await desk.page.goto(link);
	await desk.page.locator('nav.pages').waitFor();
	ok(!desk.page.url().includes('sign-in'), 'the link signs in, and its token is gone from the address');
	const cookie = (await context.cookies()).find(one => one.name === 'webchatt_desk');
	is([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/'], 'the cookie is not for scripts, nor for other sites');
	await desk.page.reload();
	await desk.page.locator('nav.pages').waitFor();
	ok(true, 'a reload keeps it');

	const stranger = new DeskPage(await (await newContext()).newPage());
	await stranger.page.goto(link);
	await comes(() => stranger.page.getByRole('heading').allInnerTexts(), 'the same link does not work again', ['This link does not work any more']);
	is((await stranger.call('me'))[0], 401, 'and gives no session');
	await stranger.page.goto('about:blank');
	const late = await linkFor('rui');
	await sql(`UPDATE webchatt.sign_in_links SET expires_at = now() - interval '1 second' WHERE agent = 'rui'`);
	await stranger.page.goto(late);
	await comes(() => stranger.page.getByRole('heading').allInnerTexts(), 'nor one whose time is over', ['This link does not work any more']);
	await stranger.close();

	const other = await DeskPage.signedIn('ana');
	await desk.go('You');
	await comes(() => desk.page.getByText('(this one)').count(), 'the session is listed', 1);
	await desk.page.getByRole('button', { name: /^End the session/ }).click();
	await comes(() => other.page.getByRole('heading').allInnerTexts(), 'another one can be ended, and its page says so by itself', ['You are not signed in']);
	await other.close();
	await desk.page.getByRole('button', { name: 'Sign out' }).click();
	await comes(() => desk.page.getByRole('heading').allInnerTexts(), 'signing out ends it', ['You are not signed in']);
	is((await desk.call('me'))[0], 401, 'also for the server');
	is(desk.errors, [], 'no errors on the page');
	await desk.close();
});

test('a visitor and an agent', async () => {
	const rui = await DeskPage.signedIn('rui');
	const { channel, widget, context } = await visitor('Do you ship to the Azores?', 'Tea & Co.');
	await comes(() => rui.row('Do you ship to the Azores?').count(), 'what a visitor writes appears by itself', 1);
	await comes(() => rui.page.title().then(text => /^\(\d+\) Desk$/.test(text)), 'the title counts who waits', true);
	await rui.open('Azores');
	await comes(() => rui.texts(), 'the conversation is there', ['Do you ship to the Azores?']);
	await comes(() => widget.mark('Do you ship to the Azores?'), 'the visitor sees that it was read', 'read');

	await comes(async () => {
		await rui.field.press('W');
		return widget.root.locator('#activity').innerText();
	}, 'and that somebody is typing', 'Tea & Co. is typing…');
	await rui.say('We do.\nIt takes three days.');
	await comes(() => widget.texts(), 'the answer comes', ['Do you ship to the Azores?', 'We do.\nIt takes three days.']);
	await comes(() => rui.status('We do.\nIt takes three days.'), 'the agent sees that it was read', 'read');
	is(await sql(`SELECT author FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'out'`), 'rui', 'the message has its author');
	await comes(() => rui.row('We do.').locator('.wait').count(), 'nobody waits there any more', 0);

	await comes(async () => {
		await widget.field.press('A');
		return rui.page.locator('.typing').count();
	}, 'the agent sees that the visitor is typing', 1);
	await widget.say('And to Madeira?');
	await comes(() => rui.texts().then(all => all[2]), 'the next message appears in the open conversation', 'And to Madeira?');
	is(await rui.page.locator('.typing').count(), 0, 'and nobody types');
	is([rui.errors, widget.errors], [[], []], 'no errors on the pages');
	await context.close();
	await comes(() => rui.head.getByText('here now').count(), 'who has left is not here', 0);
	await rui.close();
});

test('two agents', async () => {
	const { widget, context } = await visitor('Is the blue one left?', 'Pots');
	const rui = await DeskPage.signedIn('rui');
	const ana = await DeskPage.signedIn('ana');
	await rui.open('blue one');
	await ana.open('blue one');
	await comes(() => rui.page.locator('.colleagues').innerText(), 'each sees who else has it open', 'Ana Sousa has this open too');
	await comes(async () => {
		await ana.field.press('Y');
		return rui.page.locator('.colleagues').innerText();
	}, 'and who is answering', 'Ana Sousa is answering…');
	await ana.say('Yes, two of them.');
	await comes(() => rui.texts(), 'and the answer', ['Is the blue one left?', 'Yes, two of them.']);
	is(await rui.log.locator('.author').innerText(), 'Ana Sousa', 'with its author');
	await comes(() => rui.page.locator('.colleagues').innerText(), 'who is not said to be answering any more', 'Ana Sousa has this open too');

	await rui.head.getByRole('combobox').selectOption('rui');
	await comes(() => ana.head.getByRole('combobox').inputValue(), 'assigning shows on both desks', 'rui');
	await rui.page.getByRole('button', { name: 'Mine' }).click();
	await comes(() => rui.row('two of them').count(), 'and it is among one\'s own', 1);
	is([rui.errors, ana.errors, widget.errors], [[], [], []], 'no errors on the pages');
	await Promise.all([context.close(), rui.close(), ana.close()]);
});

test('close and open again', async () => {
	const { channel, widget, context } = await visitor('One question', 'Lamps');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('One question');
	await rui.head.getByRole('button', { name: 'Close' }).click();
	await comes(() => rui.page.locator('.talk > .notice').count(), 'closed, says the page', 1);
	await comes(() => rui.row('One question').count(), 'and it is not among the open ones', 0);
	is(await sql(`SELECT state FROM webchatt.conversations WHERE channel_id = '${channel.id}'`), 'closed', 'and the table');
	await rui.page.getByRole('button', { name: 'Closed', exact: true }).click();
	await comes(() => rui.row('One question').count(), 'but among the closed ones', 1);
	await widget.say('One more');
	await comes(() => rui.page.locator('.talk > .notice').count(), 'a visitor who writes opens it again', 0);
	await rui.page.getByRole('button', { name: /^Open/ }).click();
	await comes(() => rui.row('One more').count(), 'and it is back in the list', 1);
	await rui.head.getByRole('button', { name: 'Close' }).click();
	await rui.page.getByRole('button', { name: 'Open again' }).click();
	await comes(() => sql(`SELECT state FROM webchatt.conversations WHERE channel_id = '${channel.id}'`), 'so does the agent', 'open');
	await Promise.all([context.close(), rui.close()]);
});

test('channels', async () => {
	const ana = await DeskPage.signedIn('ana');
	await ana.go('Channels');
	await ana.page.getByRole('link', { name: 'Add channel' }).click();
	const name = ana.page.getByLabel('Display name');
	const add = ana.page.getByRole('button', { name: 'Add channel' });
	await name.fill('x'.repeat(51));
	ok(await ana.page.getByText('51 of 50 characters').isVisible(), 'the counter counts');
	await ana.page.getByLabel('Origin 1').fill(site.origin);
	await add.click();
	await comes(() => ana.page.getByRole('alert').innerText(), 'too long a name: the server\'s words', 'Display name has 51 characters. A display name has 1 to 50 characters.');
	is(await name.getAttribute('aria-invalid'), 'true', 'at the field');
	await name.fill('Vases');
	await ana.page.getByRole('button', { name: 'Add another origin' }).click();
	await ana.page.getByLabel('Origin 2', { exact: true }).fill(`${site.origin}/shop`);
	await ana.page.keyboard.press('Tab');
	await comes(() => ana.page.getByLabel('Origin 2', { exact: true }).getAttribute('aria-invalid'), 'an origin with a path is said to be one before it is sent', 'true');
	like(await ana.page.getByRole('alert').innerText(), /An origin has no path: leave out what follows the host and port\./, 'with the reason');
	await add.click();
	await comes(() => ana.page.getByLabel('Origin 2', { exact: true }).getAttribute('aria-invalid'), 'and refused', 'true');
	await ana.page.getByRole('button', { name: 'Remove origin 2' }).click();
	await add.click();
	const script = ana.page.getByLabel('Widget script', { exact: true }).and(ana.page.locator('textarea'));
	await script.waitFor();

	const id = await sql(`SELECT id FROM webchatt.channels WHERE display_name = 'Vases'`);
	const keyOf = () => sql(`SELECT public_key FROM webchatt.channels WHERE id = '${id}'`);
	const old = await keyOf();
	is(await ana.page.getByLabel('Application channel ID', { exact: true }).inputValue(), id, 'the channel ID is shown');
	is(await ana.page.getByLabel('Public key', { exact: true }).inputValue(), old, 'and the key');
	is(await script.inputValue(), await sql(`SELECT webchatt.widget_script('${id}')`), 'and the script, as SQL gives it');
	await ana.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
	await ana.page.getByRole('button', { name: 'Copy: Public key' }).click();
	await comes(() => ana.page.evaluate(() => navigator.clipboard.readText()), 'Copy copies', old);

	const context = await newContext();
	const widget = await Widget.visit(context, site, { key: old }, line);
	await widget.open();
	await ana.page.getByRole('button', { name: 'Regenerate public key…' }).click();
	like(await ana.page.getByRole('dialog').innerText(), /cut off at once/, 'a new key: what it cuts off is said first');
	await ana.page.getByRole('button', { name: 'Cancel' }).click();
	is(await keyOf(), old, 'Cancel leaves the key');
	await ana.page.getByRole('button', { name: 'Regenerate public key…' }).click();
	await ana.page.getByRole('button', { name: 'Regenerate, cut off the old key' }).click();
	await comes(() => keyOf().then(key => key !== old), 'a new key is made', true);
	await comes(async () => await script.inputValue() === await sql(`SELECT webchatt.widget_script('${id}')`), 'the page has the new script');
	await comes(() => widget.state(), 'and the old widget is cut off', 'gone');

	await ana.page.getByLabel('Display name').fill('Vases & bowls');
	await ana.page.getByRole('button', { name: 'Save', exact: true }).click();
	await comes(() => sql(`SELECT display_name FROM webchatt.channels WHERE id = '${id}'`), 'the name can be changed', 'Vases & bowls');
	is(ana.errors, [], 'no errors on the page');
	await Promise.all([context.close(), ana.close()]);
});

test('agents', async () => {
	const ana = await DeskPage.signedIn('ana');
	await ana.go('Agents');
	await ana.page.getByRole('link', { name: 'Add agent' }).click();
	await ana.page.getByLabel('Display name').fill('Zé Ninguém');
	is(await ana.page.getByLabel('Name', { exact: true }).inputValue(), 'ze.ninguem', 'a name for the database is proposed');
	await ana.page.getByLabel('Picture').fill('http://pictures.invalid/ze.png');
	await ana.page.getByRole('button', { name: 'Create' }).click();
	await comes(() => ana.page.getByRole('alert').allInnerTexts().then(all => /avatar's URL is not usable/.test(all.join())), 'a picture without https is refused', true);
	await ana.page.getByLabel('Picture').fill('https://pictures.invalid/ze.png');
	await ana.page.getByRole('button', { name: 'Create' }).click();
	const link = await ana.page.getByRole('dialog').getByRole('textbox').inputValue();
	await ana.page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
	const ze = new DeskPage(await (await newContext()).newPage());
	await ze.page.goto(link);
	await ze.page.locator('nav.pages').waitFor();
	ok(true, 'the link that is shown works');

	is(await ze.page.locator('nav.pages a > span:not(.badge)').allInnerTexts(), ['Inbox', 'Search', 'Answers', 'You'], 'an agent sees no admin\'s pages');
	await ze.page.goto(`${deskUrl}/desk/#/channels`);
	await comes(() => ze.page.getByText('Only admins may see this page.').count(), 'also not by their address', 1);
	is((await ze.call('create_channel', { displayName: 'x', origins: [site.origin] }))[0], 403, 'nor their functions by hand');
	is((await ze.call('list_agents'))[0], 403, 'none of them');
	is((await ze.call('me', {}, {}))[0], 403, 'a call without the header that a form cannot send is refused');

	await ana.page.getByRole('button', { name: 'Disable Zé Ninguém' }).click();
	await ana.page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
	await comes(() => ana.page.getByText('disabled', { exact: true }).count(), 'an agent is disabled', 1);
	is((await ze.call('inbox', { filter: 'open' }))[0], 401, 'and their session with them');
	await comes(() => ze.page.getByRole('heading').allInnerTexts(), 'the page says so by itself', ['You are not signed in']);
	await Promise.all([ana.close(), ze.close()]);
});

test('what a visitor may say', async () => {
	const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
	const { channel, widget, context } = await visitor(`${evil} javascript:alert(3) https://example.com/?a=1&b=<b>`, '<b>Channel</b>');
	const id = await theVisitor(channel);
	await sql(`UPDATE webchatt.visitors SET attributes = jsonb_build_object('name', '<i>${evil}</i>', 'page', 'javascript:alert(4)', '<u>key</u>', '${evil}', 'nested', '{"constructor": 1}'::jsonb)
		WHERE channel_id = '${channel.id}'`);
	await send(channel, { type: 'interactive', interactive: { type: 'button', header: { text: evil }, body: { text: evil }, footer: { text: evil },
		action: { buttons: [{ type: 'reply', reply: { id: 'a', title: '<b>One</b>' } }, { type: 'reply', reply: { id: 'b', title: evil } }] } } }, id);
	await send(channel, { imageUrl: 'javascript:alert(5)', text: evil }, id);
	await send(channel, { documentUrl: 'https://example.com/a.pdf', filename: evil }, id);
	await send(channel, { type: 'interactive', interactive: { type: 'cta_url', body: { text: 'Go' }, action: { parameters: { url: 'javascript:alert(6)', display_text: 'Go' } } } }, id);
	const rui = await DeskPage.signedIn('rui');
	await widget.root.getByRole('button', { name: '<b>One</b>' }).click();
	await rui.open('<b>Channel</b>');
	await comes(() => rui.texts().then(all => all[0]), 'a text is shown as text', `${evil} javascript:alert(3) https://example.com/?a=1&b=<b>`);
	await rui.page.getByRole('button', { name: 'Details' }).click();
	await rui.page.getByText('<u>key</u>').waitFor();
	await comes(() => rui.log.locator('.chosen').innerText(), 'so is the title of a button', '<b>One</b>');
	is(await rui.page.evaluate(() => document.querySelectorAll('#desk img, #desk script, #desk b b, #desk u, #desk i i, #desk [style]').length), 0, 'nothing became an element');
	const links = await rui.page.evaluate(() => Array.from(document.querySelectorAll('#desk a[href]:not([href^="#"])'), a => [a.protocol, a.target, a.rel]));
	ok(links.length >= 2 && links.every(([protocol, target, rel]) => ['https:', 'mailto:', 'tel:', 'http:'].includes(protocol) && target === '_blank' && rel === 'noopener noreferrer'),
		'links are of harmless schemes and tell nothing', JSON.stringify(links));
	is(rui.errors, [], 'nothing ran, and nothing was refused by the page\'s policy');
	await Promise.all([context.close(), rui.close()]);
});

test('a send that was not answered', async () => {
	const { channel, context } = await visitor('Hello?', 'Forks');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Hello?');
	// The first send arrives, its answer does not, and nothing is read meanwhile.
	await rui.page.route('**/desk/api/conversation', route => route.abort());
	await rui.page.route('**/desk/api/send', async route => {
		await route.fetch();
		await route.abort();
	}, { times: 1 });
	await rui.say('Hello!');
	const again = rui.page.getByRole('button', { name: 'Try again' });
	await again.waitFor();
	like(await rui.log.locator('.unsent').innerText(), /Perhaps not sent/, 'what is not known is said to be so');
	await again.click();
	await comes(() => rui.log.locator('.unsent').count(), 'tried again, it is sent', 0);
	await rui.page.unroute('**/desk/api/conversation');
	await comes(() => rui.texts(), 'it is shown once', ['Hello?', 'Hello!']);
	is(await messages(channel).then(all => all.filter(one => one[0] === 'out').length), 1, 'and it is one message');

	await rui.page.route('**/desk/api/send', route => route.fulfill({ status: 400, contentType: 'application/json', body: '{"errorCode":"x","errorMessage":"no such text","hint":"Write another."}' }), { times: 1 });
	await rui.say('refused');
	await comes(() => rui.log.locator('.unsent .trouble span').innerText(), 'a refusal has its reason', 'Not sent: No such text. Write another.');
	await rui.page.getByRole('button', { name: 'Discard' }).click();
	is(await rui.log.locator('.unsent').count(), 0, 'and can be discarded');
	await Promise.all([context.close(), rui.close()]);
});

test('a desk that nobody touches', async () => {
	const rui = await DeskPage.signedIn('rui');
	const said = [];
	rui.page.on('request', request => request.url().includes('/desk/api/') && said.push(request.headers()['x-webchatt-desk']));
	await rui.page.clock.install();
	await rui.page.reload();
	await rui.page.locator('nav.pages').waitFor();
	await comes(() => said.length > 0 && said.every(one => one === '1'), 'whoever opens the page uses it');
	await rui.page.clock.fastForward('06:00');
	said.length = 0;
	await comes(async () => {
		await rui.page.clock.fastForward('01:01');
		return said.length && said[said.length - 1];
	}, 'what the page asks by itself later does not count as use', '2');
	await rui.page.mouse.move(100, 100);
	said.length = 0;
	await rui.page.getByRole('button', { name: 'Closed', exact: true }).click();
	await comes(() => said[0], 'until somebody touches it', '1');
	await rui.close();
});

test('drafts', async () => {
	const { channel, context } = await visitor('A draft?', 'Paper');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('A draft?');
	await rui.field.fill('half a sent');
	await rui.page.reload();
	await comes(() => rui.field.inputValue(), 'a draft survives a reload', 'half a sent');
	await rui.field.press('Shift+Enter');
	is(await rui.field.inputValue(), 'half a sent\n', 'Shift and Enter break the line');
	is([await rui.texts(), await messages(channel).then(all => all.length)], [['A draft?'], 1], 'and send nothing');
	await rui.go('You');
	await rui.page.getByRole('button', { name: 'Sign out' }).click();
	await rui.page.getByText('You are not signed in').waitFor();
	await comes(() => rui.page.evaluate(() => Object.keys(localStorage)), 'signing out leaves nothing in the browser', []);
	await Promise.all([context.close(), rui.close()]);
});

test('a long conversation', async () => {
	const { channel, context } = await visitor('The first', 'Long');
	const id = await theVisitor(channel);
	await sql(`SELECT webchatt.send_message('${channel.id}', '${id}', text => 'number ' || n, author => 'bot') FROM generate_series(1, 130) n`);
	const rui = await DeskPage.signedIn('rui');
	await rui.open('number 130');
	await comes(() => rui.texts().then(all => all.length), 'the latest page is there', 50);
	await rui.log.focus();
	await comes(async () => {
		await rui.page.keyboard.press('Home');
		return rui.texts().then(all => [all.length, all[0]]);
	}, 'scrolling up brings all of it, in order', [131, 'The first']);
	is(new Set(await rui.texts()).size, 131, 'and each once');
	await rui.page.getByRole('button', { name: 'New messages' }).click();
	await comes(() => rui.log.evaluate(log => log.scrollHeight - log.scrollTop - log.clientHeight < 60), 'and a button leads back to the end');
	await Promise.all([context.close(), rui.close()]);
});

test('many conversations', async () => {
	const channel = await makeChannel([site.origin], 'Many');
	await sql(`INSERT INTO webchatt.visitors (channel_id, id) SELECT '${channel.id}', 'many-' || n FROM generate_series(1, 120) n`);
	await sql(`SELECT webchatt.send_message('${channel.id}', 'many-' || n, text => 'letter ' || n, author => 'bot') FROM generate_series(1, 120) n`);
	await comes(() => sql(`SELECT count(*) FROM webchatt.conversations WHERE channel_id = '${channel.id}'`), 'there are many', '120');
	const rui = await DeskPage.signedIn('rui');
	await rui.page.getByRole('combobox', { name: 'Channel' }).selectOption('Many');
	await comes(() => rui.row('letter').count(), 'of one channel, the first page', 50);
	is(await rui.rows.count(), 50, 'and nothing else');
	await comes(async () => {
		await rui.page.getByRole('button', { name: 'More conversations' }).click({ timeout: 1000 }).catch(() => 0);
		return rui.rows.count();
	}, 'and the next ones', 120);
	is(new Set(await rui.rows.evaluateAll(rows => rows.map(row => row.getAttribute('href')))).size, 120, 'each once');
	await sql(`SELECT webchatt.send_message('${channel.id}', 'many-1', text => 'a second letter', author => 'bot')`);
	await comes(() => rui.rows.first().textContent().then(text => text.includes('a second letter')), 'the latest comes to the top by itself', true);
	await rui.page.getByRole('button', { name: 'Mine' }).click();
	await comes(() => rui.page.getByText('Nothing is assigned to you').count(), 'where nothing is, the page says what to do', 1);
	await rui.close();
});

test('what becomes of a message', async () => {
	const { channel, context } = await visitor('I must go', 'Away');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('I must go');
	await context.close();
	await comes(() => sql(`SELECT count(*) FROM webchatt.presence WHERE channel_id = '${channel.id}'`), 'the visitor is gone', '0');
	await rui.say('Are you there?');
	await comes(() => rui.status('Are you there?'), 'a message to somebody who is away is held', 'held');
	await rui.page.getByRole('button', { name: 'Take back' }).click();
	await comes(() => rui.status('Are you there?'), 'and can be taken back', 'cancelled');
	const id = await sql(`SELECT webchatt.send_message('${channel.id}', '${await theVisitor(channel)}', text => 'too late', expires => interval '1 second', author => 'rui')`);
	await comes(() => statusOf(id), 'another one waited too long', 'expired');
	await comes(() => rui.log.locator('.expired .trouble').filter({ hasText: 'Not delivered in time' }).count(), 'which is said', 1);
	await rui.log.locator('.expired').getByRole('button', { name: 'Try again' }).click();
	await comes(() => statusOf(id).then(status => status !== 'expired'), 'and it can be sent again', true);
	await rui.close();
});

test('by keyboard alone', async () => {
	const first = await visitor('Key one', 'Keys');
	const second = await visitor('Key two', 'Keys too');
	const rui = await DeskPage.signedIn('rui');
	await rui.row('Key two').waitFor();
	await rui.page.locator('body').focus();
	await rui.page.keyboard.press('Tab');
	is(await rui.focus(), 'Skip to the page', 'the first stop skips to the page');
	await rui.page.keyboard.press('Enter');
	ok(await rui.tabTo('[data-row]'), 'Tab comes to the list');
	await comes(async () => {
		await rui.page.keyboard.press('ArrowDown');
		return (await rui.focus()).includes('Key one');
	}, 'the arrows go through it', true);
	await rui.page.keyboard.press('Enter');
	await rui.field.waitFor();
	await comes(() => rui.focus(), 'Enter opens, and the focus is where the answer is written', 'Write an answer…');
	await rui.page.keyboard.type('Found it');
	await rui.page.keyboard.press('Enter');
	await comes(() => messages(first.channel).then(all => all.length), 'Enter sends', 2);
	await rui.page.keyboard.press('Escape');
	await comes(async () => (await rui.focus()).includes('Found it'), 'Esc leads back to the conversation in the list', true);
	await rui.row('Key two').focus();
	await rui.page.keyboard.press('Enter');
	await comes(() => rui.texts(), 'another one', ['Key two']);
	await rui.page.keyboard.press('Alt+ArrowUp');
	await comes(() => rui.texts().then(all => all.length > 0 && all[0] !== 'Key two'), 'Alt and an arrow go to the next', true);
	const names = await rui.page.evaluate(() => Array.from(document.querySelectorAll('button, a[href], input:not([hidden]), select, textarea'))
		.filter(element => !(element.getAttribute('aria-label') || element.textContent.trim() || (element.labels && element.labels.length))).map(element => element.outerHTML));
	is(names, [], 'everything that can be used has a name');
	await Promise.all([first.context.close(), second.context.close(), rui.close()]);
});

test('on a phone', async () => {
	const { widget, context } = await visitor('From a phone?', 'Phones');
	const rui = await DeskPage.signedIn('rui', { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, locale: 'en-GB' });
	await rui.row('From a phone?').waitFor();
	ok(!await rui.isTooWide(), 'the list fits');
	ok(!await rui.page.locator('.talk').isVisible(), 'and is alone');
	await rui.row('From a phone?').tap();
	await rui.field.waitFor();
	ok(!await rui.isTooWide(), 'the conversation fits');
	ok(!await rui.rows.first().isVisible(), 'and is alone');
	await rui.field.fill('From the phone');
	await rui.page.getByRole('button', { name: 'Send' }).tap();
	await comes(() => widget.texts().then(all => all[1]), 'an answer comes', 'From the phone');
	await rui.page.getByRole('button', { name: 'Details' }).tap();
	ok(!await rui.isTooWide(), 'details fit');
	await rui.page.getByRole('complementary').getByRole('button', { name: 'Close' }).tap();
	await rui.page.getByRole('complementary').waitFor({ state: 'detached' });
	await rui.page.goBack();
	await comes(() => rui.row('From the phone').isVisible(), 'the browser\'s Back leads to the list', true);
	const ana = await DeskPage.signedIn('ana', { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, locale: 'pt-BR' });
	for (const page of ['channels', 'channels/new', 'agents', 'agents/new', 'account']) {
		await ana.at(page);
		await ana.page.locator('.things, .form').first().waitFor();
		ok(!await ana.isTooWide(), `so does the page ${page}`);
	}
	await Promise.all([context.close(), rui.close(), ana.close()]);
});

for (const colorScheme of ['light', 'dark']) {
	test(`contrast, ${colorScheme}`, async () => {
		const { channel, context } = await visitor('See https://example.com', `Colours ${colorScheme}`);
		const id = await theVisitor(channel);
		await send(channel, { type: 'nothing' }, id);
		await send(channel, { interactive: { type: 'button', body: { text: 'Well?' }, footer: { text: 'foot' }, action: { buttons: [{ reply: { id: 'y', title: 'Yes' } }] } } }, id);
		await send(channel, { documentUrl: 'https://example.com/a', filename: 'a.pdf' }, id);
		const ana = await DeskPage.signedIn('ana', { colorScheme, reducedMotion: 'reduce' });
		const poor = () => ana.page.locator('#desk').evaluate(poorContrast);
		await ana.open(`Colours ${colorScheme}`);
		await comes(() => ana.log.locator('.row').count(), 'messages of some kinds are there', 4);
		await ana.page.getByRole('button', { name: 'Details' }).click();
		is(await poor(), [], 'all text of a conversation has a contrast of at least 4.5');
		for (const page of ['Channels', 'Agents', 'You']) {
			await ana.go(page);
			await ana.page.locator('.things, .block').first().waitFor();
			is(await poor(), [], `and of the page ${page}`);
		}
		await Promise.all([context.close(), ana.close()]);
	});
}

test('Portuguese, dark', async () => {
	const rui = await DeskPage.signedIn('rui', { locale: 'pt-BR', colorScheme: 'dark' });
	await comes(() => rui.page.getByRole('heading').first().innerText(), 'the browser\'s language', 'Entrada');
	is(await rui.page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), ['pt-BR', 'dark'], 'and the system\'s theme');
	await rui.go('Você');
	await rui.page.getByLabel('Idioma').selectOption('en');
	await comes(() => rui.page.getByRole('heading').first().innerText(), 'another one can be chosen', 'You');
	await rui.page.getByLabel('Theme').selectOption('light');
	await rui.page.reload();
	await rui.page.locator('nav.pages').waitFor();
	is(await rui.page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), ['en', 'light'], 'and stays chosen');
	await rui.close();
});

test('a cut line and a restart', async () => {
	const { channel, widget, context } = await visitor('Before', 'Lines');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Before');
	await rui.page.context().setOffline(true);
	await comes(() => rui.page.locator('.bar').innerText(), 'a cut line is said', 'You are offline. What you see may be old.');
	await widget.say('Meanwhile');
	await comes(() => messages(channel).then(all => all.length), 'a message comes', 2);
	await rui.page.context().setOffline(false);
	await comes(() => rui.texts(), 'what was missed is there when the line is back', ['Before', 'Meanwhile']);
	await comes(() => rui.page.locator('.bar').count(), 'and nothing is said any more', 0);

	await rui.field.fill('a draft over a restart');
	restartCluster();
	await comes(() => rui.page.locator('.bar').count(), 'after a restart of the server the desk is back by itself', 0);
	await widget.say('Afterwards');
	await comes(() => rui.texts().then(all => all[2]), 'signed in as before, and live', 'Afterwards');
	is(await rui.field.inputValue(), 'a draft over a restart', 'with the draft');
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([context.close(), rui.close()]);
});

run(tidy);
