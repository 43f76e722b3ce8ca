// What those who answer have beside a text: notes to colleagues, canned answers, forms, notifications, what is unread.
import { poorContrast } from './contrast.mjs';
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
	await comes(() => ana.log.locator('[data-note]').innerText().then(text => /^Note\s*Rui Dias/.test(text)), 'as a note, and whose', true);
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
	await comes(() => ana.log.getByRole('button', { name: 'Delete this note' }).count(), 'an admin may delete all', 2);
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

test('canned answers', async () => {
	const { channel, widget, context } = await visitor('When do you open?', 'Hours');
	const id = await theVisitor(channel);
	await sql(`UPDATE webchatt.visitors SET attributes = jsonb_build_object('name', 'Bea') WHERE id = '${id}'`);
	const rui = await DeskPage.signedIn('rui');
	await rui.page.goto(`${deskUrl}/desk/#/answers`);
	await comes(() => rui.page.getByRole('heading', { name: 'No canned answer yet' }).count(), 'there is none yet', 1);
	const add = async (name, text) => {
		await rui.page.getByRole('link', { name: 'Add answer' }).click();
		await rui.page.getByLabel('Name').fill(name);
		await rui.page.getByLabel('Text', { exact: true }).fill(text);
		await rui.page.getByRole('button', { name: 'Save' }).click();
	};
	await add('Hours!', 'x');
	const why = 'The name \'Hours!\' of an answer is not usable. Use 1 to 40 lower-case letters, digits, hyphens and underscores, a letter or digit first.';
	await comes(() => rui.page.locator('#answer-name-problem').allInnerTexts(), 'what is wrong is said in the server\'s words, at the field', [why]);
	await rui.page.getByLabel('Name').fill('hours');
	await rui.page.getByLabel('Text', { exact: true }).fill('Hello {name}, we open at nine. {agent}');
	await rui.page.getByRole('button', { name: 'Save' }).click();
	await comes(() => rui.page.locator('.things a').allInnerTexts().then(all => all.length), 'then it is in the list', 1);
	await add('holidays', `Closed on Sundays ${HOSTILE}`);
	await add('address', 'Rua Augusta 1');
	await comes(() => rui.page.locator('.things b').allInnerTexts(), 'agents write them', ['/address', '/holidays', '/hours']);
	await rui.page.getByRole('searchbox', { name: 'Find by name or text' }).fill('sundays');
	await comes(() => rui.page.locator('.things b').allInnerTexts(), 'and find them by their texts', ['/holidays']);

	await rui.go('Inbox');
	await rui.open('When do you open');
	const options = rui.page.getByRole('listbox', { name: 'Canned answers' }).getByRole('option');
	await rui.field.press('/');
	await comes(() => options.count(), 'a slash opens the list', 3);
	await rui.field.pressSequentially('ho');
	await comes(() => options.locator('b').allInnerTexts(), 'which is narrowed by what is typed', ['/holidays', '/hours']);
	const active = () => rui.field.evaluate(field => (document.getElementById(field.getAttribute('aria-activedescendant')) || {}).textContent || '');
	like(await active(), /^\/holidays/, 'the first one is chosen');
	await rui.field.press('ArrowDown');
	await comes(() => active().then(text => text.slice(0, 6)), 'the arrows choose', '/hours');
	await rui.field.press('Escape');
	await comes(() => options.count(), 'Escape closes it', 0);
	is(await rui.field.inputValue(), '/ho', 'and leaves the text');
	await rui.field.fill('');
	await rui.field.pressSequentially('/hours');
	await comes(() => options.count(), 'again', 1);
	await rui.field.press('Tab');
	await comes(() => rui.field.inputValue(), 'Tab puts it into the field, with the names in it', 'Hello Bea, we open at nine. Rui Dias');
	is(await messages(channel).then(all => all.length), 1, 'and sends nothing');
	await rui.field.press('Enter');
	await comes(() => widget.texts().then(all => all[1]), 'Enter does', 'Hello Bea, we open at nine. Rui Dias');
	await sql(`UPDATE webchatt.visitors SET attributes = '{}' WHERE id = '${id}'`);
	await sql(`SELECT webchatt.send_message('${channel.id}', '${id}', text => 'x')`);
	await comes(() => rui.texts().then(all => all.length), 'read again', 3);
	await rui.field.fill('/hours');
	await comes(() => options.count(), 'chosen', 1);
	await rui.field.press('Enter');
	await comes(() => rui.field.inputValue(), 'who has no name leaves no hole', 'Hello, we open at nine. Rui Dias');

	// a content: what no form makes is looked at and sent as it is
	await sql(`SELECT webchatt.set_canned_answer('hours', content => '{"interactive": {"type": "button", "body": {"text": "Which shop, {name}?"},
		"action": {"buttons": [{"type": "reply", "reply": {"id": "lx", "title": "Lisbon"}}]}}}', channel => '${channel.id}')`);
	await rui.field.fill('/hours');
	await comes(() => options.allInnerTexts(), 'the channel\'s own stands before the one for all', ['/hours\nWhich shop, {name}?']);
	await rui.field.press('Enter');
	const dialog = rui.page.getByRole('dialog');
	await comes(() => dialog.locator('.preview .option').allInnerTexts(), 'one with buttons is shown before it is sent', ['Lisbon']);
	await dialog.getByRole('button', { name: 'Send' }).click();
	await comes(() => widget.texts().then(all => all[3]), 'and then sent', 'Which shop?');
	is([rui.errors, widget.errors], [[], []], 'no errors on the pages');
	await Promise.all([context.close(), rui.close()]);
});

