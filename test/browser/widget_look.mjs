// What the widget looks like, and that no page it is on and no text that comes to it changes that.
import { comes, is, ok, run, slowness, SLOW, test } from './harness.mjs';
import { makeChannel, makeWorld, newContext, quoted, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

async function visiting(options = {}, context = {}) {
	const channel = await makeChannel([site.origin]);
	const browser = await newContext(context);
	const widget = await Widget.visit(browser, site, channel, line, options);
	await widget.open();
	return { channel, context: browser, widget };
}

// Many texts at once, in their order.
async function sendAll(channel, texts) {
	const visitor = await theVisitor(channel);
	await sql(texts.map(text => `SELECT webchatt.send_message('${channel.id}', '${visitor}', content => ${quoted(JSON.stringify({ text }))}::jsonb);`).join('\n'));
}

const linksOf = widget => widget.root.locator('.log').evaluate(log =>
	Array.from(log.querySelectorAll('.list .row .text'), text => [text.textContent, ...Array.from(text.querySelectorAll('a'), a => a.textContent)]));

// --- texts ------------------------------------------------------------------

// A text, and what a reader would take for the addresses in it.
const ADDRESSES = [
	['(see https://example.com/a_(b))', 'https://example.com/a_(b)'],
	['https://example.com/a。次', 'https://example.com/a'],
	['https://example.com/foo_', 'https://example.com/foo_'],
	['_https://example.com/foo_', 'https://example.com/foo'],
	['**https://example.com/foo**.', 'https://example.com/foo'],
	['https://example.com/path*', 'https://example.com/path*'],
	['https://example.com/~user', 'https://example.com/~user'],
	['"https://example.com/a"', 'https://example.com/a'],
	['\'https://example.com/a\'', 'https://example.com/a'],
	['“https://example.com/a”, ‘https://example.com/b’', 'https://example.com/a', 'https://example.com/b'],
	['«https://example.com/a» „https://example.com/b“', 'https://example.com/a', 'https://example.com/b'],
	['「https://example.com/a」と（https://example.com/b）', 'https://example.com/a', 'https://example.com/b'],
	['https://example.com/a、https://example.com/b', 'https://example.com/a', 'https://example.com/b'],
	['https://example.com/a,https://example.com/b', 'https://example.com/a', 'https://example.com/b'],
	['詳しくはhttps://example.comをご覧ください', 'https://example.com'],
	['https://ja.wikipedia.org/wiki/日本', 'https://ja.wikipedia.org/wiki/日本'],
	['https://例え.jp/道', 'https://例え.jp/道'],
	['https://münchen.example/straße.', 'https://münchen.example/straße'],
	['https://example.com/a؟ https://example.com/b।', 'https://example.com/a', 'https://example.com/b'],
	['[a](https://example.com/a)[b](https://example.com/b)', 'https://example.com/a', 'https://example.com/b'],
	['<https://example.com/a>', 'https://example.com/a'],
	['https://example.com:8443/x?y=1&z=[2]#f', 'https://example.com:8443/x?y=1&z=[2]#f'],
	['http://localhost:3000: there', 'http://localhost:3000'],
	['http://[::1]:8080/a!', 'http://[::1]:8080/a'],
	['https://example.com/a...', 'https://example.com/a'],
	['https://example.com/a?!', 'https://example.com/a'],
	['https://example.com’s', 'https://example.com'],
	['https://example.com/?', 'https://example.com/'],
	['https://example.com/a(b', 'https://example.com/a'],
	['HTTPS://EXAMPLE.COM/A', 'HTTPS://EXAMPLE.COM/A'],
	['https://bank.example@evil.example', 'https://bank.example'],
	['https:// and www. and @', ...[]],
	['(www.example.org).', 'www.example.org'],
	['wwww.example.org and x.www.example.org', ...[]],
	['ana@example.com.', 'ana@example.com'],
	['連絡はana@example.comまで', 'ana@example.com'],
	['<ana+tag@sub.example.co.uk>,bo@example.com', 'ana+tag@sub.example.co.uk', 'bo@example.com'],
	['jürgen@müller.example', 'jürgen@müller.example'],
	['a@b, x@y.z, @name', ...[]]
];

test('addresses in a text', async () => {
	const { channel, context, widget } = await visiting();
	await sendAll(channel, ADDRESSES.map(one => one[0]));
	await comes(() => widget.texts().then(all => all.length), 'all are shown', ADDRESSES.length);
	const links = await linksOf(widget);
	for (const wanted of ADDRESSES)
		is(links.find(one => one[0] === wanted[0]), wanted, `what is the address in ${wanted[0]}`);
	await context.close();
});

test('a text without blanks', async () => {
	const { channel, context, widget } = await visiting();
	const parts = ['a', '@', 'a@', 'www.', 'https://', 'a.', '😀', '次', 'https://a.example/', '*https://a/', '(', ')', '\'.', '*'];
	const visitor = await theVisitor(channel);
	await widget.page.evaluate(() => {
		window.longest = 0;
		new PerformanceObserver(list => list.getEntries().forEach(one => window.longest = Math.max(window.longest, one.duration))).observe({ type: 'longtask' });
	});
	for (let i = 0; i < parts.length; i++) {
		await sql(`SELECT webchatt.send_message('${channel.id}', '${visitor}', content => jsonb_build_object('text',
			${i < parts.length - 4 ? '\'\'' : '\'*https://example.com/\''} || repeat(${quoted(parts[i])}, ${Math.floor(60000 / Buffer.byteLength(parts[i]))})))`);
		await comes(() => widget.texts().then(all => all.length), `60,000 bytes of ${parts[i]} are shown`, i + 1);
	}
	// A tenth of a second on a machine with nothing else to do.
	const longest = await widget.page.evaluate(() => window.longest);
	ok(longest < 5000 * slowness() * (SLOW || 1), `and the page is not kept from anything (${longest} ms)`);
	const width = await widget.root.locator('.log').evaluate(log => log.scrollWidth - log.clientWidth);
	is(width, 0, 'nor are they wider than the panel');
	await context.close();
});

// --- the page around it -------------------------------------------------------

// Everything that can be asked of the looks of everything in the widget.
const looks = widget => widget.root.evaluate(host => [host, ...host.shadowRoot.querySelectorAll('*')].map(element => {
	const style = getComputedStyle(element);
	const box = element.getBoundingClientRect();
	return `${element.tagName}.${element.getAttribute('class')} ${[box.x, box.y, box.width, box.height].map(Math.round)} ` +
		Array.from(style).filter(name => !name.startsWith('--')).map(name => `${name}:${style.getPropertyValue(name)}`).join(';');
}));

// The first thing that is not as it was.
async function same(widget, before, what) {
	await widget.page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
	const now = await looks(widget);
	const at = before.findIndex((one, i) => one !== now[i]);
	const parts = at < 0 ? [] : now[at].split(';').filter(one => !before[at].split(';').includes(one));
	is(parts.slice(0, 5), [], what);
}

const RULES = [
	'div:empty { display: none }',
	'* { letter-spacing: 6px !important; text-transform: uppercase !important; color: lime !important; font: italic 40px serif !important }',
	'* { visibility: hidden !important; opacity: .3 !important; pointer-events: auto !important; transition: all 9s !important; animation: rise 9s infinite !important }',
	'div { transform: translateZ(0); filter: blur(2px); contain: paint; float: left; margin: 90px; padding: 40px; max-width: 50px; zoom: 2 }',
	'html { font-size: 62.5%; text-align: center; line-height: 4; word-spacing: 9px; cursor: none; user-select: none; hyphens: auto; writing-mode: vertical-rl; direction: rtl; text-size-adjust: 200% }',
	'body { transform: scale(.5) rotate(9deg); filter: grayscale(1); zoom: 2; display: none; pointer-events: none; opacity: .1; contain: strict }',
	'html { display: grid; gap: 90px; grid-template-columns: 1fr 1fr 1fr }',
	':root { --safe: 99px; --above: 99px; --below: 99px; --seen: 9px; --edge: 9px }',
	'#chatt2me-widget { display: none !important; inset: auto !important; width: 1px !important; position: static !important; direction: rtl !important; zoom: 3 !important }',
	'#chatt2me-widget { all: unset !important; clip-path: inset(50%) !important; content-visibility: hidden !important; mask: linear-gradient(#0000, #0000) !important }',
	'@media all { html > :last-child { display: none !important } } :host { display: none !important } .panel, .root, button { display: none !important }',
	'@font-face { font-family: system-ui; src: url(data:,) } @keyframes rise { from, to { transform: translateX(900px) } }'
];

test('rules of the page', async () => {
	const { channel, context, widget } = await visiting({ query: { lax: '1' } }, { reducedMotion: 'reduce' });
	await widget.say('Hello');
	await send(channel, { text: 'A link: https://example.com' });
	await comes(() => widget.texts().then(all => all.length), 'messages are there', 2);
	await comes(() => widget.mark('Hello'), 'and settled', 'sent');
	const before = await looks(widget);
	for (const rule of RULES) {
		const tag = await widget.page.addStyleTag({ content: rule });
		await same(widget, before, `nothing changes by ${rule}`);
		await tag.evaluate(element => element.remove());
	}
	await widget.page.evaluate(() => document.querySelectorAll('*').forEach(element => element.animate && element.animate({ opacity: [1, 1] }, 1)));
	const shown = async rule => {
		const tag = await widget.page.addStyleTag({ content: rule });
		await widget.page.evaluate(() => {
			window.Chatt2me.close();
			window.Chatt2me.open();
		});
		const { x, y, width, height } = await widget.panel.boundingBox();
		ok(x > 0 && y > 0 && x + width < 1000 && y + height < 760, `the panel is on the screen with ${rule}`, [x, y, width, height].join());
		await tag.evaluate(element => element.remove());
	};
	for (const rule of ['html { transform: translate(300px, 900px) }', 'html { contain: paint; margin: 300px; width: 100px }', 'html { perspective: 1px; filter: blur(0); padding: 400px; width: 10px }'])
		await shown(rule);
	await shown('html { zoom: 1.5 }');
	await widget.page.evaluate(() => {
		document.getElementById('chatt2me-widget').hidden = true;
	});
	ok(await widget.launcher.isHidden(), 'the page hides it by "hidden"');
	await context.close();
});

test('a container of the page', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const page = await context.newPage();
	const widget = new Widget(page);
	await page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync('.slide { transform: translateX(40px); overflow: hidden; height: 90px; width: 300px }');
		document.adoptedStyleSheets = [sheet];
		const slide = document.createElement('p');
		slide.className = 'slide';
		document.querySelector('h1').after(slide);
		slide.append(document.getElementById('chatt2me-widget'));
	}));
	await page.goto(`${site.origin}/?${new URLSearchParams({ config: JSON.stringify({ webChatId: channel.key, endpoint: line.url }), own: '1' })}`);
	await widget.open();
	const box = await widget.launcher.boundingBox();
	is([box.x + box.width, box.y + box.height], [980, 740], 'in what is moved and cut, it is in the corner of the screen');
	await widget.say('Here');
	await comes(() => widget.mark('Here'), 'and can be used', 'sent');
	await context.close();
});

