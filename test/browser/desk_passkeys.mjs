// Agents who sign in by passkeys, which an authenticator of Chromium's own makes and keeps.
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, linkFor, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { newContext, sql, tidy } from './world.mjs';

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

// A device that verifies whoever touches it, for one page.
class Device {
	static async on(desk) {
		const device = new Device();
		device.line = await desk.page.context().newCDPSession(desk.page);
		await device.say('enable');
		({ authenticatorId: device.id } = await device.say('addVirtualAuthenticator', { options: {
			protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true
		} }));
		return device;
	}

	say(what, args = {}) {
		return this.line.send(`WebAuthn.${what}`, this.id ? { authenticatorId: this.id, ...args } : args);
	}

	// The passkey that it has, as if it had been used so often.
	async setCount(signCount) {
		const { credentials: [one] } = await this.say('getCredentials');
		await this.say('removeCredential', { credentialId: one.credentialId });
		await this.say('addCredential', { credential: { ...one, signCount } });
	}
}

const passkeysOf = name => sql(`SELECT count(*) FROM webchatt.passkeys WHERE agent = '${name}'`);
const headings = desk => () => desk.page.getByRole('heading').allInnerTexts();
const refused = desk => desk.page.locator('.by-passkey .problem').innerText();

async function add(desk, label) {
	await desk.page.getByRole('button', { name: 'Add a passkey' }).click();
	await desk.page.getByLabel('Name of the passkey').fill(label);
	await desk.page.keyboard.press('Enter');
}

async function toAccount(desk) {
	await desk.page.evaluate(() => location.hash = '#/account');
	await desk.page.getByRole('button', { name: 'Add a passkey' }).waitFor();
}

async function signOut(desk) {
	await desk.page.getByRole('button', { name: 'Sign out' }).click();
	await desk.page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
}

async function byPasskey(desk) {
	await desk.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
}

// What the page sends with the next such call.
async function sent(desk, name, work) {
	const [request] = await Promise.all([desk.page.waitForRequest(`**/desk/api/${name}`), work()]);
	return JSON.parse(request.postData());
}

// Attempts to sign in that fail are counted by address: from now on the page is elsewhere.
let addresses = 0;
const move = desk => desk.page.context().setExtraHTTPHeaders({ 'X-Forwarded-For': `192.0.2.${++addresses}` });

