// What of it the modules that are loaded later use.
export { authorOf, byId, discard, isUnread, list, older, outgoing, seen, unread, write } from '../conversation.js';
