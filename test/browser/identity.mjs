// Which user of the site a visitor is: one conversation on all devices, what was said before the log-in, another
// user on the same device, tokens that do not count, channels for users only.
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, rows, send, sql, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

const signed = (channel, user, more = '') => sql(`SELECT webchatt.identity_token('${channel.id}', '${user}'${more})`);
const texts = channel => messages(channel).then(all => all.map(row => row[2]));
const visitorOf = (channel, user) => sql(`SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}' AND user_id = '${user}'`);
const kept = widget => widget.page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
const identify = (widget, given) => widget.page.evaluate(one => Chatt2me.identify(one), given);

async function makeUsersChannel(mode = 'optional') {
	line.open();
	const channel = await makeChannel([site.origin]);
	await sql(`SELECT webchatt.set_identity_secret('${channel.id}'), webchatt.set_identity('${channel.id}', '${mode}')`);
	return channel;
}

// What the page heard, from its beginning on.
const listening = async () => {
	const context = await newContext();
	await context.addInitScript(() => {
		self.heard = [];
		addEventListener('DOMContentLoaded', () => self.Chatt2me && Chatt2me.on('identity', event => heard.push(event)));
	});
	return context;
};
const heard = widget => widget.page.evaluate(() => heard.splice(0));

async function device(channel, identity, options = {}) {
	const context = await listening();
	const widget = await Widget.visit(context, site, channel, line, { config: identity ? { identity } : {}, ...options });
	return { context, widget };
}

