// The widget itself, in a frame that may do nothing but show it (desk/preview).
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, locale, t } from '../shared/words.js';

const PATIENCE = 10000;

// The frame says when it is there and when it shows the widget; a new configuration is a new page in it.
export function Preview({ name, config, scene }) {
	const frame = useRef();
	const [state, setState] = useState('loading');
	const [tries, setTries] = useState(0);
	const latest = useRef();
	latest.current = { webchattPreview: 'show', name, scene, config: JSON.parse(config), language: locale };
	const say = what => frame.current && frame.current.contentWindow.postMessage(what, '*');
	useEffect(() => {
		const hear = event => {
			if (!frame.current || event.source !== frame.current.contentWindow || !event.data)
				return;
			const what = event.data.webchattPreview;
			if (what === 'ready')
				say(latest.current);
			else if (what === 'shown' || what === 'failed')
				setState(what);
		};
		addEventListener('message', hear);
		return () => removeEventListener('message', hear);
	}, []);
	useEffect(() => {
		const timer = setTimeout(() => setState(before => before === 'loading' ? 'failed' : before), PATIENCE);
		return () => clearTimeout(timer);
	}, [tries]);
	const first = useRef(true);
	useEffect(() => {
		if (!first.current)
			say({ webchattPreview: 'again' });
		first.current = false;
	}, [config, name, scene, language()]);
	return <div class="preview">
		{state === 'failed' && <p class="notice" role="alert">{t('previewFailed')} <button type="button" class="link" onClick={() => {
			setState('loading');
			setTries(tries + 1);
		}}>{t('retry')}</button></p>}
		<iframe key={tries} ref={frame} src="/desk/preview" sandbox="allow-scripts" title={t('widgetPreview')} />
	</div>;
}