test('buttons, a list, a picture, a file, a place', async () => {
	const { channel, widget, context } = await visitor('Which sizes?', 'Forms');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Which sizes');
	const dialog = rui.page.getByRole('dialog');
	const choose = async kind => {
		await rui.page.getByRole('button', { name: 'Other kinds of message' }).click();
		await rui.page.getByRole('menuitem', { name: kind }).click();
		await dialog.waitFor();
	};
	const sendIt = async () => {
		await dialog.getByRole('button', { name: 'Send' }).click();
		await dialog.waitFor({ state: 'detached' });
	};
	const newest = () => sql(`SELECT content FROM webchatt.messages WHERE channel_id = '${channel.id}' ORDER BY id DESC LIMIT 1`).then(JSON.parse);

	await rui.field.fill('a draft');
	await choose('Buttons');
	await dialog.getByRole('button', { name: 'Send' }).click();
	is(await dialog.getByRole('alert').allInnerTexts(), ['This is needed.'], 'what is missing is said');
	await dialog.getByLabel('Text', { exact: true }).fill('Which one?');
	await dialog.getByLabel('Title').fill('Small');
	await dialog.getByRole('button', { name: 'Another button' }).click();
	await dialog.getByLabel('Title').nth(1).fill(HOSTILE);
	await dialog.getByLabel('ID for the application').nth(1).fill('b2');
	await dialog.getByRole('button', { name: 'Another button' }).click();
	await dialog.getByLabel('Title').nth(2).fill('Large');
	is(await dialog.getByRole('button', { name: 'Another button' }).count(), 0, 'three buttons are the most');
	is(await dialog.locator('.preview .option').allInnerTexts(), ['Small', HOSTILE, 'Large'], 'it is shown as the visitor will see it');
	await sendIt();
	await comes(newest, 'buttons', { interactive: { type: 'button', body: { text: 'Which one?' }, action: { buttons: [
		{ type: 'reply', reply: { id: 'small', title: 'Small' } }, { type: 'reply', reply: { id: 'b2', title: HOSTILE } }, { type: 'reply', reply: { id: 'large', title: 'Large' } }] } } });
	await widget.root.getByRole('button', { name: 'Small' }).click();
	await comes(() => rui.texts().then(all => all.at(-1)), 'the visitor can press them', 'Small');
	is(await rui.field.inputValue(), 'a draft', 'the draft stays');
	is(await rui.log.locator('.unsent, .pending').count(), 0, 'and the message is there once');

	await choose('List');
	await dialog.getByLabel('Text', { exact: true }).fill('All sizes');
	await dialog.getByLabel('Text on the button').fill('Choose');
	await dialog.getByLabel('Title').fill('XL');
	await dialog.getByLabel('Description').fill('very large');
	await sendIt();
	await comes(newest, 'a list', { interactive: { type: 'list', body: { text: 'All sizes' }, action: { button: 'Choose', sections: [{ rows: [{ id: 'xl', title: 'XL', description: 'very large' }] }] } } });

	await choose('Picture by address');
	await dialog.getByLabel('Address').fill('javascript:alert(1)');
	await dialog.getByRole('button', { name: 'Send' }).click();
	is(await dialog.getByRole('alert').allInnerTexts(), ['That is no address that begins with https:// or http://.'], 'only addresses of the web');
	await dialog.getByLabel('Address').fill('https://pictures.example.com/a.png');
	await dialog.getByLabel('Text', { exact: true }).fill('The blue one');
	await sendIt();
	await comes(newest, 'a picture', { imageUrl: 'https://pictures.example.com/a.png', text: 'The blue one' });
	await choose('File by address');
	await dialog.getByLabel('Address').fill('https://files.example.com/a.pdf');
	await dialog.getByLabel('Name').fill('Sizes.pdf');
	await sendIt();
	await comes(newest, 'a file', { documentUrl: 'https://files.example.com/a.pdf', filename: 'Sizes.pdf' });
	await choose('Location');
	await dialog.getByLabel('Latitude').fill('91');
	await dialog.getByLabel('Longitude').fill('-9,14');
	await dialog.getByRole('button', { name: 'Send' }).click();
	is(await dialog.getByRole('alert').count(), 1, 'no such latitude');
	await dialog.getByLabel('Latitude').fill('38.71');
	await dialog.getByLabel('Name').fill('The shop');
	await sendIt();
	await comes(newest, 'a place', { location: { latitude: 38.71, longitude: -9.14, name: 'The shop' } });
	await comes(() => widget.root.locator('.list .row').count(), 'all of them are at the visitor\'s', 7);

	// What the database refuses is said in its words, and nothing is left of it.
	await sql(`CREATE FUNCTION public.no_lists() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no pictures on Sundays' USING ERRCODE = 'check_violation'; END$$;
		CREATE TRIGGER no_lists BEFORE INSERT ON webchatt.messages FOR EACH ROW WHEN (NEW.content ? 'imageUrl') EXECUTE FUNCTION public.no_lists()`);
	await choose('Picture by address');
	await dialog.getByLabel('Address').fill('https://pictures.example.com/b.png');
	await dialog.getByRole('button', { name: 'Send' }).click();
	await comes(() => dialog.getByRole('alert').allInnerTexts().then(all => /^No pictures on Sundays/.test(all[0])), 'what the server refuses is said in the form', true);
	await rui.page.keyboard.press('Escape');
	is(await rui.log.locator('.unsent').count(), 0, 'and nothing of it stays in the log');
	await sql('DROP FUNCTION public.no_lists() CASCADE');
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([context.close(), rui.close()]);
});