// What pages do that want keys, the wheel or the focus for themselves.
const GREEDY = () => {
	window.got = [];
	const search = document.createElement('input');
	search.id = 'search';
	document.body.append(search);
	const modal = document.createElement('div');
	modal.tabIndex = -1;
	modal.id = 'modal';
	modal.append(document.createElement('input'), document.createElement('button'));
	document.body.append(modal);
	document.body.style.height = '4000px';
	const skips = event => /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
	for (const capture of [false, true]) {
		for (const type of ['keydown', 'keypress', 'keyup']) {
			document.addEventListener(type, event => {
				if (skips(event))
					return;
				window.got.push(`${type} ${event.key}`);
				event.preventDefault();
				search.focus();
			}, capture);
		}
		for (const type of ['wheel', 'touchmove', 'mousedown', 'touchstart', 'pointerdown', 'click', 'paste', 'copy', 'beforeinput', 'selectstart', 'contextmenu']) {
			document.addEventListener(type, event => {
				event.preventDefault();
				event.stopImmediatePropagation();
				if (!capture)
					window.got.push(type);
			}, { capture, passive: false });
		}
		// Bootstrap's, jQuery UI's and others': the focus comes back.
		for (const type of ['focusin', 'focus']) {
			document.addEventListener(type, event => {
				if (!modal.contains(event.target) && event.target !== document) {
					window.got.push(type);
					modal.focus();
				}
			}, capture);
		}
		// Radix's: it does not leave.
		document.addEventListener('focusout', event => {
			if (event.relatedTarget && !modal.contains(event.relatedTarget)) {
				window.got.push('focusout');
				modal.firstChild.focus();
			}
		}, capture);
	}
};

