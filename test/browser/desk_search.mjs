// The search at the desk: visitors and messages as one types, what strangers wrote is text, the message itself, by keyboard.
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, quoted, send, sql, tidy } from './world.mjs';

const { site } = await makeWorld();

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const tea = await makeChannel([site.origin], 'Tea & Co.');
const lamps = await makeChannel([site.origin], 'Lamps');
const EVIL = '<img src=x onerror=alert(1)><script>alert(2)</script>';

// Visitors and what they wrote, as an import brings it: n hours apart, the last just now.
async function imported(channel, visitor, attributes, texts) {
	await sql(`INSERT INTO webchatt.visitors (channel_id, id, last_seen, attributes) VALUES ('${channel.id}', ${quoted(visitor)}, now(), ${quoted(JSON.stringify(attributes))});
		INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at)
		SELECT '${channel.id}', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - (${texts.length} - n) * 3600000), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
			${quoted(visitor)}, 'in', 'received', content, now() - (${texts.length} - n) * interval '1 hour'
		FROM jsonb_array_elements(${quoted(JSON.stringify(texts.map(text => ({ text }))))}::jsonb) WITH ORDINALITY AS e (content, n)`);
}

await imported(lamps, '019a0000-0000-7000-8000-00000000aaaa', { name: 'Jörg Müller', email: 'joerg@mueller.example' },
	Array.from({ length: 200 }, (_, n) => n === 20 ? 'My zebra lamp is broken' : `Message ${n}`));
await imported(tea, '019a0000-0000-7000-8000-00000000bbbb', { name: EVIL, email: `"${EVIL}"@x.example` }, [`A zebra ${EVIL} 🙂🙂 zebra`, 'Chá de São Tomé & more']);

const search = async name => {
	const desk = await DeskPage.signedIn(name);
	await desk.go('Search');
	desk.query = desk.page.getByRole('searchbox');
	desk.hits = () => desk.page.locator('.snippet').allInnerTexts();
	return desk;
};

test('as one types', async () => {
	const desk = await search('rui');
	await comes(() => desk.page.evaluate(() => document.activeElement.id), 'the field has the focus', 'search');
	await comes(() => desk.page.getByText('Search in messages and visitors').isVisible(), 'it says what can be searched');
	await desk.query.pressSequentially('zeb');
	await comes(desk.hits, 'a beginning finds, the newest first', [`A zebra ${EVIL} 🙂🙂 zebra`, 'My zebra lamp is broken']);
	is(await desk.page.locator('mark').allInnerTexts(), ['zebra', 'zebra', 'zebra'], 'the words are marked, behind pictures, too');
	is(await desk.page.locator('.page img, .page script').count(), 0, 'what strangers wrote is text');
	await desk.query.fill('sao tome');
	await comes(desk.hits, 'without accents', ['Chá de São Tomé & more']);
	is(await desk.page.locator('mark').allInnerTexts(), ['São', 'Tomé'], 'and marked as it is written');
	await desk.query.fill('mueller.exa');
	await comes(() => desk.page.locator('[aria-label=Visitors] b').allInnerTexts(), 'visitors are found by a part of the address', ['Jörg Müller']);
	await desk.query.fill('onerror');
	await comes(() => desk.page.locator('[aria-label=Visitors] b').allInnerTexts(), 'a name that is markup is shown as it is', [EVIL]);
	await desk.query.fill('nothing at all');
	await comes(() => desk.page.getByRole('heading', { name: 'Nothing was found' }).count(), 'or nothing is', 1);
	for (const odd of ['"', '-', "';--", 'a:* & !', '\\', '🙂', '%', '()']) {
		await desk.query.fill(odd);
		await comes(() => desk.page.locator('[aria-busy=false]').count(), `no input is an error: ${odd}`, 1);
		is(await desk.page.locator('.problem').count(), 0, 'and none is said');
	}
	await desk.query.fill('');
	await comes(() => desk.page.getByText('Search in messages and visitors').count(), 'an empty field searches nothing', 1);
	is(desk.errors, [], 'no errors on the page');
	await desk.page.context().close();
});

test('who goes on typing loses no letter', async () => {
	const desk = await DeskPage.signedIn('rui');
	await desk.rows.first().waitFor();
	is(await desk.page.evaluate(() => new Promise(done => {
		new MutationObserver((_, observer) => {
			if (!document.getElementById('search'))
				return;
			observer.disconnect();
			done(document.activeElement.id);
		}).observe(document.body, { childList: true, subtree: true });
		location.hash = '#/search';
	})), 'search', 'the field has the focus as soon as it is there');
	await desk.page.context().close();
});

test('filters', async () => {
	const desk = await search('rui');
	await desk.query.fill('zebra');
	await comes(() => desk.hits().then(all => all.length), 'two are found', 2);
	await desk.page.getByRole('combobox', { name: 'Channel' }).selectOption('Lamps');
	await comes(desk.hits, 'one on that channel', ['My zebra lamp is broken']);
	await desk.page.getByRole('combobox', { name: 'Written by' }).selectOption('By us');
	await comes(() => desk.page.getByRole('heading', { name: 'Nothing was found' }).count(), 'and none of ours', 1);
	await send(lamps, { text: 'Send your zebra back' }, '019a0000-0000-7000-8000-00000000aaaa');
	await desk.query.press('Enter');
	await comes(desk.hits, 'what is written now is found', ['Us: Send your zebra back']);
	await desk.page.context().close();
});