test('pictures that are pasted or dropped', async () => {
	const { channel, context } = await visitor('Show me', 'Pictures');
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Show me');
	const dialog = rui.page.getByRole('dialog');
	const bring = (kind, data) => rui.field.evaluate((field, [type, all]) => {
		const carried = new DataTransfer();
		for (const [name, value] of Object.entries(all))
			carried.setData(name, value);
		field.dispatchEvent(type === 'drop' ? new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true })
			: new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true }));
	}, [kind, data]);
	const address = () => dialog.getByLabel('Address').inputValue();
	await bring('drop', { 'text/html': '<a href="https://x.example"><img src="https://pictures.example.com/c.png" onerror="alert(1)"></a>', 'text/uri-list': 'https://x.example/' });
	await comes(address, 'a picture that is dragged here from a page', 'https://pictures.example.com/c.png');
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	is(await messages(channel).then(all => all.length), 1, 'is not sent before somebody says so');
	await bring('drop', { 'text/uri-list': '# a comment\r\nhttps://pictures.example.com/d.jpeg?size=2' });
	await comes(address, 'the address of one', 'https://pictures.example.com/d.jpeg?size=2');
	await dialog.getByRole('button', { name: 'Send' }).click();
	await comes(() => sql(`SELECT content ->> 'imageUrl' FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'out'`), 'and then it is', 'https://pictures.example.com/d.jpeg?size=2');
	await bring('paste', { 'text/plain': 'https://pictures.example.com/e.webp' });
	await comes(address, 'one that is pasted', 'https://pictures.example.com/e.webp');
	await rui.page.keyboard.press('Escape');
	await comes(() => rui.field.inputValue(), 'becomes a text where it is not to be a picture', 'https://pictures.example.com/e.webp');
	await bring('drop', { 'text/html': '<img src="data:image/png;base64,AAAA">' });
	is(await dialog.count(), 0, 'one that is in the page itself has no address');
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([context.close(), rui.close()]);
});