test('a page that wants all keys, the wheel and the focus', async () => {
	const { channel, context, widget } = await visiting({ query: { lax: '1' } }, { permissions: ['clipboard-read', 'clipboard-write'] });
	const { page } = widget;
	await sendAll(channel, Array.from({ length: 40 }, (_, i) => `n${i}`));
	await comes(() => widget.texts().then(all => all.length), 'there is something to scroll', 40);
	const log = widget.root.locator('.log');
	await widget.root.getByRole('button', { name: 'Close chat' }).first().click();
	await page.evaluate(GREEDY);
	await page.evaluate(() => document.querySelector('#modal input').focus());
	await widget.launcher.click();
	await widget.field.click();
	await page.keyboard.type('Ask /? about k');
	await page.keyboard.press('Shift+Enter');
	await page.keyboard.type('two');
	is(await widget.field.inputValue(), 'Ask /? about k\ntwo', 'what is typed is in the field');
	await page.keyboard.press('ControlOrMeta+A');
	await page.keyboard.press('ControlOrMeta+C');
	await page.keyboard.press('End');
	await page.keyboard.press('ControlOrMeta+V');
	await comes(() => widget.field.inputValue(), 'as is what is copied and pasted', 'Ask /? about k\ntwoAsk /? about k\ntwo');
	await page.keyboard.press('Enter');
	await comes(() => widget.texts().then(all => all.length), 'Enter sends', 41);
	const at = () => widget.root.evaluate(host => host.shadowRoot.activeElement.className);
	await page.keyboard.press('Shift+Tab');
	for (let i = 0; i < 8 && await at() !== 'log'; i++)
		await page.keyboard.press('Shift+Tab');
	is(await at(), 'log', 'Tab moves in the panel');
	const box = await log.boundingBox();
	await page.mouse.move(box.x + 40, box.y + 200);
	const top = await log.evaluate(element => element.scrollTop);
	await page.mouse.wheel(0, -300);
	await comes(() => log.evaluate((element, before) => element.scrollTop < before, top), 'the wheel scrolls the messages');
	await log.evaluate(element => {
		element.scrollTop = 0;
	});
	await page.mouse.wheel(0, -300);
	await page.mouse.move(box.x + 40, box.y - 20);
	await page.mouse.wheel(0, 300);
	await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
	is(await page.evaluate(() => scrollY), 0, 'and never the page');
	is(await page.evaluate(() => window.got), [], 'of all that the page is told nothing');
	await page.keyboard.press('Escape');
	ok(await widget.panel.isHidden(), 'Esc closes');
	// The page's own are as before.
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('x');
	ok((await page.evaluate(() => window.got)).includes('keydown x'), 'outside, the page has its keys');
	await page.mouse.move(50, 50);
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('opened by the page', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, { query: { lax: '1' } });
	const { page } = widget;
	const focused = () => page.evaluate(() => {
		let at = document.activeElement;
		while (at.shadowRoot && at.shadowRoot.activeElement)
			at = at.shadowRoot.activeElement;
		return at.id || at.tagName;
	});
	await page.evaluate(() => {
		document.body.insertAdjacentHTML('beforeend', '<input id="card"><div id="rich" contenteditable>x</div><iframe id="frame" srcdoc="<input>"></iframe><div id="parts"></div><button id="ask">Ask</button>');
		document.getElementById('parts').attachShadow({ mode: 'open' }).innerHTML = '<textarea id="inner"></textarea>';
		document.getElementById('ask').onclick = () => window.Chatt2me.open();
	});
	for (const [id, element] of [['card', '#card'], ['rich', '#rich'], ['inner', '#parts textarea']]) {
		await page.locator(element).click();
		await page.keyboard.type('4111');
		await page.evaluate(() => window.Chatt2me.open());
		await widget.panel.waitFor();
		await page.keyboard.type('1111');
		is([await focused(), await widget.field.inputValue()], [id, ''], `what is typed on in ${id} stays there`);
		await page.evaluate(() => window.Chatt2me.close());
		is(await focused(), id, 'and when it is closed again');
	}
	await page.locator('#frame').click();
	await page.evaluate(() => window.Chatt2me.open());
	await widget.panel.waitFor();
	is(await focused(), 'frame', 'or in a frame, such as those for payments');
	await page.evaluate(() => window.Chatt2me.close());
	await page.locator('#ask').click();
	await comes(focused, 'a button of the page that opens it leads to the field', 'TEXTAREA');
	await context.close();
});

