// Files, from the visitor's device to the desk and back: picked, dropped, pasted; over lines that break; refused in words.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, rows, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const hub = new URL(process.env.WEBCHATT_URL).origin;
const RULES = { maxSize: 10485760, types: ['image/*', 'text/plain', 'application/pdf'] };

await sql(`ALTER SYSTEM SET webchatt.public_url = ${quoted(hub)}`);
await sql('SELECT pg_reload_conf()');
await makeAgent('ana', 'Ana Sousa');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const sha = data => createHash('sha256').update(data).digest('hex');
const text = (name, size) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(randomBytes(Math.ceil(size / 2)).toString('hex').slice(0, size)) });

async function visiting(options = {}) {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext(options);
	const widget = await Widget.visit(context, site, channel, line, { query: { lax: '1' }, config: { files: RULES } });
	await widget.open();
	const uploads = widget.root.locator('.uploads li');
	return { channel, context, widget, uploads, picker: widget.root.locator('input[type=file]'), picture: { name: 'shoe.png', mimeType: 'image/png', buffer: await widget.page.screenshot() } };
}

// What the table has of the channel's files that are whole, by name: [name, type, SHA-256 of the bytes].
const whole = channel => rows(`SELECT f.name, f.type, encode(sha256(string_agg(c.data, '' ORDER BY c.start)), 'hex')
	FROM webchatt.files f JOIN webchatt.file_chunks c ON (c.channel_id, c.file_id) = (f.channel_id, f.id)
	WHERE f.channel_id = '${channel.id}' AND f.state = 'whole' GROUP BY f.id, f.name, f.type ORDER BY f.name`);
// What the hub says that the channel takes.
const taken = channel => fetch(`${hub}/widget-settings?webChatId=${channel.key}`).then(answer => answer.ok ? answer.json() : {}).then(settings => settings.files);
const contents = (channel, direction = 'in') => sql(`SELECT json_agg(content ORDER BY id) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = '${direction}'`)
	.then(all => JSON.parse(all || '[]'));

// Of the pieces of files that the page sends so many go, and the next ones wait: a file does not come to its end before the test
// is where it wants to be, however slow it is.
async function gate(page, url, method, left) {
	const held = [];
	const go = () => {
		while (left > 0 && held.length > 0) {
			left--;
			held.shift().continue().catch(() => 0);
		}
	};
	await page.route(url, route => {
		if (route.request().method() !== method)
			return route.continue().catch(() => 0);
		held.push(route);
		return go();
	});
	return {
		let(more) {
			left = more;
			go();
		},
	};
}
const pieces = (widget, left) => gate(widget.page, '**/files/*', 'PATCH', left);

test('files that are picked', async () => {
	const { channel, context, widget, uploads, picker, picture } = await visiting();
	ok(await widget.root.getByRole('button', { name: 'Attach a file' }).isVisible(), 'where the channel takes files, there is a button');
	const paper = text('list of (sizes) é.txt', 300000);
	await picker.setInputFiles([picture, paper]);
	await comes(() => contents(channel).then(all => all.map(one => one.type)), 'the messages come in the order in which they were picked', ['image', 'document']);
	const [image, document] = await contents(channel);
	like(image.imageUrl, new RegExp(`^${hub}/files/[\\w-]{43}/shoe\\.png$`), 'the picture is named by its URL');
	is(document.filename, paper.name, 'the other one by its name, too');
	is(await whole(channel), [[paper.name, 'text/plain', sha(paper.buffer)], [picture.name, 'image/png', sha(picture.buffer)]], 'what came is what was sent');
	await comes(() => uploads.count(), 'nothing is on its way any more', 0);
	const shown = widget.root.locator('.own .media img');
	await comes(() => shown.evaluate(img => img.naturalWidth), 'the picture is shown', 1000);
	const box = await shown.boundingBox();
	ok(Math.abs(box.width / box.height - 4 / 3) < 0.02, 'in a place that was kept for it', JSON.stringify(box));
	await comes(() => widget.root.getByRole('link', { name: paper.name }).isVisible(), 'the other one is a link');
	is(await widget.page.evaluate(() => document.activeElement.shadowRoot.activeElement.tagName), 'TEXTAREA', 'and one can go on writing');
	is(widget.errors, [], 'no error on the page');
	await context.close();
});

