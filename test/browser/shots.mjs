// Pictures of every state of the widget, in more looks than the tests walk through, and of the desk where a message is taken
// back: to be looked at.  `make shots` makes them, into build/shots; SHOTS is the folder that they go to.
import { mkdirSync } from 'node:fs';
import { DeskPage, makeAgent } from './desk_page.mjs';
import { comes, ok, run, test } from './harness.mjs';
import { around, conversation, failures, line, LOOKS, MORE_LOOKS, site } from './states.mjs';
import { makeChannel, newContext, send, theVisitor, tidy, Widget } from './world.mjs';

const folder = process.env.SHOTS;
mkdirSync(folder, { recursive: true });
let count = 0;

async function shoot(page, name) {
	count++;
	await page.screenshot({ path: `${folder}/${name.replace(/[^\w]+/g, '-')}.png` });
}

for (const [look, options] of Object.entries({ ...LOOKS, ...MORE_LOOKS })) {
	for (const walk of [conversation, around, failures])
		test(`${look}: ${walk.name}`, () => walk(options, (page, state) => shoot(page, `${look} ${walk.name} ${String(++options.n || (options.n = 1)).padStart(2, '0')} ${state}`)));
}

test('the desk takes a message back', async () => {
	await makeAgent('shots', 'Ana Sousa', 'admin');
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('Where is order A-1?');
	await comes(() => widget.mark('Where is order A-1?'), 'a visitor writes', 'sent');
	await send(channel, { text: 'A mistake' }, await theVisitor(channel));
	for (const [look, { context: options }] of Object.entries(LOOKS)) {
		const desk = await DeskPage.signedIn('shots', { ...options, reducedMotion: 'reduce' });
		await desk.open('A mistake');
		await desk.log.getByRole('button', { name: 'Take back' }).waitFor();
		await shoot(desk.page, `${look} desk before taking back`);
		await desk.log.getByRole('button', { name: 'Take back' }).click();
		await desk.page.getByRole('dialog').waitFor();
		await shoot(desk.page, `${look} desk taking back`);
		if (look === 'phone') {
			await desk.page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
			await comes(() => desk.status('A mistake'), 'it is taken back', 'retracted');
			await shoot(desk.page, `${look} desk taken back`);
		}
		await desk.close();
	}
	await context.close();
});

await run(async () => {
	ok(process.env.BROWSER_TEST || count > 60, `${count} pictures in ${folder}`);
	await tidy();
});
