// Files that an agent picked, dropped or pasted, of one conversation: they go to the server in pieces, one after the other,
// and the message of each is sent when it is whole (doc/files.md).  They go on while the agent reads another conversation.
import { call } from '../shared/api.js';
import { Changes } from '../shared/changes.js';
import { t } from '../shared/words.js';

const SLOWEST = 15000;
const MOST = 20;
// How often a file is begun anew that the server knows no more.
const ANEW = 3;

const base64 = blob => new Promise((done, fail) => {
	const reader = new FileReader();
	reader.onload = () => done(reader.result.slice(reader.result.indexOf(',') + 1));
	reader.onerror = () => fail(new Error(t('fileUnreadable')));
	reader.readAsDataURL(blob);
});

function contentOf({ url, type, name }) {
	const [kind] = /^(image|video|audio)(?=\/)/.exec(type) || [];
	return kind ? { type: kind, [`${kind}Url`]: url } : { type: 'document', documentUrl: url, filename: name };
}

class Uploads {
	constructor(desk, talk) {
		this.desk = desk;
		this.talk = talk;
		this.changes = new Changes();
		this.items = [];	// { key, file, name, size, done, id, url, problem, stuck, picture }
		this.under = null;
		this.count = 0;
	}

	// Gives what is wrong with all of them, or ''.
	add(files) {
		for (const file of files) {
			if (this.items.length >= MOST)
				return t('tooManyFiles', { n: MOST });
			const item = { key: ++this.count, file, name: file.name || t('kind_file'), size: file.size, done: 0, problem: file.size ? '' : t('fileEmpty') };
			this.items.push(item);
			if (/^image\//.test(file.type))
				this.drawPicture(item);
		}
		this.pump();
		return '';
	}

	// Small, by the browser.
	async drawPicture(item) {
		try {
			const image = await createImageBitmap(item.file);
			const canvas = document.createElement('canvas');
			canvas.width = canvas.height = 80;
			const side = Math.min(image.width, image.height);
			canvas.getContext('2d').drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, 80, 80);
			image.close();
			item.picture = canvas.toDataURL();
			this.changes.tell();
		} catch {
			// it is shown as a file
		}
	}

	remove(item) {
		item.cancelled = true;
		if (item.id)
			call('drop_file', { id: item.id }).catch(() => 0);
		this.items = this.items.filter(one => one !== item);
		this.nudge();
		this.pump();
	}

	redo(item) {
		item.problem = '';
		this.pump();
	}

	pump() {
		if (!this.under) {
			this.under = this.items.find(item => !item.problem) || null;
			if (this.under)
				this.send(this.under).catch(error => {
					this.under.problem = error.message || t('fileFailed');
				}).finally(() => {
					this.under = null;
					this.pump();
				});
		}
		this.changes.tell();
	}

	async send(item) {
		const whole = await this.bring(item);
		if (!whole)
			return;
		// A colleague's answer may have come first: then it is said, and it can be tried again.
		await this.talk.sendContent(contentOf(whole));
		this.items = this.items.filter(one => one !== item);
	}

	// Gives { url, type, name }, or nothing when it was cancelled.
	async bring(item) {
		let offset = item.whole ? item.size : 0;
		let failures = 0;
		for (let begun = 0; !item.whole;) {
			if (item.cancelled)
				return null;
			try {
				if (!item.id) {
					if (++begun > ANEW)
						throw new Error(t('fileFailed'));
					const { id, url, chunk } = await call('begin_file', { channel: this.talk.channel, name: item.name, size: item.size, ...item.file.type ? { type: item.file.type } : {} });
					Object.assign(item, { id, url, chunk });
					offset = 0;
				} else {
					const data = await base64(item.file.slice(offset, offset + item.chunk));
					const answer = await call('file_piece', { id: item.id, offset, data });
					({ offset } = answer);
					if (answer.url)
						item.whole = answer;
					else if (offset >= item.size)
						item.whole = await this.whatItIs(item);
				}
				failures = 0;
				item.stuck = false;
				item.done = offset;
				this.changes.tell();
			} catch (error) {
				if (error.status === 404 && item.id) {
					item.id = '';
					continue;
				}
				if (!error.passes || error.code === 'files_full')
					throw error;
				item.stuck = true;
				this.changes.tell();
				await this.pause(Math.min(SLOWEST, 500 * 2 ** failures++));
			}
		}
		return item.cancelled ? null : item.whole;
	}

	// The answer to its last piece was lost: the file itself says what it is.
	async whatItIs(item) {
		const response = await fetch(`/desk/files/${item.id}`, { method: 'HEAD' });
		return { url: item.url, name: item.name, type: response.headers.get('content-type') || '' };
	}

	pause(time) {
		return new Promise(done => {
			const timer = setTimeout(done, time);
			this.wake = () => {
				clearTimeout(timer);
				done();
			};
		});
	}

	nudge() {
		if (this.wake)
			this.wake();
	}
}

// Those of a conversation; they are the agent's as long as they are signed in.
export function uploadsOf(desk, talk) {
	desk.uploads = desk.uploads || new Map();
	const name = `${talk.channel}.${talk.id}`;
	if (!desk.uploads.has(name))
		desk.uploads.set(name, new Uploads(desk, talk));
	const uploads = desk.uploads.get(name);
	uploads.talk = talk;
	return uploads;
}
