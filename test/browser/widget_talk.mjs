// What the open panel has around the conversation, as it is configured.
// SHOTS=directory keeps pictures of it.
import { readFileSync } from 'node:fs';
import { poorContrast } from './contrast.mjs';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, rows, send, sql, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

// Frames that the hub does not send, and those that the widget sends.
async function tap(page) {
	const tapped = { sent: [] };
	await page.routeWebSocket(/ws/, socket => {
		const server = socket.connectToServer();
		socket.onMessage(text => {
			const frame = JSON.parse(text);
			tapped.sent.push(frame);
			if (frame.type !== 'rating')
				server.send(text);
		});
		server.onMessage(text => socket.send(text));
		tapped.say = frame => socket.send(JSON.stringify(frame));
	});
	return tapped;
}

async function visiting(config, { context = {}, query = {}, open = true } = {}) {
	const channel = await makeChannel([site.origin]);
	const browser = await newContext(context);
	const page = await browser.newPage();
	const tapped = await tap(page);
	const widget = new Widget(page);
	const visit = () => page.goto(`${site.origin}/?${new URLSearchParams({ config: JSON.stringify({ webChatId: channel.key, endpoint: line.url, ...config }), ...query })}`);
	await visit();
	await widget.launcher.waitFor();
	if (open) {
		await widget.launcher.click();
		await widget.panel.waitFor();
	}
	return { channel, context: browser, page, widget, tapped, visit, shot: name => process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png` }) : null };
}

const bad = async widget => {
	is(await widget.root.evaluate(poorContrast), [], 'what is written can be read');
	is(widget.errors, [], 'without an error');
};

const QUESTIONS = [{ name: 'name', label: 'Your name', required: true }, { name: 'email', label: 'Your e-mail', type: 'email', required: true }, { name: 'order', label: 'Order' }];

test('questions before the first message', async () => {
	const { channel, context, page, widget, visit, shot } = await visiting({ questions: QUESTIONS, chips: ['Hi'], greeting: 'Good day!' });
	const { root } = widget;
	await root.getByLabel('Your name').waitFor();
	is([await widget.state(), await root.getByLabel('Write a message').isVisible(), await root.getByRole('button', { name: 'Hi', exact: true }).count()], ['idle', false, 0], 'come first, and nobody is a visitor yet');
	await comes(() => root.getByLabel('Your name').evaluate(input => input.getRootNode().activeElement === input), 'the focus is in the first');
	await shot('questions');
	await root.getByLabel('Your e-mail').fill('nobody');
	await root.getByRole('button', { name: 'Start the chat' }).click();
	is(await root.locator('.asked .wrong').allTextContents(), ['Please fill this in.', 'This is no e-mail address.', ''], 'what is wrong is said');
	is(await root.getByLabel('Your name').evaluate(input => [input.getRootNode().activeElement === input, input.getAttribute('aria-invalid')]), [true, 'true'], 'at its field, which gets the focus');
	await shot('questions-wrong');
	await bad(widget);
	await visit();
	await page.evaluate(() => window.Chatt2me.open());
	await root.getByLabel('Your name').fill('  Ana <b>Lima</b> ');
	await root.getByLabel('Your e-mail').fill('ana@example.com');
	await root.getByLabel('Your e-mail').press('Enter');
	await root.getByLabel('Write a message').waitFor();
	is(await root.locator('.questions').count(), 0, 'they are gone when they are answered');
	await widget.say('Hello');
	await comes(() => messages(channel).then(all => all.length), 'one can write', 1);
	is(await sql(`SELECT attributes ->> 'name', attributes ->> 'email', attributes ? 'order' FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'Ana <b>Lima</b>|ana@example.com|f', 'the answers are the visitor\'s attributes');
	await visit();
	await page.evaluate(() => window.Chatt2me.open());
	await root.getByLabel('Write a message').waitFor();
	await comes(() => widget.texts(), 'they are asked once', ['Hello']);
	is(await root.locator('.questions').count(), 0, 'of each');
	await page.evaluate(() => window.Chatt2me.reset());
	await widget.launcher.click();
	await root.getByLabel('Your name').waitFor();
	is(await root.getByLabel('Your name').inputValue(), '', 'and of who comes after a log-out');
	await context.close();
});