test('a user on two devices', async () => {
	const channel = await makeUsersChannel();
	const phone = await device(channel, { signature: await signed(channel, 'ana'), name: 'Ana', attributes: { plan: 'free' } });
	await comes(() => heard(phone.widget), 'the page hears who it is', [{ userId: 'ana', verified: true }]);
	is(await sql(`SELECT user_id, verified, name, signed, attributes FROM webchatt.visitors WHERE channel_id = '${channel.id}'`),
		'ana|t|Ana|{}|{"plan": "free"}', 'and so do the tables; the name is the page\'s word');
	await phone.widget.open();
	await phone.widget.say('from the phone');
	await comes(() => phone.widget.mark('from the phone'), 'it is sent', 'sent');
	const desktop = await device(channel, { signature: await signed(channel, 'ana', ", name => 'Ana Silva'") });
	await desktop.widget.open();
	await comes(() => desktop.widget.texts(), 'another device has the conversation', ['from the phone']);
	await send(channel, { text: 'an answer' }, await visitorOf(channel, 'ana'));
	await comes(() => phone.widget.texts(), 'an answer comes to one', ['from the phone', 'an answer']);
	await comes(() => desktop.widget.texts(), 'and to the other', ['from the phone', 'an answer']);
	await comes(() => sql(`SELECT name, signed FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'what is signed counts', 'Ana Silva|{name}');
	await identify(phone.widget, { name: 'Somebody', attributes: { plan: 'pro', city: 'Porto' } });
	await comes(() => sql(`SELECT name, attributes FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'attributes change later, a signed name does not',
		'Ana Silva|{"city": "Porto", "plan": "pro"}');
	is(phone.widget.errors.concat(desktop.widget.errors), [], 'no errors');
	await phone.context.close();
	await desktop.context.close();
});

test('what was said before the log-in', async () => {
	const channel = await makeUsersChannel();
	const phone = await device(channel, { signature: await signed(channel, 'bea') });
	await phone.widget.open();
	await phone.widget.say('one');
	await comes(() => phone.widget.mark('one'), 'a user has a conversation', 'sent');
	const { context, widget } = await device(channel);
	await widget.open();
	await widget.say('two');
	await comes(() => widget.mark('two'), 'somebody without a name writes', 'sent');
	const other = await Widget.visit(context, site, channel, line);
	await other.open();
	await comes(() => other.texts(), 'in two tabs', ['two']);
	const before = await kept(widget);

	// One that waits: it is said by whoever it turns out to be.
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	await widget.say('three');
	line.open();
	await identify(widget, { signature: await signed(channel, 'bea') });
	await comes(() => heard(widget), 'they log in', [{ userId: 'bea', verified: true }]);
	await comes(() => texts(channel), 'nothing is lost or doubled', ['one', 'two', 'three']);
	await comes(() => widget.texts(), 'both conversations are one', ['one', 'two', 'three']);
	await comes(() => other.texts(), 'in the other tab', ['one', 'two', 'three']);
	await comes(() => phone.widget.texts(), 'and on the other device', ['one', 'two', 'three']);
	is(await sql(`SELECT count(DISTINCT visitor) FROM webchatt.messages WHERE channel_id = '${channel.id}'`), '1', 'of one visitor');
	await other.say('four');
	await comes(() => phone.widget.texts(), 'and they go on as one', ['one', 'two', 'three', 'four']);
	await comes(() => widget.texts(), 'in all of them', ['one', 'two', 'three', 'four']);

	// The store as it was before the log-in, in another browser.
	const thief = await newContext();
	await thief.addInitScript(all => {
		if (!localStorage.length)
			JSON.parse(all).forEach(([name, value]) => localStorage.setItem(name, value));
	}, before);
	const stolen = await Widget.visit(thief, site, channel, line);
	await stolen.open();
	await until(async () => await stolen.state() === 'open');
	await send(channel, { text: 'for the user' }, await visitorOf(channel, 'bea'));
	await comes(() => widget.texts(), 'an answer comes', ['one', 'two', 'three', 'four', 'for the user']);
	ok(!(await stolen.texts()).includes('for the user'), 'the old token is worth nothing');
	await stolen.say('from the thief');
	await comes(() => stolen.mark('from the thief'), 'who has it writes', 'sent');
	ok(!(await widget.texts()).includes('from the thief'), 'as somebody else');
	is(widget.errors.concat(other.errors, phone.widget.errors, stolen.errors), [], 'no errors');
	await Promise.all([context, phone.context, thief].map(one => one.close()));
});

test('a user without a conversation yet', async () => {
	const channel = await makeUsersChannel();
	const { context, widget } = await device(channel);
	await widget.open();
	await widget.say('as a stranger');
	await comes(() => widget.mark('as a stranger'), 'somebody writes', 'sent');
	const token = await widget.page.evaluate(() => Object.entries(localStorage).find(([name]) => /\.token$/.test(name))[1]);
	await identify(widget, { userId: 'carl', signature: await signed(channel, 'carl') });
	await comes(() => heard(widget), 'and logs in', [{ userId: 'carl', verified: true }]);
	await comes(() => widget.texts(), 'the conversation goes on', ['as a stranger']);
	ok(await until(async () => !(await kept(widget)).includes(JSON.stringify(token).slice(1, -1)), 20), 'under another token');
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '1', 'nobody else is made');
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.texts(), 'and after a reload', ['as a stranger']);
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('tokens that do not count', async () => {
	const channel = await makeUsersChannel();
	const elsewhere = await makeUsersChannel();
	const { context, widget } = await device(channel);
	await widget.open();
	await widget.say('who I am');
	await comes(() => widget.mark('who I am'), 'somebody writes', 'sent');
	const visitor = await sql(`SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	for (const [signature, why] of [['nonsense', /not a token/], [await signed(elsewhere, 'dora'), /signature is wrong/],
		[await signed(channel, 'dora', ", interval '1 second'"), /expired/]]) {
		if (/expired/.test(String(why)))
			await sql('SELECT pg_sleep(2.1)');
		await identify(widget, { userId: 'dora', signature, name: 'Dora' });
		let events = [];
		await until(async () => (events = events.concat(await heard(widget))).length);
		like(events[0] && events[0].error, why, 'the page hears why');
		is(events.length, 1, 'once');
	}
	is(await widget.texts(), ['who I am'], 'all is as it was');
	await widget.say('still me');
	await comes(() => widget.mark('still me'), 'they go on', 'sent');
	is(await rows(`SELECT id, user_id, name FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), [[visitor, '', '']], 'as who they were');
	await context.close();

	const late = await device(channel, { signature: 'a.b.c' });
	await comes(() => heard(late.widget), 'in data-config the same', [{ error: 'The identity is not a token as doc/identity.md has it.' }]);
	await late.context.close();
});

