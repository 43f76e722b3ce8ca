// What is sent to a hub, as many do it: a job for each message in graphile-worker,
// taken many at a time, ended many at a time, posted over connections that are kept.
//
//   node graphile.mjs HUB_URL [CONCURRENCY]     the database: PGHOST and its like
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { Pool } from "undici";

const [url, concurrency = "64"] = process.argv.slice(2);
const hub = new Pool(url, { connections: Number(concurrency), pipelining: 1 });
const pgPool = new pg.Pool({ max: 12 });
pgPool.on("connect", () => {});
pgPool.on("error", () => {});

async function send({ message, to, text }) {
	const { statusCode, body } = await hub.request({
		path: "/v1/communication/web-chatt2me/message",
		method: "POST",
		headers: { "x-api-key": "bench", "content-type": "application/json", "idempotency-key": message },
		body: JSON.stringify({ from: "6cbd6789-1d2b-47e0-9391-5eb91d2839ea", to, content: { text } }),
	});
	await body.json();
	if (statusCode !== 200)
		throw new Error(`the hub answered ${statusCode}`);
}

await run({
	taskList: { send },
	pgPool,
	logger: new Logger(() => () => {}),
	preset: {
		worker: {
			concurrentJobs: Number(concurrency),
			localQueue: { size: 1000 },
			completeJobBatchDelay: 0,
			failJobBatchDelay: 0,
			pollInterval: 1000,
		},
	},
});
process.stdout.write("ready\n");
