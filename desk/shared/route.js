// Which page is shown: it stands in the address behind #, so that Back, a reload and a second tab do what
// people expect.
import { useEffect, useReducer } from 'preact/hooks';

const decoded = part => {
	try {
		return decodeURIComponent(part);
	} catch {
		return '';
	}
};

// '#/conversation/<channel>/<visitor>' → ['conversation', channel, visitor]
export const parts = (hash = location.hash) => hash.replace(/^#\/?/, '').split('/').map(decoded);

export const href = (...path) => `#/${path.map(encodeURIComponent).join('/')}`;

export function go(...path) {
	location.hash = href(...path);
}

// The same without a step that Back would return to.
export function replace(...path) {
	history.replaceState(null, '', href(...path));
	dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute() {
	const [, again] = useReducer(count => count + 1, 0);
	useEffect(() => {
		addEventListener('hashchange', again);
		return () => removeEventListener('hashchange', again);
	}, []);
	return parts();
}
