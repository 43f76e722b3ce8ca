// What of it the modules that are loaded later use.
export { empty, get, join, remove, set } from '../store.js';