test('one user after another on a device', async () => {
	const channel = await makeUsersChannel();
	const { context, widget } = await device(channel, { signature: await signed(channel, 'eve') });
	await widget.open();
	await widget.say('of Eve only');
	await comes(() => widget.mark('of Eve only'), 'one user writes', 'sent');
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	await widget.say('not sent yet by Eve');
	const signature = await signed(channel, 'fay');
	// In the same moment: nobody has heard of the hub yet.
	is(await widget.page.evaluate(one => {
		Chatt2me.identify(one);
		return JSON.stringify(Object.entries(localStorage)).includes('of Eve');
	}, { signature }), false, 'another one logs in: the store has nothing of the first');
	await comes(() => widget.texts(), 'nor the screen', []);
	line.open();
	await comes(() => heard(widget).then(all => all.map(one => one.userId).pop()), 'and is welcomed', 'fay');
	is(await widget.texts(), [], 'without a text of the first');
	await widget.say('of Fay');
	await comes(() => widget.mark('of Fay'), 'they write', 'sent');
	is(await rows(`SELECT v.user_id, m.content ->> 'text' FROM webchatt.messages m JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor
		WHERE m.channel_id = '${channel.id}' ORDER BY m.id`), [['eve', 'of Eve only'], ['fay', 'of Fay']], 'each has their own conversation');

	// With a log-out between them.
	await widget.page.evaluate(() => Chatt2me.reset());
	await comes(() => widget.page.evaluate(() => Object.values(localStorage).join().includes('of Fay')), 'a log-out empties the store', false);
	await identify(widget, { signature: await signed(channel, 'eve') });
	await widget.open();
	await comes(() => widget.texts(), 'and the first one is back', ['of Eve only']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}' AND joined_to IS NOT NULL`), '0', 'nobody is joined to anybody');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('answers that were given before the log-in', async () => {
	const channel = await makeUsersChannel();
	const questions = [{ name: 'email', label: 'Your e-mail', type: 'email', required: true }, { name: 'order', label: 'Order', required: true }];
	// The user is known already, from elsewhere, and a new one: both keep what the browser's visitor answered.
	const phone = await device(channel, { signature: await signed(channel, 'ana') });
	await comes(() => heard(phone.widget), 'a user is known', [{ userId: 'ana', verified: true }]);
	for (const user of ['ana', 'ben']) {
		const context = await listening();
		const widget = await Widget.visit(context, site, channel, line, { config: { questions } });
		await widget.open(false);
		await widget.root.getByLabel('Your e-mail').fill(`${user}@example.com`);
		await widget.root.getByLabel('Order').fill(`order of ${user}`);
		await widget.root.getByLabel('Order').press('Enter');
		await widget.root.getByLabel('Write a message').waitFor();
		await widget.say('Hello');
		await comes(() => widget.mark('Hello'), 'a stranger answers, and writes', 'sent');
		await identify(widget, { signature: await signed(channel, user) });
		await comes(() => heard(widget), 'then logs in', [{ userId: user, verified: true }]);
		await comes(() => sql(`SELECT email, attributes ->> 'email', attributes ->> 'order' FROM webchatt.visitors WHERE channel_id = '${channel.id}' AND user_id = '${user}'`),
			'the answers are the user\'s', `${user}@example.com|${user}@example.com|order of ${user}`);
		await comes(() => widget.texts(), 'the conversation goes on', ['Hello']);
		is(await widget.root.locator('.questions').count(), 0, 'and nothing is asked again');
		await widget.page.reload();
		await widget.open();
		await comes(() => widget.texts(), 'nor after a reload', ['Hello']);
		is(await widget.root.locator('.questions').count(), 0, 'of a user');
		is(widget.errors, [], 'no errors');
		await context.close();
	}
	await phone.context.close();
});

test('a log-out, and a stranger', async () => {
	const channel = await makeUsersChannel();
	const { context, widget } = await device(channel, { signature: await signed(channel, 'gus') });
	await widget.open();
	await widget.say('of Gus');
	await comes(() => widget.mark('of Gus'), 'a user writes', 'sent');
	await widget.page.evaluate(() => Chatt2me.reset());
	await widget.open();
	await widget.say('of a stranger');
	await comes(() => widget.mark('of a stranger'), 'who comes after the log-out', 'sent');
	is(await rows(`SELECT coalesce(v.user_id, 'nobody'), m.content ->> 'text' FROM webchatt.messages m JOIN webchatt.visitors v ON v.channel_id = m.channel_id AND v.id = m.visitor
		WHERE m.channel_id = '${channel.id}' ORDER BY m.id`), [['gus', 'of Gus'], ['nobody', 'of a stranger']], 'is nobody, though the page was made for the user');
	await context.close();
});

