// Rows of many requests in one INSERT: what came while the last ones were written
// goes in the next, so that batches grow with the load.  Durable: whoever gave a row
// is told after the commit.
import pg from "pg";

export class Batch {
	// sql takes an array for each column; connections: so many INSERTs under way at a time.
	constructor(name, sql, columns, connections) {
		this.query = { name, text: sql };
		this.columns = columns;
		this.waiting = [];
		this.free = [];
		this.soon = false;
		this.ready = Promise.all(Array.from({ length: connections }, async () => {
			const client = new pg.Client();
			await client.connect();
			this.free.push(client);
		}));
	}

	// row: a value for each column; done(error) once it is durable, or not.
	add(row, done) {
		this.waiting.push({ row, done });
		if (!this.soon && this.free.length > 0) {
			this.soon = true;
			setImmediate(() => this.write());
		}
	}

	write() {
		this.soon = false;
		if (this.waiting.length === 0 || this.free.length === 0)
			return;
		const batch = this.waiting;
		const client = this.free.pop();
		this.waiting = [];
		const values = Array.from({ length: this.columns }, (_, i) => batch.map((entry) => entry.row[i]));
		client.query({ ...this.query, values }, (error) => {
			this.free.push(client);
			this.write();
			for (const entry of batch)
				entry.done(error);
		});
	}
}

// Print what the bench waits for.
export function listening(port) {
	process.stdout.write(`port=${port}\n`);
}
