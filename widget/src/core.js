// What the base hands to each module that is loaded later: its own state and
// tools, never a second copy of them.  Names are as in the base's modules.

export let append, atEnd, chosenOf, conversation, draw, emit, every, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
	summary, t, textOf;

// Before all else in a module.
export function take(core) {
	({ append, atEnd, chosenOf, conversation, draw, emit, every, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
		summary, t, textOf } = core);
}