test('texts to begin with', async () => {
	const { channel, context, widget, shot } = await visiting({ chips: ['Where is my order?', 'Prices', '<img src=x onerror=alert(1)>', 7, '', null, 'A text that is longer than a phone is wide, which has to go on in the next line'] });
	const chips = widget.root.getByRole('group', { name: 'Suggestions' });
	await chips.waitFor();
	is((await chips.getByRole('button').allTextContents()).length, 4, 'are shown, as texts');
	await shot('chips');
	await bad(widget);
	await chips.getByRole('button', { name: 'Prices' }).click();
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'a tap sends one', ['Prices']);
	ok(await chips.isHidden(), 'and they have had their time');
	ok(await widget.field.evaluate(field => field.getRootNode().activeElement === field), 'one can go on writing');
	await send(channel, { interactive: { type: 'button', body: { text: 'Which?' }, action: { buttons: ['Tea', 'Coffee', 'Neither of them'].map(title => ({ reply: { id: title, title } })) } } });
	await widget.root.getByRole('button', { name: 'Coffee' }).waitFor();
	const [a, b] = await Promise.all(['Tea', 'Coffee'].map(name => widget.root.getByRole('button', { name }).boundingBox()));
	is(a.y, b.y, 'short answers of a message stand beside each other');
	await shot('quick');
	await widget.root.getByRole('button', { name: 'Coffee' }).click();
	await comes(() => messages(channel).then(all => all.length && all[all.length - 1][2]), 'and answer', 'Coffee');
	await shot('quick-chosen');
	await bad(widget);
	await context.close();
});