// --- what it shows ---------------------------------------------------------------

test('the first letter of a name', async () => {
	for (const [title, wanted] of [['🍵 Tea', '🍵'], ['👩‍🍳 Cook', '👩‍🍳'], ['🇵🇹 Loja', '🇵🇹'], ['é́cole', 'É́'], ['ñandú', 'Ñ'], ['क्षेत्र', ''], ['  tea', 'T']]) {
		const channel = await makeChannel([site.origin]);
		const context = await newContext();
		const widget = await Widget.visit(context, site, channel, line, { config: { title: title.normalize('NFD') } });
		await widget.open(false);
		const got = await widget.root.locator('header .avatar').innerText();
		ok(wanted ? got.normalize('NFC') === wanted.normalize('NFC') : got.length > 1, `of ${title}`, got);
		await context.close();
	}
	const old = await newContext();
	await old.addInitScript(() => {
		delete Intl.Segmenter;
	});
	const widget = await Widget.visit(old, site, await makeChannel([site.origin]), line, { config: { title: '👩‍🍳 Cook' } });
	await widget.open(false);
	is(await widget.root.locator('header .avatar').innerText(), '👩‍🍳', 'in an older browser too');
	await old.close();
});

test('on paper', async () => {
	const { context, widget } = await visiting();
	await widget.page.emulateMedia({ media: 'print' });
	ok(await widget.launcher.isHidden() && await widget.panel.isHidden(), 'there is none of it');
	await widget.page.emulateMedia({ media: 'screen' });
	ok(await widget.panel.isVisible(), 'and then it is there again');
	await context.close();
});

