// What a module that is loaded later gets from the base (../core.js takes it).

import * as conversation from './conversation.js';
import { append, draw, make, setText } from './elements.js';
import { atEnd, emit, every, listen, on } from './events.js';
import * as launcher from './launcher.js';
import * as line from './line.js';
import { load } from './loader.js';
import * as site from './site.js';
import * as store from './store.js';
import { chosenOf, mediaOf, part, summary, textOf } from './summary.js';
import { initial, isObject, string } from './values.js';
import { addWords, dayOf, t, timeOf } from './words.js';

export const core = () => ({
	addWords, append, atEnd, chosenOf, conversation, draw, emit, every, initial, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
	summary, t, textOf, timeOf, dayOf
});