test('files that are dropped and pasted', async () => {
	const { channel, context, widget } = await visiting();
	const bring = (kind, files, words = '') => widget.field.evaluate((field, [type, names, told]) => {
		const carried = new DataTransfer();
		for (const name of names)
			carried.items.add(new File([`the text of ${name}`], name, { type: 'text/plain' }));
		if (told)
			carried.setData('text/plain', told);
		const over = new DragEvent('dragover', { dataTransfer: carried, bubbles: true, cancelable: true });
		if (type === 'drop')
			field.dispatchEvent(over);
		const event = type === 'drop' ? new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true })
			: new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true });
		field.dispatchEvent(event);
		return [over.defaultPrevented, event.defaultPrevented];
	}, [kind, files, words]);
	is(await bring('drop', ['a.txt', 'b.txt']), [true, true], 'dropped into the panel they do not leave the page');
	await comes(() => whole(channel).then(all => all.map(one => one[0])), 'and come', ['a.txt', 'b.txt']);
	await bring('paste', ['c.txt']);
	await comes(() => whole(channel).then(all => all.map(one => one[0])), 'so does one that is pasted', ['a.txt', 'b.txt', 'c.txt']);
	is(await bring('paste', ['d.txt'], 'a table\'s text'), [false, false], 'a text that has a picture of itself is pasted as a text');
	await comes(() => contents(channel).then(all => all.map(one => one.filename)), 'each has its message', ['a.txt', 'b.txt', 'c.txt']);
	ok(!await widget.root.locator('.dropping').count(), 'nothing is left of the drag');
	await context.close();
});

test('a line that breaks', async () => {
	const { channel, context, widget, uploads, picker } = await visiting();
	const big = text('big.txt', 5000000);
	const second = text('second.txt', 100);
	const going = await pieces(widget, 3);
	await picker.setInputFiles([big, second]);
	const bar = uploads.first().getByRole('progressbar');
	await comes(async () => {
		const value = await bar.evaluate(one => one.value).catch(() => 0);
		return value > 0.02;
	}, 'the bar shows how far it is');
	line.cut();
	going.let(Infinity);
	await comes(() => uploads.first().innerText(), 'a cut is said', 'big.txt\nWaiting for the connection…');
	const there = await sql(`SELECT received FROM webchatt.files WHERE channel_id = '${channel.id}'`);
	ok(+there > 0, 'a part is there', there);
	line.open();
	await comes(() => contents(channel).then(all => all.map(one => one.filename)), 'it goes on, and the other after it', ['big.txt', 'second.txt']);
	is(await whole(channel).then(all => all.map(one => [one[0], one[2]])), [['big.txt', sha(big.buffer)], ['second.txt', sha(second.buffer)]], 'nothing is lost or doubled');
	is(await sql(`SELECT count(*) FROM webchatt.files WHERE channel_id = '${channel.id}'`), '2', 'and nothing was begun twice');

	// no answer comes: the piece may be there
	const third = text('third.txt', 400000);
	line.mute();
	await picker.setInputFiles([third]);
	await until(async () => await sql(`SELECT count(*) FROM webchatt.files WHERE channel_id = '${channel.id}'`) === '3');
	line.cut();
	line.open();
	await comes(() => contents(channel).then(all => all.at(-1).filename), 'an answer that is lost does no harm', 'third.txt');
	is(await whole(channel).then(all => all.find(one => one[0] === 'third.txt')[2]), sha(third.buffer), 'to the file');
	is(widget.errors, [], 'no error on the page');
	await context.close();
});

test('cancelled, and closed meanwhile', async () => {
	const { channel, context, widget, uploads, picker } = await visiting();
	const going = await pieces(widget, 1);
	await picker.setInputFiles([text('one.txt', 3000000), text('two.txt', 50000)]);
	await until(async () => await sql(`SELECT coalesce(max(received), 0) FROM webchatt.files WHERE channel_id = '${channel.id}'`) > 0);
	await uploads.first().getByRole('button', { name: 'Cancel: one.txt' }).click();
	going.let(Infinity);
	await widget.page.evaluate(() => window.Chatt2me.close());
	await comes(() => contents(channel).then(all => all.map(one => one.filename)), 'one that is cancelled makes no message, the next goes, though the panel is closed', ['two.txt']);
	await comes(() => sql(`SELECT count(*) FROM webchatt.files WHERE channel_id = '${channel.id}'`), 'and nothing is kept of it', '1');
	await context.close();
});

