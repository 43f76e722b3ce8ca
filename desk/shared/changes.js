// Telling whoever shows something that it changed.
import { useEffect, useReducer } from 'preact/hooks';

export class Changes {
	constructor() {
		this.listeners = new Set();
	}

	// Gives the function that ends it.
	listen(listener) {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	tell(...about) {
		for (const listener of [...this.listeners])
			listener(...about);
	}
}

// Draw the component again whenever that (with a member changes) says that it changed.
export function useChanges(...all) {
	const [, again] = useReducer(count => count + 1, 0);
	useEffect(() => {
		const ends = all.filter(Boolean).map(one => one.changes.listen(again));
		again();
		return () => ends.forEach(end => end());
	}, all);
}

// Draw the component again every so many milliseconds: it shows how long something has been so.
export function useClock(every) {
	const [, again] = useReducer(count => count + 1, 0);
	useEffect(() => {
		const timer = setInterval(again, every);
		return () => clearInterval(timer);
	}, [every]);
}