test('two who answer at once', async () => {
	const { channel, widget, context } = await visitor('Is it in stock?', 'Stock');
	const ana = await DeskPage.signedIn('ana');
	const rui = await DeskPage.signedIn('rui');
	await ana.open('Is it in stock');
	await rui.open('Is it in stock');
	const told = () => rui.page.locator('.meanwhile').allInnerTexts();
	await rui.field.fill('Yes, it is');
	await ana.say('Yes');
	await comes(told, 'who is writing is told that a colleague has answered', ['Ana Sousa answered while you were writing.']);
	is(await rui.texts(), ['Is it in stock?', 'Yes'], 'and sees the answer');
	await rui.field.press('Enter');
	await comes(told, 'one\'s own does not go out with the first press', ['Not sent yet: Ana Sousa answered while you were writing. Send once more to send yours too.']);
	is(await rui.field.inputValue(), 'Yes, it is', 'and stays');
	await rui.field.press('Enter');
	await comes(() => widget.texts(), 'but with the second', ['Is it in stock?', 'Yes', 'Yes, it is']);
	await comes(told, 'and the line goes', []);
	await comes(() => ana.texts().then(all => all.at(-1)), 'the colleague sees it, too', 'Yes, it is');
	await rui.field.fill('x');
	await ana.say('How many?');
	await comes(told, 'again', ['Ana Sousa answered while you were writing.']);
	await rui.field.fill('');
	await comes(told, 'who throws their text away has nothing to decide', []);

	// The answer is committed, and this desk has not heard of it.
	let letGo;
	const held = new Promise(done => letGo = done);
	await rui.page.route('**/desk/api/conversation', route => held.then(() => route.continue()).catch(() => 0));
	await rui.field.fill('Two');
	await ana.say('I mean, how many pieces?');
	await comes(() => messages(channel).then(all => all.length), 'an answer that is not on the screen yet', 5);
	is(await rui.texts().then(all => all.length), 4, 'as its desk is slow');
	await rui.field.press('Enter');
	await comes(told, 'is told of by the server', ['Not sent yet: Ana Sousa answered while you were writing. Send once more to send yours too.']);
	is([await rui.field.inputValue(), await messages(channel).then(all => all.length)], ['Two', 5], 'nothing was sent, and the text is back');
	letGo();
	await comes(() => rui.texts().then(all => all.at(-1)), 'the answer comes', 'I mean, how many pieces?');
	await rui.field.press('Enter');
	await comes(() => widget.texts().then(all => all.at(-1)), 'and the second press sends', 'Two');
	is([rui.errors, ana.errors], [[], []], 'no errors on the pages');
	await Promise.all([context.close(), rui.close(), ana.close()]);
});

test('what is unread', async () => {
	const { channel, widget, context } = await visitor('One', 'Unread');
	const rui = await DeskPage.signedIn('rui');
	const unread = () => rui.page.locator('[data-row]').filter({ hasText: 'Unread' }).locator('.unread span[aria-hidden]').allInnerTexts();
	await comes(unread, 'the list says how many messages nobody has read', ['1']);
	await widget.say('Two');
	await widget.say('Three');
	await comes(unread, 'as they come', ['3']);
	await rui.open('Three');
	await comes(unread, 'who opens it has read them', []);
	await rui.page.goto(`${deskUrl}/desk/#/inbox`);
	await widget.say('Four');
	await comes(unread, 'and then there is a new one', ['1']);
	await sql(`SELECT webchatt.send_message('${channel.id}', '${await theVisitor(channel)}', text => 'An answer by others', author => 'shop')`);
	await comes(unread, 'which an answer is for', []);
	await Promise.all([context.close(), rui.close()]);
});

// What the browser would show and play is noted instead; nobody has been asked for leave yet.
const NOTED = () => {
	window.noted = { shown: [], tones: 0, asked: 0 };
	window.Notification = class {
		static permission = localStorage.getItem('leave') || 'default';
		static async requestPermission() {
			window.noted.asked++;
			localStorage.setItem('leave', 'granted');
			return window.Notification.permission = 'granted';
		}
		constructor(title, options) {
			window.noted.shown.push([title, options.body, options.tag]);
			window.lastNotification = this;
		}
		close() {}
	};
	const make = window.AudioContext.prototype.createOscillator;
	window.AudioContext.prototype.createOscillator = function () {
		window.noted.tones++;
		return make.call(this);
	};
};

