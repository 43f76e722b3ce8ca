// Files that the visitor picked, dropped or pasted: what is on its way is shown above the field, and when a file is whole its
// message is written.  They go one after the other, so that their messages come in order.

import style from '../../../build/widget/files.css';
import { draw, isObject, launcher, listen, make, on, setText, store, t, take } from '../core.js';
import { bring, cancel } from './files/upload.js';

const KEPT = 'uploads';
const THUMB = 40;
const MOST = 20;

export function start(core) {
	take(core);
	launcher.addStyle(style);
	const { config } = launcher;
	const list = make('ul.uploads', { 'aria-label': t('files'), hidden: true });
	const news = make('div.hush', { role: 'status' });
	const hub = { address, token: () => store.get('token') };
	let items = [];
	let under = null;
	let field = null;
	let write = null;

	// Beside the socket.
	function address(path) {
		const url = new URL(config.endpoint.replace(/^ws/, 'http'));
		url.pathname = url.pathname.replace(/communication\/.*/, '') + path.slice(1);
		url.search = `?webChatId=${config.webChatId}`;
		return url.href;
	}

	const rules = () => isObject(config.files) ? config.files : {};

	// --- words -----------------------------------------------------------

	function sizeOf(bytes) {
		const [unit, short, by] = bytes < 1048576 ? ['kilobyte', 'kB', 1024] : ['megabyte', 'MB', 1048576];
		const digits = { maximumFractionDigits: by === 1024 ? 0 : 1 };
		try {
			return new Intl.NumberFormat(launcher.host.lang, { style: 'unit', unit, ...digits }).format(bytes / by);
		} catch {
			return `${(bytes / by).toFixed(digits.maximumFractionDigits)} ${short}`;
		}
	}

	function why({ status, code }) {
		if (status === 413)
			return t('fileTooLarge', { size: sizeOf(rules().maxSize) });
		return t(status === 415 ? 'fileType' : status === 507 || code === 'files_full' ? 'filesFull' : 'fileFailed');
	}

	// What the bytes say decides, at the hub; of these a browser knows it before.
	function allowed(file) {
		const types = rules().types;
		const listed = type => type.endsWith('*') ? file.type.startsWith(type.slice(0, -1)) : type === file.type;
		return !Array.isArray(types) || !/^(image\/(?!svg)|video\/|audio\/)/.test(file.type) || types.map(String).some(listed);
	}

	// --- rows ------------------------------------------------------------

	const cross = 'M6 6l12 12M18 6L6 18';

	// A row of the list: picture, name, how far it is, and the buttons.
	function show(item) {
		const said = make('small');
		let told = '';
		const bar = make('progress', { max: 1, 'aria-label': item.name });
		const again = make('button.redo', { type: 'button', hidden: true, onclick: () => redo(item) }, t('retry'));
		const sign = make('span.thumb', { 'aria-hidden': 'true' }, draw('file', 'M7 3h7l4 4v14H7V3zm7 0v4h4'));
		const drop = make('button.drop', { type: 'button', 'aria-label': `${t('cancel')}: ${item.name}`, title: t('cancel'), onclick: () => remove(item) }, draw('close', cross));
		item.row = make('li', null, sign, make('div', null, make('b', { dir: 'auto' }, item.name), said, bar), again, drop);
		item.paint = () => {
			const going = !item.problem && item.file;
			item.row.classList.toggle('bad', !!item.problem);
			setText(said, item.problem || (item.stuck ? t('fileWaits') : going ? t('fileSize', { done: sizeOf(item.done), size: sizeOf(item.size) }) : t('interrupted')));
			const trouble = item.problem || item.stuck && t('fileWaits');
			if (trouble && trouble !== told)
				setText(news, `${item.name}: ${trouble}`);
			told = trouble;
			bar.hidden = !going;
			bar.value = item.size ? item.done / item.size : 0;
			again.hidden = !item.again;
		};
		item.paint();
		list.append(item.row);
		list.hidden = false;
		if (item.file && /^image\//.test(item.type))
			thumbnail(item.file).then(picture => sign.replaceChildren(picture), () => 0);
	}

	// Of the browser's own making; the page's policy need not allow any address for it.
	async function thumbnail(file) {
		const image = await createImageBitmap(file);
		const canvas = make('canvas', { width: THUMB * 2, height: THUMB * 2 });
		const side = Math.min(image.width, image.height);
		canvas.getContext('2d').drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, THUMB * 2, THUMB * 2);
		image.close();
		return canvas;
	}

	function remove(item) {
		if (item === under || item.id)
			cancel(item, hub);
		forget(item);
		(list.querySelector('.drop') || field).focus({ preventScroll: true });
	}

	function forget(item) {
		items = items.filter(one => one !== item);
		item.row.remove();
		list.hidden = !items.length;
		if (under === item) {
			under = null;
			pump();
		}
	}

	// --- on their way ----------------------------------------------------

	function add(files) {
		for (const file of files) {
			const known = items.find(one => !one.file && one.name === file.name && one.size === file.size && one.changed === file.lastModified);
			if (known) {
				known.row.remove();
				known.file = file;
				known.type = file.type;
				show(known);
				continue;
			}
			if (items.length >= MOST) {
				pump();
				return t('tooManyFiles', { n: MOST });
			}
			const { maxSize } = rules();
			put({
				file, name: file.name || t('files'), size: file.size, type: file.type, changed: file.lastModified,
				problem: !file.size ? t('fileEmpty') : maxSize && file.size > maxSize ? why({ status: 413 }) : allowed(file) ? '' : why({ status: 415 })
			});
		}
		pump();
		return '';
	}

	// One more for the list.
	function put(given) {
		const item = {
			...given,
			done: 0,
			nudge: () => 0,
			progress(bytes) {
				item.done = bytes;
				item.paint();
			},
			waits(yes) {
				item.stuck = yes;
				item.paint();
			}
		};
		items.push(item);
		show(item);
	}

	function redo(item) {
		item.problem = '';
		item.again = item.cancelled = false;
		item.paint();
		pump();
	}

	function pump() {
		if (under)
			return;
		under = items.find(item => item.file && !item.problem) || null;
		if (under)
			send(under);
	}

	async function send(item) {
		try {
			const answer = await bring(item, hub);
			const content = contentOf(answer, item);
			// As many messages wait as may: one has to go first.
			while (!write(content) && !item.cancelled)
				await new Promise(done => setTimeout(done, 1000));
			if (!item.cancelled)
				forget(item);
		} catch (error) {
			if (item.cancelled)
				return;
			fail(item, error || {});
		}
	}

	function fail(item, error) {
		item.problem = why(error);
		item.again = ![413, 415].includes(error.status);
		item.paint();
		under = null;
		pump();
	}

	function contentOf({ url, type, name }, item) {
		const kind = /^(image|video|audio)\//.exec(type);
		if (!kind)
			return { type: 'document', documentUrl: url, filename: name || item.name };
		return { type: kind[1], [`${kind[1]}Url`]: url };
	}

	// --- over a reload ---------------------------------------------------

	// The file itself is the person's: who picks it again goes on where it ended.
	listen(window, 'pagehide', () => {
		const left = items.filter(item => !item.problem).map(({ id, url, name, size, type, changed }) => ({ id, url, name, size, type, changed }));
		if (left.length)
			store.set(KEPT, left);
	});
	function remember() {
		const left = store.get(KEPT);
		store.remove(KEPT);
		for (const one of Array.isArray(left) ? left.slice(0, MOST) : [])
			if (isObject(one))
				put({ ...one, name: String(one.name) });
	}
	listen(window, 'pageshow', event => event.persisted && store.remove(KEPT));
	// The page's policy lets sockets to the hub, and nothing else: no patience helps.
	listen(document, 'securitypolicyviolation', event => {
		const home = new URL(address('/')).origin;
		if (!under || !event.violatedDirective.startsWith('connect-src') || !String(event.blockedURI).startsWith(home))
			return;
		console.error(`webchatt: files need ${home} in this page's connect-src`);
		cancel(under, hub);
		fail(under, {});
	});
	listen(window, 'online', () => under && under.nudge());
	on('state', state => state === 'open' && under && under.nudge());
	// Another person is at the page: the files of the one before are not theirs.
	on('reset', drop);
	on('moved', drop);
	function drop() {
		const all = items;
		items = [];
		under = null;
		for (const item of all) {
			cancel(item, hub);
			item.row.remove();
		}
		list.hidden = true;
		setText(news, '');
	}
	remember();

	return {
		elements: [list, news],
		add,

		// Where the focus goes when the list is empty, and what writes a message: whether it could.
		use(input, writes) {
			field = input;
			write = writes;
		}
	};
}