test('hours', async () => {
	const at = (timeZone, more) => ({ timeZone, weekdays: Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri'].map(day => [day, [['09:00', '12:00'], ['13:00', '24:00']]])), text: 'Back at nine.', ...more });
	const says = async (time, hours) => {
		const { context, page, widget } = await visiting({ hours }, { open: false });
		await page.clock.setFixedTime(new Date(time));
		await widget.launcher.click();
		await widget.panel.waitFor();
		const text = await widget.root.locator('.notes').innerText();
		is(widget.errors, [], 'without an error');
		await context.close();
		return text;
	};
	// The browser is in Lisbon.
	is(await says('2026-12-01T08:30:00Z', at('Europe/Lisbon')), 'Back at nine.', 'a Tuesday, before nine');
	is(await says('2026-12-01T08:30:00Z', at('Europe/Berlin')), '', 'which is half past nine in Berlin');
	is(await says('2026-12-01T12:30:00Z', at('Europe/Lisbon')), 'Back at nine.', 'at noon');
	is(await says('2026-12-01T23:59:00Z', at('Europe/Lisbon')), '', 'to the end of the day');
	is(await says('2026-12-05T10:00:00Z', at('Europe/Lisbon', { text: undefined })), 'We are away at the moment. Leave a message, and we answer when we are back.', 'a Saturday');
	is(await says('2026-12-25T10:00:00Z', at('Europe/Lisbon', { holidays: ['2026-12-25'] })), 'Back at nine.', 'a holiday');
	is(await says('2026-12-05T10:00:00Z', at('Mars/Olympus')), '', 'a zone that there is not closes nothing');
});

test('the looks', async () => {
	for (const [accent, on, link] of [['#ffd400', 'rgb(0, 0, 0)', true], ['#003366', 'rgb(255, 255, 255)', false], ['#888888', 'rgb(0, 0, 0)', true]]) {
		const { channel, context, widget, shot } = await visiting({ colors: { accent }, logo: 'https://logo.example/a.png' }, { query: { lax: '1' } });
		await widget.say('Hello');
		await until(() => theVisitor(channel));
		await send(channel, { text: 'See https://example.com' });
		await comes(() => widget.texts().then(all => all.length), 'a conversation', 2);
		is(await widget.root.locator('header').evaluate(header => getComputedStyle(header).color), on, `on ${accent} the text is what can be read`);
		await bad(widget);
		await comes(() => widget.root.locator('header .avatar img').count(), 'a logo that does not load leaves the letter', 0);
		is(await widget.root.evaluate(host => host.style.getPropertyValue('--webchatt-link') !== ''), link, 'and so are links');
		await shot(`accent-${accent.slice(1)}`);
		await context.close();
	}
	const { context, page, widget, visit, shot } = await visiting({ logo: 'https://logo.example/a.svg' }, { query: { lax: '1' }, open: false });
	await page.route('https://logo.example/**', route => route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="15" fill="red"/></svg>' }));
	await visit();
	await page.evaluate(() => window.Chatt2me.open());
	await comes(() => widget.root.locator('header .avatar img').evaluate(image => image.naturalWidth > 0), 'one that does is shown');
	await shot('logo');
	await context.close();
});

test('emoji', async () => {
	const { channel, context, page, widget, shot } = await visiting({});
	await widget.field.fill('ab');
	await widget.field.evaluate(field => field.setSelectionRange(1, 1));
	const button = widget.root.getByRole('button', { name: 'Emoji' });
	await button.click();
	await widget.root.getByRole('group', { name: 'Emoji' }).waitFor();
	await shot('emoji');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Enter');
	await comes(() => widget.field.inputValue(), 'one is put where the caret was, by keyboard', 'a😄b');
	await comes(() => button.getAttribute('aria-expanded'), 'and the picker is closed', 'false');
	await page.keyboard.press('Enter');
	await comes(() => messages(channel).then(all => all.map(row => row[2])), 'it is sent', ['a😄b']);
	await button.click();
	await page.keyboard.press('Escape');
	ok(await widget.root.locator('.emojis').isHidden() && await widget.panel.isVisible(), 'Esc closes the picker only');
	await button.click();
	await widget.root.getByRole('heading').click();
	ok(await widget.root.locator('.emojis').isHidden(), 'so does a click elsewhere');
	await bad(widget);
	await context.close();
	const off = await visiting({ emoji: false, transcript: false });
	await off.widget.say('x');
	await comes(() => off.widget.mark('x'), 'a message', 'sent');
	is([await off.widget.root.getByRole('button', { name: 'Emoji' }).count(), await off.widget.root.getByRole('button', { name: 'Download' }).count()], [0, 0], 'what is switched off is not there');
	await off.context.close();
});

test('the conversation as a file', async () => {
	const { channel, context, page, widget, shot } = await visiting({ title: 'Tea / & Co.' });
	ok(await widget.root.getByRole('button', { name: 'Download the conversation' }).isHidden(), 'an empty one is none');
	await widget.say('first');
	const visitor = await until(() => theVisitor(channel));
	// More than is here.
	await sql(`DO $$ BEGIN FOR n IN 1..130 LOOP PERFORM webchatt.send_message('${channel.id}', '${visitor}', text => 'line ' || n); END LOOP; END $$`);
	await comes(() => widget.texts().then(all => all[all.length - 1]), 'many messages', 'line 130');
	await page.reload();
	await widget.open();
	await widget.root.getByRole('button', { name: 'Download the conversation' }).waitFor();
	await shot('transcript');
	const [download] = await Promise.all([page.waitForEvent('download'), widget.root.getByRole('button', { name: 'Download the conversation' }).click()]);
	is(download.suggestedFilename(), 'Tea-Co-.txt', 'has the name of the chat');
	const lines = readFileSync(await download.path(), 'utf8').replace(/^\ufeff/, '').trim().split('\r\n');
	is([lines.length, lines[0].replace(/^\[.*?\] /, ''), lines[130].replace(/^\[.*?\] /, '')], [131, 'You: first', 'Tea / & Co.: line 130'], 'and all of it');
	await bad(widget);
	await context.close();
});

test('closed, and how it was', async () => {
	const { channel, context, widget, tapped, shot } = await visiting({ rating: true });
	await widget.say('Thanks');
	await comes(() => widget.mark('Thanks'), 'a conversation', 'sent');
	tapped.say({ type: 'conversation', state: 'closed' });
	const rating = widget.root.locator('.rating');
	await rating.waitFor();
	is(await widget.root.locator('.notes').innerText(), 'This conversation is closed. Write to go on with it.', 'that it is closed is said');
	await shot('rating');
	await rating.getByRole('button', { name: '4 stars' }).click();
	is(await rating.getByRole('button', { name: '4 stars' }).getAttribute('aria-pressed'), 'true', 'four of five');
	await rating.getByRole('textbox').fill('Quick!');
	await shot('rating-comment');
	await bad(widget);
	await rating.getByRole('button', { name: 'Send' }).click();
	await comes(() => tapped.sent.filter(frame => frame.type === 'rating'), 'is told', [{ type: 'rating', value: 4, comment: 'Quick!' }]);
	await comes(() => rating.count(), 'and thanked for', 0);
	tapped.say({ type: 'conversation', state: 'closed' });
	const modules = [];
	widget.page.on('request', request => /\/rating-/.test(request.url()) && modules.push(request.url()));
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.texts(), 'after a reload', ['Thanks']);
	tapped.say({ type: 'conversation', state: 'closed' });
	await comes(() => widget.root.locator('.notes').innerText(), 'it is closed again', 'This conversation is closed. Write to go on with it.');
	is([await rating.count(), modules], [0, []], 'and asked once');
	await widget.say('One more');
	tapped.say({ type: 'conversation', state: 'open' });
	await comes(() => widget.root.locator('.notes').innerText(), 'until it goes on', '');
	tapped.say({ type: 'conversation', state: 'closed' });
	await rating.waitFor();
	await rating.getByRole('button', { name: 'Skip' }).click();
	await comes(() => rating.count(), 'the next time one can leave it out', 0);
	is((await rows(`SELECT 1 FROM webchatt.messages WHERE channel_id = '${channel.id}'`)).length, 2, 'nothing of it is a message');
	await bad(widget);
	await context.close();
});

const WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
const tooWide = root => root.evaluate(host => [...host.shadowRoot.querySelectorAll('.panel, .panel *')]
	.filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'visible' && getComputedStyle(one).display !== 'inline').map(one => one.className));

for (const [name, context, query] of [['dark', { colorScheme: 'dark' }, {}], ['on a phone', { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true }, {}], ['right to left', { viewport: { width: 360, height: 640 } }, { lang: 'ar', dir: 'rtl' }]]) {
	test(`all of it ${name}`, async () => {
		const { context: browser, page, widget, tapped, shot } = await visiting({
			rating: true, questions: [{ ...QUESTIONS[0], label: WORD }], chips: ['Where is my order?', 'Prices', WORD], greeting: `Good day! ${WORD}`, hours: { timeZone: 'UTC', weekdays: {}, text: WORD }
		}, { context, query });
		const { root } = widget;
		await root.locator('.questions input').waitFor();
		await root.locator('.questions button').click();
		await shot(`${name}-questions`);
		await bad(widget);
		is(await tooWide(root), [], 'no word is too long for its place');
		await root.locator('.questions input').fill('Ana');
		await root.locator('.questions button').click();
		await root.locator('.chips button').first().waitFor();
		await shot(`${name}-chips`);
		await bad(widget);
		await root.locator('.chips button').first().click();
		await comes(() => widget.shown().then(all => all[0] && all[0][2]), 'a message is sent', 'sent');
		tapped.say({ type: 'conversation', state: 'closed' });
		await root.locator('.stars button').nth(2).click();
		await shot(`${name}-rating`);
		await bad(widget);
		is(await tooWide(root), [], 'nothing is wider than its place');
		is(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'nor than the screen');
		await browser.close();
	});
}

await run(tidy);