test('notifications and sound', async () => {
	const one = await visitor('First words', 'Bells');
	const two = await visitor('Other words', 'Other bells');
	const rui = await DeskPage.signedIn('rui');
	const context = rui.page.context();
	await context.addInitScript(NOTED);
	await rui.page.reload();
	await rui.open('First words');
	await comes(() => rui.rows.count(), 'the list is read', undefined);
	const noted = (page = rui.page) => page.evaluate(() => window.noted);
	await two.widget.say('Unasked');
	await comes(() => rui.row('Unasked').count(), 'a message comes', 1);
	is(await noted(), { shown: [], tones: 0, asked: 0 }, 'nobody is asked at the start, nor told');

	await rui.page.getByRole('button', { name: 'Notifications and sound' }).click();
	const dialog = rui.page.getByRole('dialog');
	await dialog.getByRole('button', { name: 'Tell me of new messages' }).click();
	await comes(() => dialog.getByRole('checkbox', { name: /^Notifications/ }).isChecked(), 'the button asks, and turns them on', true);
	await dialog.getByRole('button', { name: 'Close' }).click();
	await two.widget.say(HOSTILE);
	await comes(() => noted().then(all => all.shown.length), 'a message of another conversation is told', 1);
	const [title, body, tag] = (await noted()).shown[0];
	is([title, body], ['A visitor wrote', 'Other bells'], 'without its text');
	await one.widget.say('Before my eyes');
	await comes(() => rui.texts().then(all => all.at(-1)), 'one of the conversation that is open', 'Before my eyes');
	await comes(() => rui.row('Before my eyes').count(), 'as the list has it', 1);
	is((await noted()).shown.length, 1, 'is not');

	await rui.page.getByRole('button', { name: 'Notifications and sound' }).click();
	await dialog.getByRole('checkbox', { name: /^With name and text/ }).check();
	await dialog.getByRole('checkbox', { name: /^Sound/ }).check();
	is((await noted()).tones, 2, 'who turns the sound on hears it');
	await dialog.getByRole('button', { name: 'Close' }).click();
	await two.widget.say('Now with its text');
	await comes(() => noted().then(all => all.shown[1] && all.shown[1].slice(1)), 'the text is told where that was chosen, in the conversation\'s one notification', ['Now with its text', tag]);
	is((await noted()).tones, 4, 'and sounds');

	// another tab: one of both tells, and neither of what the other shows
	const second = new DeskPage(await context.newPage());
	await second.page.goto(`${deskUrl}/desk/#/conversation/${two.channel.id}/${await theVisitor(two.channel)}`);
	await second.field.waitFor();
	await comes(() => second.rows.count(), 'a second tab', undefined);
	await two.widget.say('Seen in the second tab');
	await comes(() => rui.row('Seen in the second tab').count(), 'what it has before somebody\'s eyes', 1);
	await comes(() => second.row('Seen in the second tab').count(), 'in both tabs', 1);
	is([(await noted()).shown.length, (await noted(second.page)).shown.length], [2, 0], 'no tab tells of');
	await second.go('Inbox');
	const three = await visitor('Third words', 'More bells');
	await comes(() => second.row('Third words').count(), 'something new is in both', 1);
	await comes(async () => (await noted()).shown.length + (await noted(second.page)).shown.length, 'and one tells', 3);
	await second.page.close();

	// what is not told
	await sql(`SELECT webchatt.assign_conversation('${two.channel.id}', '${await theVisitor(two.channel)}', 'ana')`);
	await comes(() => rui.row('Other bells').locator('.has').count(), 'a conversation is a colleague\'s', 1);
	await two.widget.say('For Ana');
	await comes(() => rui.row('For Ana').count(), 'what comes there', 1);
	is((await noted()).shown.length, 3, 'is told to them only');
	await rui.page.getByRole('button', { name: 'Mine', exact: true }).click();
	await three.widget.say('While I look at mine');
	await comes(() => noted().then(all => all.shown.length), 'also what is not in the list that is shown is told', 4);
	await rui.page.evaluate(() => window.lastNotification.onclick());
	await comes(() => rui.page.url().includes(three.channel.id), 'a click opens it', true);
	await rui.page.getByRole('button', { name: 'Notifications and sound' }).click();
	await dialog.getByRole('checkbox', { name: /^Mute/ }).check();
	await dialog.getByRole('button', { name: 'Close' }).click();
	await rui.page.reload();
	await rui.page.getByRole('button', { name: 'Notifications and sound (muted)' }).waitFor();
	await rui.page.goto(`${deskUrl}/desk/#/inbox`);
	await one.widget.say('Muted');
	await comes(() => rui.row('Muted').count(), 'muted, over a reload', 1);
	is(await noted(), { shown: [], tones: 0, asked: 0 }, 'nothing is told');
	like(await rui.page.locator('link[rel=icon]').getAttribute('href'), /^data:image\/svg/, 'the tab has its sign');
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([one.context.close(), two.context.close(), three.context.close(), rui.close()]);
});