test('log-out and log-in before the widget is there', async () => {
	const channel = await makeUsersChannel();
	const context = await listening();
	const signature = await signed(channel, 'ida');
	await context.addInitScript(one => {
		// Before the widget hears of it.
		document.addEventListener('DOMContentLoaded', () => {
			Chatt2me.reset();
			Chatt2me.identify(one);
		});
	}, { signature });
	const widget = await Widget.visit(context, site, channel, line, { config: { identity: { signature: await signed(channel, 'hal') } } });
	await comes(() => sql(`SELECT string_agg(user_id, ',') FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'who logs in last is here, and nobody else', 'ida');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('a channel for users only', async () => {
	const channel = await makeUsersChannel('required');
	const { context, widget } = await device(channel);
	await widget.open(false);
	await comes(() => widget.words(), 'who is nobody is asked to log in', 'Log in to chat with us.');
	is(await widget.field.isDisabled(), true, 'and cannot write');
	is(await sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '0', 'no visitor is made');
	await heard(widget);
	await identify(widget, { signature: await signed(channel, 'hal') });
	await comes(() => heard(widget), 'a user is let in', [{ userId: 'hal', verified: true }]);
	await comes(() => widget.words(), 'without a word more', '');
	await widget.say('let in');
	await comes(() => widget.mark('let in'), 'and writes', 'sent');
	is(widget.errors, [], 'no errors');
	await context.close();
});

// The address of a page with the widget, with a link to the only visitor's conversation.
async function linkTo(channel, fragment = '') {
	const config = JSON.stringify({ webChatId: channel.key, endpoint: line.url });
	const address = `${site.origin}/?${new URLSearchParams({ config })}${fragment}`;
	return { address, link: await sql(`SELECT webchatt.conversation_link('${channel.id}', '${await theVisitor(channel)}', ${quoted(address)})`) };
}

const question = widget => widget.root.getByRole('group', { name: /already has a conversation/ });

// A page that hears of links, and what of the link others see.
async function follow(context, link) {
	const widget = new Widget(await context.newPage());
	const asked = [];
	widget.page.on('request', request => asked.push(request.url()));
	await widget.page.addInitScript(() => {
		self.refused = [];
		addEventListener('DOMContentLoaded', () => {
			self.address = location.href;
			self.Chatt2me.on('link', event => refused.push(event));
		});
	});
	await widget.page.goto(link);
	await widget.panel.waitFor();
	return { widget, asked };
}

test('a link opens the conversation on another device', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const phone = await device(channel);
	await phone.widget.open();
	await phone.widget.say('a question');
	await comes(() => phone.widget.mark('a question'), 'somebody writes', 'sent');
	await send(channel, { text: 'an answer' });
	const { address, link } = await linkTo(channel, '#/orders?x=1');
	const secret = link.replace(/.*chatt2me=/, '');
	like(secret, /^wcl_[\w-]{43}$/, 'a link has a secret');

	const laptop = await newContext();
	const { widget, asked } = await follow(laptop, link);
	await comes(() => widget.texts(), 'the panel opens with the conversation', ['a question', 'an answer']);
	is(await widget.page.evaluate(() => [self.address, location.href]), [address, address], 'the secret was out of the address before other scripts ran, the rest stays');
	is(asked.filter(url => url.includes(secret)), asked.filter(url => url === link), 'and nobody but the page was asked for anything with it');
	ok(!(await kept(widget)).includes('wcl_'), 'it is not kept');
	like(await sql(`SELECT page_url FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), /^http:\/\/127\.0\.0\.1:\d+\/$/, 'nor told as the page');
	await widget.say('from the laptop');
	await comes(() => phone.widget.texts(), 'both devices go on', ['a question', 'an answer', 'from the laptop']);
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.texts(), 'also after a reload, without the link', ['a question', 'an answer', 'from the laptop']);

	// A device with another conversation is asked first.
	const other = await device(channel);
	await other.widget.open();
	await other.widget.say('mine');
	await comes(() => other.widget.mark('mine'), 'somebody else writes', 'sent');
	const moved = await follow(other.context, link);
	await question(moved.widget).waitFor();
	is(await moved.widget.texts(), ['mine'], 'it still has its own');
	await question(moved.widget).getByRole('button', { name: 'Open it' }).click();
	await comes(() => moved.widget.texts(), 'the link\'s conversation is shown there', ['a question', 'an answer', 'from the laptop']);
	await comes(() => other.widget.texts(), 'in all tabs', ['a question', 'an answer', 'from the laptop']);
	await comes(() => question(moved.widget).count(), 'the question is gone', 0);
	is(await sql(`SELECT count(*), count(joined_to) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), '2|0', 'the other one stays in its place');

	// One that is over.
	await sql(`DELETE FROM webchatt.conversation_links WHERE channel_id = '${channel.id}'`);
	const late = await newContext();
	const refused = await follow(late, link);
	await comes(() => refused.widget.page.evaluate(() => self.refused.length), 'of a link that is over the page hears', 1);
	is(await refused.widget.page.evaluate(() => location.href), address, 'the address is clean');
	await refused.widget.say('somebody new');
	await comes(() => refused.widget.mark('somebody new'), 'and whoever came by it can write', 'sent');
	is(phone.widget.errors.concat(widget.errors, moved.widget.errors, refused.widget.errors), [], 'no errors');
	for (const context of [phone.context, laptop, other.context, late])
		await context.close();
});

// Somebody wrote, and a link leads there; another device has a conversation of its own.
async function twoConversations() {
	line.open();
	const channel = await makeChannel([site.origin]);
	const writer = await device(channel);
	await writer.widget.open();
	await writer.widget.say('theirs');
	await comes(() => writer.widget.mark('theirs'), 'somebody writes', 'sent');
	const { link } = await linkTo(channel);
	await writer.context.close();
	const mine = await device(channel);
	await mine.widget.open();
	await mine.widget.say('mine');
	await comes(() => mine.widget.mark('mine'), 'and somebody else, elsewhere', 'sent');
	return { channel, link, mine };
}

test('a link in a page that is open, by the keyboard', async () => {
	const { channel, link, mine: { context, widget } } = await twoConversations();
	const own = `SELECT count(*) FROM webchatt.messages m WHERE channel_id = '${channel.id}' AND visitor = (SELECT visitor FROM webchatt.messages o WHERE o.channel_id = m.channel_id AND o.content ->> 'text' = 'mine')`;
	const hash = new URL(link).hash;
	const go = () => widget.page.evaluate(to => {
		location.hash = to;
	}, hash);
	await widget.page.evaluate(() => Chatt2me.close());
	await go();
	await question(widget).waitFor();
	is(await widget.page.evaluate(() => location.hash), '', 'the secret is out of the address');
	is(await question(widget).getByRole('alert').textContent(), 'This device already has a conversation. Open the one from the link?', 'who hears the page is told of it');
	await widget.field.fill('begun');
	await widget.page.keyboard.press('Shift+Tab');
	const named = () => widget.root.evaluate(host => host.shadowRoot.activeElement.textContent || host.shadowRoot.activeElement.getAttribute('aria-label'));
	for (let n = 0; n < 5 && await named() !== 'Keep mine'; n++)
		await widget.page.keyboard.press('Shift+Tab');
	is(await named(), 'Keep mine', 'the keyboard comes to it');
	await widget.page.keyboard.press('Enter');
	await comes(() => question(widget).count(), 'it is answered', 0);
	is([await widget.texts(), await widget.field.inputValue()], [['mine'], 'begun'], 'all is as it was, with what was begun');
	await widget.say('and on');
	await comes(() => widget.mark('and on'), 'and goes on', 'sent');
	is(await sql(own), '2', 'in its own conversation');

	// What is not sent yet goes to where it was written, before the other conversation comes.
	line.cut();
	await widget.say('unsent');
	await widget.field.fill('begun again');
	await go();
	line.open();
	await question(widget).waitFor();
	await question(widget).getByRole('button', { name: 'Open it' }).click();
	await comes(() => widget.texts(), 'the link is followed', ['theirs']);
	is(await sql(own), '3', 'what was not sent is where it was written');
	is(await widget.field.inputValue(), '', 'and what was begun is not put among the others\' words');
	await go();
	await until(async () => await widget.page.evaluate(() => location.hash) === '');
	await widget.say('here');
	await comes(() => widget.mark('here'), 'the link once more asks nothing: it is that conversation', 'sent');
	is(await question(widget).count(), 0, 'without a question');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('a link on a device that has nothing to lose', async () => {
	const { channel, link, mine } = await twoConversations();
	await mine.context.close();
	// A visitor who has looked, and not written.
	const looks = await device(channel);
	await looks.widget.open();
	await comes(() => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'somebody looks', '3');
	const { widget } = await follow(looks.context, link);
	await comes(() => widget.texts(), 'has the link\'s conversation', ['theirs']);
	is(await question(widget).count(), 0, 'without a question');
	await looks.context.close();
	// One who has written before there was a line.
	const offline = await device(channel);
	line.cut();
	await offline.widget.open(false);
	await offline.widget.say('early');
	const late = await follow(offline.context, link);
	line.open();
	await question(late.widget).waitFor();
	await comes(() => sql(`SELECT count(DISTINCT visitor) FROM webchatt.messages WHERE channel_id = '${channel.id}'`), 'whose words are in a conversation of their own', '3');
	is(late.widget.errors, [], 'no errors');
	await offline.context.close();
});

run(tidy);
