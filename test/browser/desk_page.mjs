// The desk as somebody who looks at it sees it.
import { until } from './harness.mjs';
import { newContext, quoted, sql } from './world.mjs';

export const deskUrl = process.env.DESK_URL;

export async function makeAgent(name, displayName, role = 'agent') {
	await sql(`SELECT webchatt.create_agent(${quoted(name)}, ${quoted(displayName)}, ${quoted(role)})`);
}

export const linkFor = name => sql(`SELECT webchatt.sign_in_link(${quoted(name)})`);

export class DeskPage {
	constructor(page) {
		this.page = page;
		this.errors = [];
		page.on('pageerror', error => this.errors.push(String(error)));
		page.on('console', message => {
			if (/Content.Security.Policy|Refused to/i.test(message.text()))
				this.errors.push(message.text());
		});
		page.on('dialog', dialog => {
			this.errors.push(`dialog: ${dialog.message()}`);
			dialog.dismiss();
		});
		this.rows = page.locator('[data-row]');
		this.log = page.getByRole('log');
		this.field = page.getByRole('textbox', { name: 'Write an answer…' });
		this.head = page.locator('.talk-head');
	}

	// In a browser of its own, signed in as that agent.
	static async signedIn(name, options = {}) {
		const context = await newContext(options);
		const desk = new DeskPage(await context.newPage());
		await desk.page.goto(await linkFor(name));
		await desk.page.locator('nav.pages').waitFor();
		return desk;
	}

	// Of the conversation whose last message is that.
	row(text) {
		return this.rows.filter({ hasText: text });
	}

	async open(text) {
		await this.row(text).click();
		await this.field.waitFor();
	}

	// To a page of the bar, or of the list behind "More" where an admin has it there.
	async go(page) {
		const bar = this.page.locator('nav.pages');
		const link = bar.getByRole('link', { name: page });
		if (await link.count()) {
			await link.click();
			return bar.locator('[aria-current]').filter({ hasText: page }).waitFor();
		}
		await bar.getByRole('link', { name: 'More' }).click();
		await this.page.locator('.more').getByText(page, { exact: true }).click();
		return this.page.getByRole('heading', { name: page, level: 1 }).waitFor();
	}

	// To a page by its address: nothing of the one before is there any more.
	at(path) {
		return this.page.evaluate(hash => location.hash === hash || new Promise(done => {
			addEventListener('hashchange', () => done(true), { once: true });
			location.hash = hash;
		}), `#/${path}`);
	}

	async say(text) {
		await this.field.fill(text);
		await this.field.press('Enter');
	}

	// What is in the log: [own or theirs, text, status] of each message.
	shown() {
		return this.log.evaluate(log => Array.from(log.querySelectorAll('.row'), row => {
			const text = row.querySelector('.text');
			const mark = row.querySelector('.mark');
			return [row.classList.contains('own') ? 'own' : 'theirs', text ? text.textContent : '', mark ? mark.className.replace('mark ', '') : ''];
		}));
	}

	texts() {
		return this.shown().then(all => all.map(one => one[1]));
	}

	async status(text) {
		const found = (await this.shown()).filter(one => one[1] === text);
		return found.length === 1 ? found[0][2] : `${found.length} messages`;
	}

	// A call of the desk's API from the page, as a hand-made script would; gives [status, answer].
	call(name, args = {}, headers = { 'X-Webchatt-Desk': '1' }) {
		return this.page.evaluate(async ([url, body, more]) => {
			const response = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...more } });
			return [response.status, await response.json().catch(() => null)];
		}, [`/desk/api/${name}`, JSON.stringify(args), headers]);
	}

	// Where the focus is: its name, as a screen reader says it, more or less.
	focus() {
		return this.page.evaluate(() => {
			const element = document.activeElement;
			return element.getAttribute('aria-label') || element.textContent.trim().slice(0, 300) || element.tagName;
		});
	}

	// Press Tab until such an element has the focus; at most so often.
	async tabTo(selector) {
		for (let presses = 0; presses < 120; presses++) {
			if (await this.page.evaluate(wanted => document.activeElement.matches(wanted), selector))
				return true;
			await this.page.keyboard.press('Tab');
		}
		return false;
	}

	// Whether anything is wider than the window.
	isTooWide() {
		return this.page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth ||
			[...document.querySelectorAll('#desk *:not(.hush):not(.hush *):not(pre *):not(.wide *):not(.skip)')].some(element => {
				const { right, width } = element.getBoundingClientRect();
				return width && right > innerWidth + 1 && getComputedStyle(element).overflow === 'visible' && !element.closest('.line, .sub, pre');
			}));
	}

	async settled() {
		return until(async () => await this.page.locator('.bar').count() === 0);
	}

	close() {
		return this.page.context().close();
	}
}