test('the part of the screen that a keyboard leaves', async () => {
	for (const [width, height] of [[360, 640], [820, 1100]]) {
		const channel = await makeChannel([site.origin]);
		const context = await newContext({ viewport: { width, height }, hasTouch: true, reducedMotion: 'reduce' });
		await context.addInitScript(all => {
			const seen = Object.assign(new EventTarget(), { width: all[0], height: all[1], offsetTop: 0, offsetLeft: 0, scale: 1 });
			Object.defineProperty(window, 'visualViewport', { value: seen });
			window.see = (type, values) => {
				Object.assign(seen, values);
				seen.dispatchEvent(new Event(type));
			};
		}, [width, height]);
		const widget = await Widget.visit(context, site, channel, line);
		await widget.open();
		const box = async () => {
			const { y, height: high } = await widget.panel.boundingBox();
			return [Math.round(y), Math.round(y + high)];
		};
		const before = await box();
		await widget.page.evaluate(() => window.see('resize', { height: 400 }));
		let [top, bottom] = await box();
		ok(top >= 0 && bottom <= 400, `${width} px: the panel is above the keyboard`, `${top} ${bottom}`);
		await widget.page.evaluate(() => window.see('scroll', { offsetTop: 150 }));
		[top, bottom] = await box();
		ok(top >= 150 && bottom <= 550, 'and goes along when the screen is moved', `${top} ${bottom}`);
		const field = await widget.field.boundingBox();
		ok(field.y > 150 && field.y + field.height <= 550, 'with the field in it');
		await widget.page.evaluate(() => window.see('resize', { height: 320, offsetTop: 90, scale: 2 }));
		is(await box(), before, 'who makes the page larger moves about in the whole of it');
		await context.close();
	}
});

