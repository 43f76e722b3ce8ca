// How a file comes to the hub, in pieces, over whatever line there is (doc/files.md).
// Nothing here knows of the screen.

const SMALLEST = 16384;
const FIRST = 65536;
const QUICK = 2000;
const STALLED = 30000;
const SLOWEST = 30000;
const ANEW = 3;

// Errors that nothing but another file helps against.
const FINAL = [400, 403, 413, 415, 507];

// One request.  Gives { status, header(name), json }; a status of 0 is a line that broke.  Progress is told the bytes that left.
function ask(upload, method, url, headers, body, progress) {
	return new Promise(done => {
		const request = upload.request = new XMLHttpRequest();
		let timer;
		const alive = () => {
			clearTimeout(timer);
			timer = setTimeout(() => request.abort(), STALLED);
		};
		const end = () => {
			clearTimeout(timer);
			upload.request = null;
			let json = {};
			try {
				json = JSON.parse(request.responseText);
			} catch {
				// of a proxy, or none
			}
			done({ status: request.status, header: name => request.getResponseHeader(name), json });
		};
		request.open(method, url);
		for (const name in headers)
			request.setRequestHeader(name, headers[name]);
		request.onloadend = end;
		request.upload.onprogress = event => {
			alive();
			if (progress)
				progress(event.loaded);
		};
		alive();
		request.send(body);
	});
}

// The file of an upload { file, name, id, url, progress(bytes), waits(yes) }, which goes on where that of the id ended, is brought to
// the hub.  Hub: { address(path), token() }.  Gives the hub's last answer, { url, type, name }; fails with { status, code }, or with
// nothing when it was cancelled.
export async function bring(upload, hub) {
	const { file } = upload;
	let unsure = !!upload.id;
	let offset = 0;
	let length = FIRST;
	let chunk = SMALLEST;
	let failures = 0;
	let begun = 0;

	const call = (method, path, headers, body, progress) =>
		ask(upload, method, hub.address(`/files${path}`), { 'X-Webchatt-Token': hub.token() || '', ...headers }, body, progress);

	for (;;) {
		if (upload.cancelled)
			throw undefined;
		let answer;
		const from = Date.now();
		if (!hub.token()) {
			await pause(upload, 1000);
			continue;
		} else if (!upload.id) {
			if (++begun > ANEW)
				throw { status: 404 };
			offset = 0;
			answer = await call('POST', '', { 'Content-Type': 'application/json' },
				JSON.stringify({ name: upload.name, size: file.size, type: file.type || undefined }));
		} else if (unsure) {
			answer = await call('HEAD', `/${upload.id}`);
		} else {
			answer = await call('PATCH', `/${upload.id}`, { 'Upload-Offset': String(offset), 'Content-Type': 'application/octet-stream' },
				file.slice(offset, offset + length), loaded => upload.progress(Math.min(offset + loaded, file.size)));
		}
		const { status, json } = answer;
		const told = answer.header('Upload-Offset');
		if (upload.cancelled)
			throw undefined;

		if (status >= 200 && status < 300 || status === 409 && told !== null) {
			upload.waits(false);
			failures = 0;
			if (json.url && !('offset' in json))
				return json;
			if (status === 201) {
				upload.id = json.id;
				upload.url = json.url;
				chunk = json.chunk || SMALLEST;
				unsure = false;
			} else {
				offset = +told || 0;
				// Whole, and the answer was lost: the file itself says what it is.
				if (offset >= file.size) {
					answer = await ask(upload, 'HEAD', upload.url, {});
					if (answer.status === 200)
						return { url: upload.url, type: answer.header('Content-Type') || '', name: upload.name };
					unsure = true;
					await pause(upload, QUICK);
					continue;
				}
				if (status === 204 && Date.now() - from < QUICK)
					length *= 2;
				unsure = false;
			}
			length = Math.max(SMALLEST, Math.min(length, chunk));
			upload.progress(offset);
			continue;
		}
		if (status === 404 && upload.id || status === 401 && begun < ANEW) {
			upload.id = '';
			await pause(upload, status === 401 ? 1000 : 0);
			continue;
		}
		if (FINAL.includes(status) || status === 401 || status === 404)
			throw { status, code: json.errorCode };
		// What broke may have come all the same.
		unsure = !!upload.id;
		length = Math.max(SMALLEST, length / 2);
		failures++;
		begun = Math.max(0, begun - 1);
		upload.waits(true);
		await pause(upload, +answer.header('Retry-After') * 1000 || Math.min(SLOWEST, 500 * Math.pow(2, failures)) * (0.5 + Math.random() / 2));
	}
}

// A while, or until somebody says that it is worth a try.
function pause(upload, time) {
	return new Promise(done => {
		const timer = setTimeout(done, time);
		upload.nudge = () => {
			clearTimeout(timer);
			done();
		};
	});
}

export function cancel(upload, hub) {
	upload.cancelled = true;
	if (upload.request)
		upload.request.abort();
	upload.nudge();
	if (upload.id)
		ask({}, 'DELETE', hub.address(`/files/${upload.id}`), { 'X-Webchatt-Token': hub.token() || '' });
}
