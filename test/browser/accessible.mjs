// Everybody can use it, as far as a machine can tell: axe-core finds nothing in any state of the widget, nor on a page of the desk.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DeskPage, makeAgent } from './desk_page.mjs';
import { comes, is, run, test, until } from './harness.mjs';
import { around, CONTENTS, conversation, failures, line, LOOKS, site } from './states.mjs';
import { makeChannel, newContext, send, sql, theVisitor, tidy, Widget } from './world.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe-core finds in what a selector finds; by all rules, or only by these.
async function violations(page, selector, rules) {
	if (!await page.evaluate(() => !!window.axe))
		await page.evaluate(AXE);
	const found = await page.evaluate(([what, only]) => window.axe.run({ include: [what] }, { resultTypes: ['violations'], ...only && { runOnly: only } })
		.then(result => result.violations), [selector, rules]);
	return found.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(' ')} ${node.failureSummary.split('\n').slice(1).join(';')}`));
}

// Light, and then dark on the same page: nothing but colours differs, so the rules about those are enough.
async function clean(page, selector, look, state) {
	is(await violations(page, selector), [], `${look}: ${state}`);
	if (look !== 'light')
		return;
	await page.emulateMedia({ colorScheme: 'dark' });
	await page.locator(`${selector}[data-theme=dark]`).waitFor({ state: 'attached' });
	is(await violations(page, selector, ['color-contrast', 'link-in-text-block']), [], `dark: ${state}`);
	await page.emulateMedia({ colorScheme: 'light' });
	await page.locator(`${selector}[data-theme=light]`).waitFor({ state: 'attached' });
}

const { dark, ...WALKED } = LOOKS;

// --- the widget ------------------------------------------------------------

const WIDGET = '#chatt2me-widget';

for (const [look, options] of Object.entries(WALKED)) {
	for (const [name, walk] of [['a conversation', conversation], ['what is around it', around], ['failures', failures]])
		test(`the widget, ${look}: ${name}`, () => walk(options, (page, state) => clean(page, WIDGET, look, state)));
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
	for (const [look, { context: options }] of Object.entries(WALKED)) {
		const ana = await DeskPage.signedIn('ana', { ...options, reducedMotion: 'reduce' });
		for (const name of PAGES) {
			await ana.at(name);
			await ana.page.waitForLoadState('networkidle');
			await ana.page.locator('h1').first().waitFor();
			await clean(ana.page, 'html', look, `desk: ${name}`);
		}
		await ana.page.goto(`${process.env.DESK_URL}/desk/#/inbox`);
		await ana.page.locator('[data-row]').first().click();
		await ana.field.waitFor();
		await until(async () => await ana.log.locator('.row').count() > CONTENTS.length / 2);
		await clean(ana.page, 'html', look, 'desk: a conversation');
		await ana.page.context().setOffline(true);
		await ana.page.locator('.answer input[type=file]').setInputFiles([
			{ name: 'shoe.png', mimeType: 'image/png', buffer: await ana.page.screenshot() }, { name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
		await comes(() => ana.page.locator('.uploads').innerText().then(words => words.includes('Waiting')), 'files wait for the line');
		await clean(ana.page, 'html', look, 'desk: files on their way');
		await ana.close();
	}
	const stranger = await newContext();
	const page = await stranger.newPage();
	await page.goto(`${process.env.DESK_URL}/desk/`);
	await page.locator('h1').first().waitFor();
	await clean(page, 'html', 'light', 'desk: who is not signed in');
	await stranger.close();
	await context.close();
});

await run(tidy);