test('a passkey', async () => {
	const rui = await DeskPage.signedIn('rui');
	const device = await Device.on(rui);
	await toAccount(rui);
	await add(rui, '<b onclick="alert(1)">Rui\'s</b> phone');
	await comes(() => rui.page.locator('[aria-label="Passkeys"] li b').allInnerTexts(), 'it is listed, by its name', ['<b onclick="alert(1)">Rui\'s</b> phone']);
	is(await passkeysOf('rui'), '1', 'and in the table');
	await comes(() => rui.focus(), 'the focus is where it was', 'Add a passkey');
	like(await rui.page.locator('[aria-label="Passkeys"] li small').innerText(), /not used yet/, 'not used yet');
	await add(rui, 'Again');
	await comes(() => rui.page.locator('#passkey-problem').innerText(), 'a device makes one of somebody, not two', 'This device has a passkey of yours already.');
	await rui.page.keyboard.press('Escape');
	await comes(() => rui.focus(), 'Esc gives the focus back', 'Add a passkey');

	await signOut(rui);
	is((await rui.call('me'))[0], 401, 'nobody is signed in');
	await rui.page.getByRole('button', { name: 'Sign in with a passkey' }).hover();
	is(await rui.page.locator('#desk').evaluate(poorContrast), [], 'a button can be read also under the pointer');
	// the desk's process ends between the two calls that it takes
	await rui.page.route('**/desk/api/passkey_sign_in', async route => {
		await sql(`SELECT pg_terminate_backend(pid, 180000) FROM pg_stat_activity WHERE backend_type = 'webchatt desk'`);
		await route.continue();
	});
	await byPasskey(rui);
	await rui.page.locator('nav.pages').waitFor();
	await rui.page.unroute('**/desk/api/passkey_sign_in');
	is((await rui.call('me'))[1].agent.name, 'rui', 'the passkey says who it is, and opens the desk');
	const cookie = (await rui.page.context().cookies()).find(one => one.name === 'webchatt_desk');
	is([cookie.httpOnly, cookie.sameSite], [true, 'Strict'], 'by a cookie as a link gives one');
	await toAccount(rui);
	like(await rui.page.locator('[aria-label="Passkeys"] li small').innerText(), /last used/, 'the use is written down');

	await signOut(rui);
	const used = await sent(rui, 'passkey_sign_in', () => byPasskey(rui));
	await rui.page.locator('nav.pages').waitFor();
	await toAccount(rui);
	await signOut(rui);
	const [status, answer] = await rui.call('passkey_sign_in', used);
	is([status, answer.errorCode], [401, 'invalid_passkey'], 'what somebody has overheard does not work again');
	is((await rui.call('me'))[0], 401, 'and gives no session');
	const { challenge } = (await rui.call('passkey_challenge'))[1];
	const client = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(used.clientDataJSON, 'base64url')), challenge })).toString('base64url');
	is((await rui.call('passkey_sign_in', { ...used, clientDataJSON: client }))[1].detail, 'the signature is not of this passkey', 'nor with another challenge in it');
	is((await rui.call('passkey_sign_in', { ...used, signature: 5 }))[0], 400, 'nonsense is refused');
	ok(!JSON.stringify(await rui.call('passkey_challenge')).includes('rui'), 'who has none is told nothing of who has');

	await move(rui);
	await device.setCount(1);
	await byPasskey(rui);
	await comes(() => refused(rui), 'a copy that was used less often is refused',
		'The passkey was not accepted. Its count of signatures went back, so there may be a copy of it. Try again, or ask for a link.');
	await device.setCount(1000);
	await device.say('setUserVerified', { isUserVerified: false });
	await byPasskey(rui);
	await comes(() => refused(rui), 'who is not verified is not signed in', 'It was cancelled, or took too long.');
	await comes(() => rui.focus(), 'the button has the focus still', 'Sign in with a passkey');
	await device.say('setUserVerified', { isUserVerified: true });
	await byPasskey(rui);
	await rui.page.locator('nav.pages').waitFor();
	ok(true, 'who is, is');

	await toAccount(rui);
	await move(rui);
	await rui.page.getByRole('button', { name: /^Remove the passkey/ }).click();
	await rui.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
	await comes(() => passkeysOf('rui'), 'a passkey that is removed', '0');
	await comes(() => rui.page.locator('[aria-label="Passkeys"] li').count(), 'is not listed', 0);
	await comes(() => rui.focus(), 'and the focus is in its section', 'Passkeys');
	await signOut(rui);
	await byPasskey(rui);
	await comes(() => refused(rui), 'and opens nothing', 'The passkey was not accepted. It is not known here, or was removed. Try again, or ask for a link.');
	await rui.page.goto('about:blank');
	await rui.page.goto(await linkFor('rui'));
	await rui.page.locator('nav.pages').waitFor();
	ok(true, 'a link does');
	is(rui.errors, [], 'no errors on the page');
	await rui.close();
});

