// Everybody can use it, as far as a machine can tell: axe-core finds nothing in any state of the widget, nor on a page of the desk.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DeskPage, makeAgent } from './desk_page.mjs';
import { comes, is, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, send, sql, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// Where pictures of each state are wanted: a folder.
const PICTURES = process.env.BROWSER_PICTURES;

// What axe-core finds in what a selector finds.
async function violations(page, selector, state) {
	if (PICTURES)
		await page.screenshot({ path: `${PICTURES}/${state.replace(/\W+/g, '_')}.png` });
	if (!await page.evaluate(() => !!window.axe))
		await page.evaluate(AXE);
	const found = await page.evaluate(what => window.axe.run({ include: [what] }, { resultTypes: ['violations'] }).then(result => result.violations), selector);
	return found.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(' ')} ${node.failureSummary.split('\n').slice(1).join(';')}`));
}

const clean = async (page, selector, state) => is(await violations(page, selector, state), [], state);

// --- the widget ------------------------------------------------------------

const WIDGET = '#chatt2me-widget';
// Nothing moves: a colour that is half there has less contrast.
const LOOKS = { light: {}, dark: { colorScheme: 'dark' }, phone: { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true } };

const CONTENTS = [
	{ text: 'A link: https://example.com/a_(b), and ana@example.com' },
	{ text: '\u{1F375}' },
	{ imageUrl: '/missing.png', text: 'a picture that is missing' },
	{ documentUrl: 'https://example.com/a', filename: 'Invoice.pdf', text: 'The invoice' },
	{ audioUrl: 'https://example.com/a.ogg' },
	{ videoUrl: 'https://example.com/a.webm', text: 'a film' },
	{ type: 'location', location: { latitude: 38.71, longitude: -9.14, name: 'The shop', address: 'Rua 1' } },
	{ contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+351 21 000' }], emails: [{ email: 'ana@example.com' }] }] },
	{ reply: { message_id: 'x', text: 'what was said' }, text: 'an answer to it' },
	{ type: 'nothing' },
	{ interactive: { type: 'button', header: { type: 'text', text: 'Head' }, body: { text: 'Well?' }, footer: { text: 'foot' },
		action: { buttons: [{ reply: { id: 'y', title: 'Yes' } }, { reply: { id: 'n', title: 'No' } }] } } },
	{ interactive: { type: 'list', body: { text: 'When?' }, action: { button: 'Days', sections: [{ title: 'This week',
		rows: [{ id: 'thu', title: 'Thursday', description: 'until six' }, { id: 'fri', title: 'Friday' }] }] } } },
	{ interactive: { type: 'cta_url', body: { text: 'Or here' }, action: { parameters: { url: 'https://example.com', display_text: 'The site' } } } }
];

for (const [look, options] of Object.entries(LOOKS)) {
	test(`the widget, ${look}`, async () => {
		line.open();
		const channel = await makeChannel([site.origin]);
		const context = await newContext({ ...options, reducedMotion: 'reduce' });
		const widget = await Widget.visit(context, site, channel, line, { query: { lax: '1' }, config: { greeting: 'Good day!', files: { maxSize: 1048576, types: ['image/*', 'text/plain'] } } });
		const { page } = widget;
		const check = state => clean(page, WIDGET, `${look}: ${state}`);
		await check('closed');
		await widget.open();
		await check('open and empty');
		await widget.say('Hello');
		await comes(() => widget.mark('Hello'), 'somebody writes', 'sent');
		const visitor = await theVisitor(channel);
		for (const content of CONTENTS)
			await send(channel, content.imageUrl ? { ...content, imageUrl: site.origin + content.imageUrl } : content, visitor);
		await comes(() => widget.shown().then(all => all.length), 'every kind of content comes', CONTENTS.length + 1);
		await sql(`SELECT webchatt.mark_read('${channel.id}', '${visitor}')`);
		await comes(() => widget.mark('Hello'), 'and is read', 'read');
		await check('every kind of content');
		const log = widget.root.locator('.log');
		await log.evaluate(list => {
			list.scrollTop = 0;
		});
		await check('scrolled up');
		await widget.root.getByText('Days', { exact: true }).click();
		await check('a list that is unfolded');
		await widget.root.getByRole('button', { name: 'Yes' }).click();
		await comes(() => messages(channel).then(all => all.filter(row => row[0] === 'in').length), 'a button is pressed', 2);
		await sql(`SELECT webchatt.send_typing('${channel.id}', '${visitor}')`);
		await check('a button that was pressed, somebody types');
		await widget.say('\u2060');
		await comes(() => widget.root.locator('.trouble:visible').count(), 'a message is refused', 1);
		await widget.field.fill('x'.repeat(40000));
		await widget.field.press('Enter');
		await check('a message that was refused, one that is too long');
		await widget.field.fill('');
		line.cut();
		await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
		await widget.say('later');
		await widget.root.locator('input[type=file]').setInputFiles([
			{ name: 'shoe.png', mimeType: 'image/png', buffer: await page.screenshot() }, { name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
		await comes(() => widget.root.locator('.uploads').innerText().then(words => words.includes('Waiting')), 'files wait for it');
		await check('reconnecting, files that wait and that are refused');
		for (let left = 2; left > 0; left--)
			await widget.root.locator('.uploads').getByRole('button', { name: 'Cancel' }).first().click();
		await context.setOffline(true);
		await comes(() => widget.words(), 'the network is away', 'You are offline. Messages are sent when you are back.');
		await check('offline');
		await context.setOffline(false);
		await page.evaluate(() => window.Chatt2me.close());
		line.open();
		await until(async () => await widget.state() === 'open');
		await send(channel, { text: 'unread' }, visitor);
		await comes(() => widget.badge(), 'one is unread', '1');
		await check('closed, with a badge');
		await page.evaluate(() => window.Chatt2me.open());
		await sql(`SELECT webchatt.regenerate_public_key('${channel.id}')`);
		await comes(() => widget.words(), 'the key is not valid any more', 'This chat is not available.');
		await check('gone');
		await context.close();

		line.cut();
		const cut = await newContext({ ...options, reducedMotion: 'reduce' });
		const other = await Widget.visit(cut, site, channel, line, { query: { lang: 'ar', dir: 'rtl' } });
		await other.open(false);
		await comes(() => other.words(), 'without a line', 'تعذّر الاتصال. إعادة المحاولة');
		await other.say('مرحبا');
		await clean(other.page, WIDGET, `${look}: failed, right to left`);
		await cut.close();
		line.open();
	});
}

// --- the desk --------------------------------------------------------------

const PAGES = ['inbox', 'search', 'channels', 'agents', 'more', 'answers', 'webhooks', 'keys', 'hubs', 'rejects', 'status', 'settings', 'account'];

test('the desk', async () => {
	await makeAgent('ana', 'Ana Sousa', 'admin');
	await makeAgent('rui', 'Rui Dias');
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('Where is order A-1?');
	await comes(() => widget.mark('Where is order A-1?'), 'a visitor writes', 'sent');
	const visitor = await theVisitor(channel);
	for (const content of CONTENTS.filter(one => !one.imageUrl))
		await send(channel, content, visitor);
	await sql(`SELECT webchatt.create_api_key('shop')`);
	await sql(`SELECT webchatt.connect_hub('key', 'https://127.0.0.1:1', 'there')`);
	await sql(`SELECT webchatt.create_webhook('shop', 'https://example.com/hook', 'Message')`);
	for (const [look, options] of Object.entries(LOOKS)) {
		const ana = await DeskPage.signedIn('ana', { ...options, reducedMotion: 'reduce' });
		for (const name of PAGES) {
			await ana.page.goto(`${process.env.DESK_URL}/desk/#/${name}`);
			await ana.page.locator('nav.pages').waitFor();
			await ana.page.waitForLoadState('networkidle');
			await ana.page.locator('h1').first().waitFor();
			await clean(ana.page, 'html', `desk, ${look}: ${name}`);
		}
		await ana.page.goto(`${process.env.DESK_URL}/desk/#/inbox`);
		await ana.page.locator('[data-row]').first().click();
		await ana.field.waitFor();
		await until(async () => await ana.log.locator('.row').count() > CONTENTS.length / 2);
		await clean(ana.page, 'html', `desk, ${look}: a conversation`);
		await ana.page.context().setOffline(true);
		await ana.page.locator('.answer input[type=file]').setInputFiles([
			{ name: 'shoe.png', mimeType: 'image/png', buffer: await ana.page.screenshot() }, { name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
		await comes(() => ana.page.locator('.uploads').innerText().then(words => words.includes('Waiting')), 'files wait for the line');
		await clean(ana.page, 'html', `desk, ${look}: files on their way`);
		await ana.close();
	}
	const stranger = await newContext();
	const page = await stranger.newPage();
	await page.goto(`${process.env.DESK_URL}/desk/`);
	await page.locator('h1').first().waitFor();
	await clean(page, 'html', 'desk: who is not signed in');
	await stranger.close();
	await context.close();
});

await run(tidy);