test('other conversations of the same person', async () => {
	const one = await visitor('It is me', 'Related shop');
	const two = await visitor('Me again', 'Related blog');
	const three = await visitor('Somebody else', 'Related forum');
	const about = async ({ channel }, attributes) => sql(`UPDATE webchatt.visitors SET attributes = ${quoted(JSON.stringify(attributes))} WHERE id = '${await theVisitor(channel)}'`);
	await about(one, { email: 'Bea@example.com', name: HOSTILE });
	await about(two, { email: 'bea@example.com' });
	await about(three, { email: 'zoe@example.com' });
	const rui = await DeskPage.signedIn('rui');
	await rui.open('It is me');
	await rui.page.getByRole('button', { name: 'Details' }).click();
	const others = rui.page.getByRole('region', { name: 'Other conversations' }).getByRole('link');
	await comes(() => others.locator('b').allInnerTexts(), 'those who gave the same address, and no others', ['Related blog']);
	await others.click();
	await comes(() => rui.texts(), 'a click leads there', ['Me again']);
	await comes(() => others.locator('b').allInnerTexts(), 'and back', ['Related shop']);
	is(rui.errors, [], 'no errors on the page');
	await Promise.all([one.context.close(), two.context.close(), three.context.close(), rui.close()]);
});

for (const colorScheme of ['light', 'dark']) {
	test(`contrast, and room on a phone, ${colorScheme}`, async () => {
		const { channel, context } = await visitor('Colours', `Paint ${colorScheme}`);
		const id = await theVisitor(channel);
		await sql(`SELECT webchatt.add_note('${channel.id}', '${id}', 'A note with https://example.com in it, and a${'b'.repeat(200)}', 'rui'), webchatt.set_canned_answer('colours', repeat('All colours. ', 50))`);
		const rui = await DeskPage.signedIn('rui', { colorScheme, reducedMotion: 'reduce', viewport: { width: 360, height: 700 } });
		const poor = () => rui.page.locator('#desk').evaluate(poorContrast);
		const good = async what => is([await poor(), await rui.isTooWide()], [[], false], what);
		await comes(() => rui.page.locator('.unread').count(), 'the list', undefined);
		await good('unread messages');
		await rui.page.goto(`${deskUrl}/desk/#/conversation/${channel.id}/${id}`);
		await comes(() => notes(rui).then(all => all.length), 'a note', 1);
		await good('a note in the log');
		await mode(rui, 'Note');
		await rui.page.getByRole('textbox', { name: 'Write a note to colleagues…' }).fill('x');
		await good('the field for notes');
		await rui.page.getByRole('button', { name: 'Add note' }).hover();
		await good('and its button');
		await mode(rui, 'Answer');
		await rui.field.fill('/');
		await rui.page.getByRole('listbox', { name: 'Canned answers' }).waitFor();
		await good('canned answers');
		await rui.field.fill('x');
		await rui.page.getByRole('button', { name: 'Other kinds of message' }).click();
		await good('the menu');
		await rui.page.getByRole('menuitem', { name: 'List' }).click();
		const send = rui.page.getByRole('dialog').getByRole('button', { name: 'Send' });
		await send.click();
		await send.hover();
		await good('a form, with what is missing and the pointer on its button');
		await rui.page.keyboard.press('Escape');
		await rui.page.goto(`${deskUrl}/desk/#/answers`);
		await rui.page.getByRole('link', { name: 'Add answer' }).hover();
		await good('the page of canned answers');
		await rui.page.getByRole('link', { name: 'Add answer' }).click();
		await rui.page.getByLabel('Kind').selectOption('Buttons');
		await good('and its form');
		await Promise.all([context.close(), rui.close()]);
	});
}

run(tidy);