test('what is below the fold', async () => {
	const { channel, context, widget } = await visiting({}, { viewport: { width: 1000, height: 500 } });
	const log = widget.root.locator('.log');
	await sendAll(channel, Array.from({ length: 30 }, (_, i) => `n${i}`));
	const toEnd = () => log.evaluate(element => {
		element.scrollTop = element.scrollHeight;
	});
	const read = () => sql(`SELECT count(*) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND status = 'read'`);
	await comes(() => widget.texts().then(all => all.length), 'more comes than the open panel has room for', 30);
	await comes(() => read().then(count => count > 0 && count < 30), 'what is seen of it is read');
	await toEnd();
	await comes(read, 'and all of it at the end', '30');
	await log.evaluate(element => {
		element.scrollTop = 0;
	});
	const id = await send(channel, { text: 'below' });
	await comes(() => widget.texts().then(all => all.length), 'a message comes below what is read', 31);
	await comes(() => statusOf(id), 'it is delivered', 'delivered');
	await comes(() => widget.badge(), 'and counted', '1');
	ok(await widget.root.getByRole('button', { name: 'New messages' }).isVisible(), 'and told of');
	is(await statusOf(id), 'delivered', 'it is not read yet');
	await widget.root.getByRole('button', { name: 'New messages' }).click();
	await comes(() => statusOf(id), 'it is, when it was seen', 'read');

	// Away: closed, then opened where the new ones begin.
	await widget.launcher.click();
	await sendAll(channel, Array.from({ length: 30 }, (_, i) => `m${i}`));
	await comes(() => widget.badge(), 'many come while it is closed', '30');
	await widget.launcher.click();
	const seen = () => log.evaluate(element => {
		const view = element.getBoundingClientRect();
		return Array.from(element.querySelectorAll('.text')).filter(one => one.getBoundingClientRect().top >= view.top && one.getBoundingClientRect().bottom <= view.bottom).map(one => one.textContent);
	});
	await comes(() => seen().then(all => all[0]), 'opened, it shows the first of them', 'm0');
	await comes(() => widget.badge().then(count => count > 0 && count < 30), 'those on the screen are read, the others not');
	await toEnd();
	await comes(() => widget.badge(), 'until they were seen', '');

	// On a page that is taken away with the widget in it.
	await widget.page.evaluate(() => {
		window.kept = document.getElementById('chatt2me-widget');
		window.kept.hidden = true;
	});
	const unseen = await send(channel, { text: 'hidden' });
	await comes(() => statusOf(unseen), 'what comes to a hidden one is delivered', 'delivered');
	await comes(() => widget.page.evaluate(() => window.Chatt2me.unread()), 'and unread', 1);
	await widget.page.evaluate(() => {
		window.kept.hidden = false;
	});
	await comes(() => statusOf(unseen), 'until it can be seen', 'read');
	await context.close();
});

