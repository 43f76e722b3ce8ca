// Numbers as people read them.
import { locale } from '../shared/words.js';

export const number = n => n === null || n === undefined ? '–' : new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(n);

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

export function size(bytes) {
	if (bytes === null || bytes === undefined)
		return '–';
	const power = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
	return new Intl.NumberFormat(locale, { style: 'unit', unit: SIZES[power], maximumFractionDigits: 1 }).format(bytes / 1024 ** power);
}

// So many milliseconds: "35 ms", "1.2 s".
export function duration(ms) {
	const [n, unit] = ms < 1000 ? [ms, 'millisecond'] : ms < 60000 ? [ms / 1000, 'second'] : [ms / 60000, 'minute'];
	return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);
}