test('pages', async () => {
	const desk = await search('rui');
	await desk.query.fill('message');
	await comes(() => desk.hits().then(all => all.length), 'a page', 25);
	await desk.page.getByRole('button', { name: 'Search further back' }).click();
	await comes(() => desk.hits().then(all => [all.length, new Set(all).size]), 'and the next, each once', [50, 50]);
	await desk.page.context().close();
});

test('to the message and back, by keyboard', async () => {
	const desk = await DeskPage.signedIn('rui');
	await desk.rows.first().waitFor();
	await desk.page.keyboard.press('/');
	await comes(() => desk.page.evaluate(() => document.activeElement.id), 'a slash leads to the search', 'search');
	await desk.page.keyboard.type('zebra lamp');
	await comes(() => desk.page.locator('.snippet').count(), 'it is found', 1);
	await desk.page.keyboard.press('ArrowDown');
	await desk.page.keyboard.press('Enter');
	await desk.page.locator('.row.found').waitFor();
	is(await desk.page.locator('.row.found .text').innerText(), 'My zebra lamp is broken', 'Enter leads to the message');
	const inView = () => desk.page.evaluate(() => {
		const { top, bottom } = document.querySelector('.row.found').getBoundingClientRect();
		const log = document.querySelector('.log').getBoundingClientRect();
		return top >= log.top && bottom <= log.bottom;
	});
	await comes(inView, 'which is in view', true);
	const texts = await desk.texts();
	ok(texts.includes('Message 19') && texts.includes('Message 21') && !texts.includes('Message 199'), 'with what was around it');
	is(await sql(`SELECT count(*) FROM webchatt.messages WHERE visitor = '019a0000-0000-7000-8000-00000000aaaa' AND status = 'read'`), '0', 'nothing is marked as read that was not seen');
	await desk.page.locator('.log').evaluate(log => log.scrollTop = log.scrollHeight);
	await comes(() => desk.texts().then(all => all.includes('Message 80')), 'further down the next ones are read', true);
	await desk.page.getByRole('button', { name: 'To the newest messages' }).click();
	await comes(() => desk.texts().then(all => all.includes('Send your zebra back') && !all.includes('Message 20')), 'and a button leads to the newest', true);
	await desk.page.locator('.log').focus();
	await desk.page.keyboard.press('Escape');
	await comes(() => desk.page.locator('.snippet').count(), 'Esc leads back to what was found', 1);
	is(await desk.page.getByRole('searchbox').inputValue(), 'zebra lamp', 'the words are still there');

	// the same conversation, another message
	await desk.page.evaluate(id => location.hash = id, `#/conversation/${lamps.id}/019a0000-0000-7000-8000-00000000aaaa/${await sql(`SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'Message 5'`)}`);
	await comes(() => desk.page.locator('.row.found .text').innerText(), 'an address leads to a message', 'Message 5');
	await desk.page.evaluate(id => location.hash = id, `#/conversation/${lamps.id}/019a0000-0000-7000-8000-00000000aaaa/${await sql(`SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'Message 7'`)}`);
	await comes(() => desk.page.locator('.row.found .text').innerText(), 'and to another one of it', 'Message 7');
	await desk.say('An answer from there');
	await comes(() => desk.texts().then(all => all[all.length - 1]), 'an answer is at the end', 'An answer from there');
	await desk.page.evaluate(id => location.hash = id, `#/conversation/${lamps.id}/019a0000-0000-7000-8000-00000000aaaa/x'"><b>`);
	await comes(() => desk.field.count(), 'what is no message opens the conversation', 1);
	await desk.page.keyboard.press('Control+k');
	await comes(() => desk.page.evaluate(() => document.activeElement.id), 'Ctrl and K lead to the search from a field, too', 'search');
	is(desk.errors, [], 'no errors on the page');
	await desk.page.context().close();
});

test('a phone', async () => {
	const desk = await search('ana');
	await desk.page.setViewportSize({ width: 360, height: 640 });
	await desk.query.fill('zebra');
	await comes(() => desk.hits().then(all => all.length > 0), 'it is found', true);
	is(await desk.isTooWide(), false, 'nothing is wider than a phone');
	await desk.page.locator('.hit').last().click();
	await desk.page.locator('.row.found').waitFor();
	is(await desk.isTooWide(), false, 'nor the conversation that it leads to');
	await desk.page.context().close();
});

test('failures', async () => {
	const desk = await search('ana');
	let answer = { status: 503, body: '{"errorCode": "too_slow", "errorMessage": "It took too long."}' };
	await desk.page.route('**/desk/api/search', route => answer ? route.fulfill({ contentType: 'application/json', ...answer }) : route.continue());
	await desk.query.fill('zebra');
	await comes(() => desk.page.getByRole('alert').innerText(), 'what took too long says what to do', 'That took too long. Give more words, or choose a channel.');
	answer = { status: 200, body: JSON.stringify({ messages: [], visitors: [], next: null, complete: false, completeSince: '2026-01-01T00:00:00Z' }) };
	await desk.page.getByRole('button', { name: 'Try again' }).click();
	await comes(() => desk.page.locator('.empty p').innerText().then(text => /^Messages from before 1 Jan 2026.* are still being made searchable[.]$/.test(text)), 'what is not indexed yet is said', true);
	answer = null;
	await desk.query.press('Enter');
	await comes(() => desk.hits().then(all => all.length > 0), 'and then it is found', true);
	await desk.page.context().close();
});

await run(tidy);
