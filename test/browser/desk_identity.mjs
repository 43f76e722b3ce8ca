// Which user of the site a visitor is, as the desk shows it: who is verified, and what is only said.
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, sql, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

await makeAgent('ana', 'Ana Sousa', 'admin');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const channel = await makeChannel([site.origin], 'Shoes');
await sql(`SELECT webchatt.set_identity_secret('${channel.id}')`);

async function visitor(text, config = {}) {
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, { config });
	await widget.open();
	await widget.say(text);
	await comes(() => widget.mark(text), `somebody writes: ${text}`, 'sent');
	return { context, widget };
}

const row = (desk, name) => desk.page.locator('.conversation', { hasText: name });

test('a user, and somebody who says so', async () => {
	const signature = await sql(`SELECT webchatt.identity_token('${channel.id}', 'customer-42', name => 'Bea Silva')`);
	const user = await visitor('I am a user', { identity: { signature, email: 'bea@example.com' } });
	const other = await visitor('I say so', { identity: { userId: 'customer-42', name: 'Bea Silva', email: '"><img src=x onerror=window.hacked=1>@x' } });
	const desk = await DeskPage.signedIn('ana');
	await comes(() => row(desk, 'I am a user').locator('.verified').count(), 'a user is marked in the inbox', 1);
	is(await row(desk, 'I say so').locator('.verified').count(), 0, 'who only says so is not');
	like(await row(desk, 'I say so').innerText(), /Bea Silva/, 'though the name is shown');
	await desk.open('I am a user');
	await comes(() => desk.head.locator('h1').innerText().then(text => text.replace(/\s+/g, ' ')), 'the head has the name, and that it is verified', 'Bea Silva Verified');
	await desk.head.getByRole('button', { name: 'Details' }).click();
	const details = desk.page.locator('.details');
	await comes(() => details.innerText().then(text => /customer-42/.test(text)), 'the details have the user\'s id', true);
	like(await details.innerText(), /bea@example\.com/, 'and what the page says');
	is(await details.locator('dd', { hasText: 'bea@example.com' }).locator('.verified').count(), 0, 'which is not marked');
	like(await details.innerText(), /but for what is marked: not proved/, 'as the words below it say');
	is(await desk.page.locator('#desk').evaluate(poorContrast), [], 'all can be read');
	if (process.env.SCREENSHOTS)
		await desk.page.screenshot({ path: `${process.env.SCREENSHOTS}/desk-verified.png` });
	await desk.open('I say so');
	await comes(() => desk.head.locator('h1').innerText(), 'the other one\'s head has the name only', 'Bea Silva');
	is(await desk.page.evaluate(() => window.hacked), undefined, 'nothing of it is more than text');

	// The other one logs in: their conversation is the user's now.
	const later = await sql(`SELECT webchatt.identity_token('${channel.id}', 'customer-42')`);
	await other.widget.page.evaluate(one => Chatt2me.identify(one), { signature: later });
	await comes(() => messages(channel).then(all => all.map(one => one[2])), 'both are one conversation', ['I am a user', 'I say so']);
	await comes(() => desk.page.locator('.conversation').count(), 'in the inbox, too', 1);
	await comes(() => desk.page.locator('.log').innerText().then(text => /I am a user/.test(text) && /I say so/.test(text)), 'who looks at the other one is led to it', true);
	await Promise.all([user.context, other.context].map(one => one.close()));
});

run(tidy);
