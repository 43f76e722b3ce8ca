// What the channel's operator has set for all its widgets: kept in the store, so
// that the next page has it before anything is shown, and asked for behind that.
// It comes as a module, by import(): so it needs no more leave of the page's policy
// than the widget's own script.

import { emit, on } from './events.js';
import { address } from './loader.js';
import * as store from './store.js';
import { isObject } from './values.js';

// A page that nobody has told yet waits so long at most.
const PATIENCE = 3000;
// All widgets are told at once that something has changed: they do not ask at once.
const SPREAD = 10000;

let config;
let given;

// The page's own configuration counts before them; one object from now on, which changes.
function apply(kept) {
	const settings = isObject(kept) && isObject(kept.settings) ? kept.settings : {};
	for (const name of Object.keys(config))
		if (!(name in given))
			delete config[name];
	Object.assign(config, settings, given);
	for (const name of ['colors', 'strings'])
		if (isObject(settings[name]))
			config[name] = { ...settings[name], ...given[name] };
	config.files = 'files' in given ? given.files : kept && kept.files;
	config.channel = kept && kept.name;
}

// Ask the hub, which may be one that has no settings.  What it said within the last minute is good, unless it says otherwise.
function ask(anew) {
	const before = store.get('settings');
	const url = address(`widget-settings.js?webChatId=${given.webChatId}${anew ? `&at=${Date.now()}` : ''}`);
	return import(url).then(module => {
		const now = module.default;
		if (!isObject(now) || before && before.version === now.version)
			return;
		store.set('settings', now);
		apply(now);
		emit('settings');
	}).catch(() => 0);
}

// Calls back when it is known how the widget is to look: at once on any page but the first.
export function begin(all, then) {
	config = all;
	given = { ...all };
	const kept = store.get('settings');
	apply(kept);
	on('ask', () => setTimeout(ask, Math.random() * SPREAD, true));
	const asked = given.settings !== false && ask();
	if (kept || !asked)
		return then();
	let done = false;
	const once = () => {
		if (!done) {
			done = true;
			then();
		}
	};
	asked.then(once);
	setTimeout(once, PATIENCE);
}
