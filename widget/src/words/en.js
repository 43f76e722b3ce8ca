// English, but for what the bubble says (../base/words.js).  What is missing is its
// name: send, "Send".
export default {
	greeting: 'Write to us here. We answer as soon as we can.',
	write: 'Write a message…',
	attach: 'Attach a file',
	earlier: 'Earlier messages',
	latest: 'New messages',
	you: 'You:',
	connecting: 'Connecting…',
	reconnecting: 'Reconnecting…',
	failed: 'Could not connect.',
	offline: 'You are offline. Messages are sent when you are back.',
	gone: 'This chat is not available.',
	locked: 'Log in to chat with us.',
	typing: '{name} is typing…',
	rate: 'Too many messages at a time.',
	busy: 'Not sent yet. Trying again…',
	too_large: 'The message is too long.',
	bad_content: 'This message cannot be sent.',
	unsent: 'Not sent.',
	away: 'We are away at the moment. Leave a message, and we answer when we are back.',
	closed: 'This conversation is closed. Write to go on with it.',
	transcript: 'Download the conversation'
};
