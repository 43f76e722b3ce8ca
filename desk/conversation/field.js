// What the fields have in common in which answers and notes are written.

// As high as what is in it; CSS bounds it.
export function fit(field) {
	field.rows = 1;
	const line = parseFloat(getComputedStyle(field).lineHeight) || 22;
	field.rows = Math.max(1, Math.min(8, Math.round((field.scrollHeight - 16) / line)));
}

// Enter also ends what an input method composes.
export const isEnter = event => event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