test('right to left', async () => {
	const { channel, context, widget } = await visiting({ query: { lang: 'ar', dir: 'rtl' } });
	const side = () => widget.field.evaluate(field => getComputedStyle(field).direction);
	is(await side(), 'rtl', 'the empty field begins at the right');
	await widget.field.fill('Hello');
	is(await side(), 'ltr', 'a text in English is written from the left');
	await widget.field.fill('مرحبا');
	is(await side(), 'rtl', 'one in Arabic from the right');
	await widget.field.fill('');
	is(await side(), 'rtl', 'and so is the next');
	await widget.say('Hello');
	await comes(() => widget.texts().then(all => all.length), 'sent', 1);
	is(await side(), 'rtl', 'also when it was sent');
	await send(channel, { contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+351 21 000' }], emails: [{ email: 'ana@example.com' }] }] });
	await send(channel, { interactive: { type: 'list', body: { text: 'Which?' }, action: { button: 'Choose', sections: [{ title: 'Orders', rows: [{ id: 'a', title: 'A-1', description: 'Tea' }] }] } } });
	await widget.root.locator('summary').click();
	const edges = await widget.root.locator('.option').evaluate(option => Array.from(option.children, child => {
		const range = document.createRange();
		range.selectNodeContents(child);
		return Math.round(range.getBoundingClientRect().right);
	}));
	is(edges[0], edges[1], 'what is written in another direction stands at the same side');
	const ways = widget.root.locator('.way a');
	await comes(() => ways.count(), 'a contact comes', 2);
	is(await ways.first().locator('bdi').evaluate(number => getComputedStyle(number).direction), 'ltr', 'a number is read from the left');
	const boxes = await ways.evaluateAll(all => all.map(way => way.getBoundingClientRect().height));
	ok(boxes.every(height => height >= 24), 'and can be hit by a finger, as the address can', boxes.join());
	await context.close();
});

test('a field of several lines', async () => {
	const { context, widget } = await visiting();
	const heights = [];
	for (let lines = 1; lines <= 9; lines++) {
		await widget.field.fill(Array(lines).fill('x').join('\n'));
		heights.push(await widget.field.evaluate(field => field.offsetHeight));
	}
	is(heights.map((height, i) => i && height - heights[i - 1]), [0, 22, 22, 22, 22, 22, 0, 0, 0], 'grows with its lines, up to six');
	is(heights[5] - heights[0], 110, 'which are seen whole');
	// In Firefox a scrollbar of the field's own stood in its corners.
	is(await widget.root.locator('.grown').evaluate(around => {
		const { borderTopLeftRadius, overflowX } = getComputedStyle(around);
		return [borderTopLeftRadius, overflowX];
	}), ['20px', 'hidden'], 'with round corners that nothing stands in');
	await widget.say('x\ny');
	await comes(() => widget.field.evaluate(field => field.offsetHeight), 'and is one line again when it was sent', heights[0]);
	await context.close();
});

test('colours of the visitor\'s own', async () => {
	const { channel, context, widget } = await visiting({}, { forcedColors: 'active' });
	await send(channel, { interactive: { type: 'button', body: { text: 'Well?' }, action: { buttons: [{ reply: { id: 'y', title: 'Yes' } }, { reply: { id: 'n', title: 'No' } }] } } });
	await widget.root.getByRole('button', { name: 'Yes' }).click();
	await comes(() => widget.texts().then(all => all.length), 'a button is chosen', 2);
	const looksOf = selector => widget.root.locator(selector).evaluateAll(all => all.map(one => {
		const style = getComputedStyle(one);
		return { edge: style.borderTopStyle, ground: style.backgroundColor, text: style.color };
	}));
	for (const selector of ['.launcher', '.panel', '.list .bubble', '.grown', '.send', '.shut'])
		ok((await looksOf(selector)).every(one => one.edge === 'solid'), `${selector} has an edge`);
	const [yes, no] = await looksOf('.option');
	ok(yes.ground !== no.ground && yes.ground !== yes.text, 'the chosen button is unlike the other', JSON.stringify([yes, no]));
	await widget.field.focus();
	is(await widget.root.locator('.grown').evaluate(field => getComputedStyle(field).outlineStyle), 'solid', 'the focus is seen');
	await context.close();
});

test('marks that differ in their shape', async () => {
	const { channel, context, widget } = await visiting();
	const shapes = [];
	const shape = () => widget.root.locator('.own .mark .icon').last().evaluate(icon => icon.firstChild.getAttribute('d') + getComputedStyle(icon).fill);
	await widget.say('Hello');
	// An application has no "delivered" for what a visitor wrote, but a hub may.
	await widget.page.addInitScript(() => {
		const name = Object.keys(localStorage).find(one => one.endsWith('.log'));
		localStorage.setItem(name, localStorage.getItem(name).replace('"received"', '"delivered"'));
	});
	for (const status of ['sent', 'delivered', 'read']) {
		if (status === 'delivered') {
			await widget.page.reload();
			await widget.open();
		} else if (status === 'read')
			await sql(`SELECT webchatt.mark_read('${channel.id}', '${await theVisitor(channel)}')`);
		await comes(() => widget.mark('Hello'), `a message is ${status}`, status);
		shapes.push(await shape());
	}
	is(new Set(shapes).size, 3, 'each looks different');
	const colours = await widget.root.locator('.own .mark .icon').last().evaluate(icon => [getComputedStyle(icon).color, getComputedStyle(icon.closest('.bubble')).color, getComputedStyle(icon).opacity]);
	is(colours.slice(1), [colours[0], '1'], 'with the contrast of the text');
	await context.close();
});

for (const [name, width, height] of [['at 400 %', 250, 190], ['on a very narrow screen', 240, 320]]) {
	test(name, async () => {
		const channel = await makeChannel([site.origin], 'Donaudampfschifffahrtselektrizitätenhauptbetriebs');
		const context = await newContext({ viewport: { width, height } });
		const widget = await Widget.visit(context, site, channel, line);
		await widget.open();
		await widget.say('w'.repeat(300));
		await send(channel, { text: 'Unverhältnismäßigkeitsgrundsatz '.repeat(4) });
		await send(channel, { interactive: { type: 'button', body: { text: 'Well?' }, action: { buttons: [{ reply: { id: 'y', title: 'Rechtsschutzversicherungsgesellschaften' } }] } } });
		await send(channel, { documentUrl: 'https://example.com/a', filename: `${'long'.repeat(60)}.pdf` });
		await comes(() => widget.texts().then(all => all.length), 'messages are there', 4);
		const out = await widget.root.evaluate(host => Array.from(host.shadowRoot.querySelectorAll('.panel, .panel *')).filter(element => {
			const box = element.getBoundingClientRect();
			return box.width > 1 && !element.closest('svg') && (box.left < -1 || box.right > innerWidth + 1);
		}).map(element => element.className || element.tagName));
		is(out, [], 'nothing is cut at a side');
		const log = await widget.root.locator('.log').boundingBox();
		ok(log.height >= height / 3, 'a third of the screen is for the messages', log.height);
		const field = await widget.field.boundingBox();
		ok(field.y + field.height <= height, 'and the field is on it');
		await context.close();
	});
}

await run(tidy);
