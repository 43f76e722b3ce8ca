// What those who answer have beside a text: notes to colleagues, canned answers, forms, notifications, what is unread.
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, send, sql, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const HOSTILE = '<img src=x onerror=alert(1)>"\'&lt;b&gt;</script>';

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
// Who was made is told to webchatt-net by the worker.
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

// A visitor of a new channel who has written something.
async function visitor(text, name, more = {}) {
	const channel = await makeChannel([site.origin], name);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, more);
	await widget.open();
	await widget.say(text);
	await comes(() => messages(channel).then(all => all.length), 'a visitor wrote', 1);
	return { channel, widget, context };
}

const mode = (desk, name) => desk.page.getByRole('group', { name: 'What is written' }).getByRole('button', { name }).click();
const notes = desk => desk.log.locator('[data-note] .text').allInnerTexts();
const order = desk => desk.log.evaluate(log => Array.from(log.querySelectorAll('.row .text'), text => text.textContent));

test('notes to colleagues', async () => {
	const { channel, widget, context } = await visitor('Where is my order?', 'Parcels');
	const ana = await DeskPage.signedIn('ana');
	const rui = await DeskPage.signedIn('rui');
	await ana.open('Where is my order');
	await rui.open('Where is my order');
	await rui.field.fill('A draft of an answer');
	await mode(rui, 'Note');
	const field = rui.page.getByRole('textbox', { name: 'Write a note to colleagues…' });
	await comes(() => field.inputValue(), 'a note does not begin with what was to be an answer', '');
	is(await rui.page.getByRole('button', { name: 'Send' }).count(), 0, 'and there is nothing that sends');
	await field.fill(`Lost by the carrier. ${HOSTILE}`);
	await field.press('Enter');
	await comes(() => notes(rui), 'it is in the log', [`Lost by the carrier. ${HOSTILE}`]);
	await comes(() => notes(ana), 'also of a colleague, by itself', [`Lost by the carrier. ${HOSTILE}`]);
	like(await ana.log.locator('[data-note]').innerText(), /^Note\s*Rui Dias/, 'as a note, and whose');
	is(await field.inputValue(), '', 'and the field is empty');
	await mode(rui, 'Answer');
	await comes(() => rui.field.inputValue(), 'the draft of the answer is still there', 'A draft of an answer');
	await rui.say('We look for it.');
	await comes(() => order(ana), 'notes stand among the messages at their place in time',
		['Where is my order?', `Lost by the carrier. ${HOSTILE}`, 'We look for it.']);
	await comes(() => widget.texts(), 'the visitor has the messages, and no note', ['Where is my order?', 'We look for it.']);
	is(await messages(channel).then(all => all.length), 2, 'nor is it a message');

	await mode(ana, 'Note');
	const hers = ana.page.getByRole('textbox', { name: 'Write a note to colleagues…' });
	await hers.fill('Refund them');
	await ana.page.getByRole('button', { name: 'Add note' }).click();
	await comes(() => notes(rui).then(all => all[1]), 'a second one', 'Refund them');
	is(await rui.log.getByRole('button', { name: 'Delete this note' }).count(), 1, 'an agent may delete their own');
	is((await rui.call('delete_note', { id: await sql(`SELECT id FROM webchatt.notes WHERE author = 'ana'`) }))[0], 403, 'and only those');
	is(await ana.log.getByRole('button', { name: 'Delete this note' }).count(), 2, 'an admin may delete all');
	await ana.log.getByRole('button', { name: 'Delete this note' }).first().click();
	await ana.page.getByRole('button', { name: 'Delete', exact: true }).click();
	await comes(() => notes(rui), 'who deletes one takes it off all desks', ['Refund them']);
	await comes(() => notes(ana), 'and off their own', ['Refund them']);
	is(await sql('SELECT count(*) FROM webchatt.notes'), '1', 'and out of the table');
	await rui.page.reload();
	await comes(() => order(rui), 'a reload reads the same', ['Where is my order?', 'We look for it.', 'Refund them']);
	is([rui.errors, ana.errors, widget.errors], [[], [], []], 'no errors on the pages');
	await Promise.all([context.close(), rui.close(), ana.close()]);
});

test('a long history with notes', async () => {
	const { channel, context } = await visitor('The first', 'History');
	const id = await theVisitor(channel);
	await sql(`SELECT CASE WHEN i % 10 = 0 THEN webchatt.add_note('${channel.id}', '${id}', 'note ' || i) ELSE webchatt.send_message('${channel.id}', '${id}', text => 'message ' || i) END
		FROM generate_series(1, 150) i`);
	const rui = await DeskPage.signedIn('rui');
	await rui.open('History');
	await comes(() => order(rui).then(all => all.length), 'a page has both', 50);
	await comes(async () => {
		await rui.log.evaluate(log => log.scrollTo(0, 0));
		return order(rui).then(all => all.length);
	}, 'and so have those before', 151);
	is(await order(rui), ['The first', ...Array.from({ length: 150 }, (_, i) => `${(i + 1) % 10 ? 'message' : 'note'} ${i + 1}`)], 'all in their order');
	await sql(`SELECT webchatt.delete_note(id) FROM webchatt.notes WHERE text = 'note 10'`);
	await comes(() => notes(rui).then(all => all.includes('note 10')), 'one that is deleted far up goes as well', false);
	is(await order(rui).then(all => all.length), 150, 'and nothing else');
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([context.close(), rui.close()]);
});

run(tidy);
