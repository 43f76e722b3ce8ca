// Light or dark: as the system has it, unless somebody chose.
import { liking } from './keep.js';

const dark = matchMedia('(prefers-color-scheme: dark)');

function apply() {
	const chosen = liking.get('theme');
	document.documentElement.dataset.theme = chosen || (dark.matches ? 'dark' : 'light');
}

export const theme = () => liking.get('theme');

export function startTheme() {
	dark.addEventListener('change', apply);
	apply();
}

// '': the system's.
export function chooseTheme(name) {
	liking.set('theme', name);
	apply();
}
