// The admins' pages, whose code comes when one of them is shown first.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Empty, Waiting } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

let loaded = null;

async function load() {
	const module = await import('./admin_pages.js');
	await module.ready;
	loaded = module.PAGES;
}

export function AdminPage({ name, ...rest }) {
	const [failed, setFailed] = useState(false);
	const [, setTries] = useState(0);
	const again = () => {
		setFailed(false);
		load().then(() => setTries(count => count + 1), () => setFailed(true));
	};
	useEffect(() => {
		if (!loaded)
			again();
	}, []);
	if (loaded) {
		const Shown = loaded[name];
		return <Shown {...rest} />;
	}
	if (!failed)
		return <section class="page"><Waiting /></section>;
	// Where the line is there, the server has another version of it by now: the page as a whole is to be loaded again.
	return <section class="page"><Empty icon="failed" title={t('pageFailed')}>
		<button type="button" class="button" onClick={() => rest.desk.live.state === 'open' ? location.reload() : again()}>{t('retry')}</button>
	</Empty></section>;
}