test('somebody else is at the page', async () => {
	const { channel, context, widget, uploads, picker } = await visiting();
	const first = await theVisitor(channel);
	const going = await pieces(widget, 1);
	await picker.setInputFiles([text('mine.txt', 3000000)]);
	await until(async () => await sql(`SELECT coalesce(max(received), 0) FROM webchatt.files WHERE channel_id = '${channel.id}'`) > 0);
	await widget.page.evaluate(() => window.Chatt2me.reset());
	await comes(() => uploads.count(), 'after reset() nothing of the person before is on its way', 0);
	going.let(Infinity);
	if (!await widget.page.evaluate(() => window.Chatt2me.isOpen()))
		await widget.open();
	await widget.say('hello');
	await comes(() => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'somebody else writes', '2');
	is(await sql(`SELECT count(*) FROM webchatt.files WHERE channel_id = '${channel.id}' AND visitor <> '${first}'`), '0', 'and brings no file of theirs');
	await context.close();
});

test('what is refused is told in words', async () => {
	const { channel, context, widget, uploads, picker } = await visiting();
	await picker.setInputFiles([{ name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }, text('huge.txt', 10485761),
		{ name: 'run.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('4d5a90000300000004000000ffff0000', 'hex') }, text('good.txt', 20)]);
	await comes(() => contents(channel).then(all => all.map(one => one.filename)), 'what is good goes', ['good.txt']);
	await comes(() => uploads.allInnerTexts(), 'the rest says why not', ['empty.txt\nThe file is empty.', 'huge.txt\nFiles may have at most 10 MB.', 'run.exe\nFiles of this kind cannot be sent.']);
	like(await widget.root.locator('.panel [role=status].hush').textContent(), /Files of this kind/, 'also for who cannot see it');
	await sql(`ALTER SYSTEM SET webchatt.file_types = 'image/*'`);
	await sql('SELECT pg_reload_conf()');
	await until(() => taken(channel).then(files => files?.types?.join() === 'image/*'));
	await picker.setInputFiles([text('now.txt', 20)]);
	await comes(() => uploads.allInnerTexts().then(all => all.at(-1)), 'so does what only the server refuses', 'now.txt\nFiles of this kind cannot be sent.');
	await sql('ALTER SYSTEM RESET webchatt.file_types');
	await sql('SELECT pg_reload_conf()');
	for (let left = 4; left > 0; left--)
		await uploads.first().getByRole('button').last().click();
	is(await uploads.count(), 0, 'they can be taken away');
	is(await widget.page.evaluate(() => document.activeElement.shadowRoot.activeElement.tagName), 'TEXTAREA', 'and the focus is not lost');
	await context.close();
});

test('a reload in between', async () => {
	const { channel, context, widget, uploads, picker } = await visiting();
	const folder = mkdtempSync(join(tmpdir(), 'files-'));
	const path = join(folder, 'long.txt');
	const big = text('long.txt', 4000000);
	writeFileSync(path, big.buffer);
	const going = await pieces(widget, 2);
	await picker.setInputFiles([path]);
	await until(async () => await sql(`SELECT coalesce(max(received), 0) FROM webchatt.files WHERE channel_id = '${channel.id}'`) > 100000);
	await widget.page.reload();
	await widget.open();
	await comes(() => uploads.allInnerTexts(), 'says that it was interrupted', ['long.txt\nInterrupted. Choose the file again to go on.']);
	going.let(Infinity);
	await picker.setInputFiles([path]);
	await comes(() => contents(channel).then(all => all.map(one => one.filename)), 'picked again, it goes on', ['long.txt']);
	is(await whole(channel).then(all => all.map(one => one[2])), [sha(big.buffer)], 'and is whole');
	is(await sql(`SELECT count(*) FROM webchatt.files WHERE channel_id = '${channel.id}'`), '1', 'as the one that was begun');
	await widget.page.reload();
	await widget.open();
	is(await widget.root.evaluate(host => [host.shadowRoot.querySelectorAll('.uploads li').length, Object.keys(localStorage).filter(name => name.endsWith('.uploads'))]), [0, []], 'after which nothing is left of it');
	rmSync(folder, { recursive: true });
	await context.close();
});

test('a page whose policy lets only sockets out', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, { config: { files: RULES } });
	await widget.open();
	await widget.root.locator('input[type=file]').setInputFiles([text('one.txt', 20)]);
	await comes(() => widget.root.locator('.uploads small').innerText(), 'is told that the file cannot go, instead of waiting for ever', 'The file could not be sent.');
	await comes(() => widget.console.some(words => /^webchatt: files need http:.* in this page's connect-src$/.test(words)), 'and the console says why');
	await context.close();
});

test('where no files are taken', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const rules = () => taken(channel);
	await comes(rules, 'the settings of a channel say what may be sent', { maxSize: 10485760,
		types: ['image/*', 'video/*', 'audio/*', 'application/pdf', 'application/zip', 'application/vnd.*', 'text/plain'] });
	await sql(`ALTER SYSTEM SET webchatt.file_types = ''`);
	await sql('SELECT pg_reload_conf()');
	await comes(rules, 'or, from the next reload on, that nothing may', null);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	ok(await widget.root.getByRole('button', { name: 'Attach a file' }).isHidden(), 'and then there is no button');
	await sql('ALTER SYSTEM RESET webchatt.file_types');
	await sql('SELECT pg_reload_conf()');
	await context.close();
});

test('the desk', async () => {
	const { channel, context, widget, picker, picture } = await visiting();
	await widget.say('Which one?');
	await picker.setInputFiles([picture]);
	await comes(() => messages(channel).then(all => all.length), 'a visitor sends a picture', 2);
	const ana = await DeskPage.signedIn('ana');
	await ana.open('Image');
	await comes(() => ana.log.locator('.picture img').evaluate(img => img.naturalWidth), 'the desk shows it', 1000);
	const input = ana.page.locator('.answer input[type=file]');
	const uploads = ana.page.locator('.uploads li');
	const paper = text('invoice.txt', 200000);
	await input.setInputFiles([{ ...picture, name: 'this.png' }, paper]);
	await comes(() => contents(channel, 'out').then(all => all.map(one => one.type)), 'an agent sends a picture and a file', ['image', 'document']);
	is(await whole(channel).then(all => all.filter(one => one[0] !== 'shoe.png')), [['invoice.txt', 'text/plain', sha(paper.buffer)], ['this.png', 'image/png', sha(picture.buffer)]], 'as they are');
	await comes(() => widget.root.locator('.theirs .media img').evaluate(img => img.naturalWidth), 'the visitor sees the picture', 1000);
	await comes(() => widget.root.getByRole('link', { name: 'invoice.txt' }).isVisible(), 'and has the file');
	await comes(() => uploads.count(), 'nothing is on its way any more', 0);

	await ana.field.evaluate(field => {
		const carried = new DataTransfer();
		carried.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
		field.dispatchEvent(new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
	});
	await comes(() => contents(channel, 'out').then(all => all.at(-1).filename), 'one that is dropped goes, too', 'dropped.txt');
	await ana.field.evaluate(field => {
		const carried = new DataTransfer();
		carried.items.add(new File(['pasted'], 'pasted.txt', { type: 'text/plain' }));
		field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true }));
	});
	await comes(() => contents(channel, 'out').then(all => all.at(-1).filename), 'and one that is pasted', 'pasted.txt');

	const going = await gate(ana.page, '**/desk/api/file_piece', 'POST', 2);
	await input.setInputFiles([text('big.txt', 8000000)]);
	await until(async () => await uploads.count() && await uploads.first().getByRole('progressbar').evaluate(bar => bar.value).catch(() => 0) > 0);
	await ana.page.context().setOffline(true);
	going.let(Infinity);
	await comes(() => uploads.first().innerText(), 'a cut is said', 'big.txt\nWaiting for the connection…');
	going.let(1);
	await ana.page.context().setOffline(false);
	await until(async () => !/Waiting/.test(await uploads.first().innerText()));
	await uploads.first().getByRole('button', { name: 'Cancel big.txt' }).click();
	await comes(() => uploads.count(), 'it can be cancelled', 0);
	going.let(Infinity);
	await comes(() => sql(`SELECT count(*) FROM webchatt.files WHERE name = 'big.txt' AND channel_id = '${channel.id}'`), 'and nothing is kept of it', '0');
	await input.setInputFiles([text('huge.txt', 10485761)]);
	await comes(() => uploads.first().innerText().then(words => words.includes('huge.txt') && words.length > 'huge.txt'.length + 20), 'what is too large is told in words');
	is(ana.errors, [], 'no errors on the page');
	await Promise.all([context.close(), ana.close()]);
});

await run(tidy);
