// What a module that is loaded later gets from the base (../core.js takes it).

import * as conversation from './handed/conversation.js';
import { append, draw, make, setText } from './elements.js';
import { atEnd, emit, every, listen, on } from './events.js';
import * as launcher from './handed/launcher.js';
import * as line from './handed/line.js';
import { load } from './loader.js';
import * as site from './handed/site.js';
import * as store from './handed/store.js';
import { chosenOf, mediaOf, part, summary, textOf } from './summary.js';
import { isObject, string } from './values.js';
import { t } from './words.js';

export const core = () => ({
	append, atEnd, chosenOf, conversation, draw, emit, every, isObject, launcher, line, listen, load, make, mediaOf, on, part, setText, site, store, string,
	summary, t, textOf
});