test('somebody else\'s', async () => {
	const rui = await DeskPage.signedIn('rui');
	const ana = await DeskPage.signedIn('ana');
	await Device.on(rui);
	await toAccount(rui);
	// what rui's device makes for rui is brought in ana's session
	await rui.page.route('**/desk/api/add_passkey', route => route.abort());
	const made = await sent(rui, 'add_passkey', () => add(rui, 'Mine'));
	await comes(() => rui.page.locator('#passkey-problem').innerText(), 'a lost answer is said', 'The server was not reached.');
	await rui.page.unroute('**/desk/api/add_passkey');
	like((await ana.call('add_passkey', made))[1].errorMessage, /not asked for in this session/, 'a challenge of another session registers nothing');
	is((await rui.call('add_passkey', { ...made, label: ' ' }))[0], 400, 'a name has to be there');
	is((await rui.call('add_passkey', { ...made, authenticatorData: made.authenticatorData.replace(/^.{4}/, 'AAAA') }))[0], 400, 'another host\'s is refused');
	is((await rui.call('add_passkey', made))[0], 200, 'in its own it works');
	is((await rui.call('add_passkey', made))[0], 400, 'once');
	const id = Number(await sql('SELECT id FROM webchatt.passkeys'));
	is((await ana.call('remove_passkey', { id }))[1], { removed: false }, 'nobody removes another\'s');
	is((await ana.call('passkeys'))[1].passkeys, [], 'nor sees it');
	is((await rui.call('delete_passkey', { id }))[0], 404, 'and there is no other way to');

	await ana.page.evaluate(() => location.hash = '#/agents');
	await comes(() => ana.page.getByText('rui · ').innerText(), 'admins see how many each has', undefined);
	like(await ana.page.getByText('rui · ').innerText(), /1 passkey$/, 'one');
	await rui.page.reload();
	await toAccount(rui);
	await signOut(rui);
	await move(rui);
	await ana.page.getByRole('button', { name: 'Disable Rui Dias' }).click();
	await ana.page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
	await comes(() => passkeysOf('rui'), 'who is disabled loses them', '0');
	await byPasskey(rui);
	await comes(() => refused(rui), 'and is refused', 'The passkey was not accepted. It is not known here, or was removed. Try again, or ask for a link.');
	await ana.page.getByRole('button', { name: 'Enable Rui Dias' }).click();
	await comes(() => sql(`SELECT disabled_at IS NULL FROM webchatt.agents WHERE name = 'rui'`), 'enabled again', 't');
	await byPasskey(rui);
	await comes(() => refused(rui).then(text => text.includes('not known here')), 'still: they begin with a link');
	is([rui.errors, ana.errors], [[], []], 'no errors on the pages');
	await Promise.all([rui.close(), ana.close()]);
});

test('where there can be none', async () => {
	const url = deskUrl.replace('localhost', '127.0.0.1');
	const desk = new DeskPage(await (await newContext()).newPage());
	await desk.page.goto(`${url}/desk/`);
	await comes(headings(desk), 'under an IP address', ['You are not signed in']);
	is(await desk.page.getByRole('button').count(), 0, 'no passkey is offered');
	await desk.page.goto('about:blank');
	await desk.page.goto((await linkFor('ana')).replace('localhost', '127.0.0.1'));
	await desk.page.locator('nav.pages').waitFor();
	await desk.page.evaluate(() => location.hash = '#/account');
	await comes(() => desk.page.locator('[aria-label="Passkeys"] .hint').innerText().then(text => text.includes('can be none')), 'nor made, which is said');
	is(await desk.page.getByRole('button', { name: 'Add a passkey' }).count(), 0, 'there is no button');
	await desk.close();
});

test('a phone, in Portuguese', async () => {
	const ana = await DeskPage.signedIn('ana', { viewport: { width: 360, height: 640 }, locale: 'pt-BR' });
	await Device.on(ana);
	await ana.page.evaluate(() => location.hash = '#/account');
	await ana.page.getByRole('button', { name: 'Adicionar chave de acesso' }).click();
	await ana.page.getByLabel('Nome da chave').fill('W'.repeat(50));
	await ana.page.keyboard.press('Enter');
	await comes(() => ana.page.getByText('ainda não usada').count(), 'a passkey with a long name', 1);
	ok(!await ana.isTooWide(), 'nothing is too wide');
	await ana.page.getByRole('button', { name: 'Sair' }).click();
	await ana.page.getByRole('button', { name: 'Entrar com chave de acesso' }).click();
	await ana.page.locator('nav.pages').waitFor();
	ok(true, 'and it signs in');
	is(ana.errors, [], 'no errors on the page');
	await ana.close();
});

await run(tidy);
