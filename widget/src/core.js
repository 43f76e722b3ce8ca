// What the base hands to each module that is loaded later: its own state and
// tools, never a second copy of them.  Names are as in the base's modules.

export let addWords, append, atEnd, chosenOf, conversation, draw, emit, every, initial, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
	summary, t, textOf, timeOf, dayOf;

// Before all else in a module.
export function take(core) {
	({ addWords, append, atEnd, chosenOf, conversation, draw, emit, every, initial, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
		summary, t, textOf, timeOf, dayOf } = core);
}
