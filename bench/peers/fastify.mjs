// A receiver of webhooks as many have: Fastify, the signature checked over the raw
// body, events into one plain table by batched INSERTs, 200 after the commit.
//
//   node fastify.mjs SECRET [CONNECTIONS]     the database: PGHOST and its like
import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify from "fastify";
import pg from "pg";
import { Batch, listening } from "./batch.mjs";

const secret = process.argv[2];
const setup = new pg.Client();
await setup.connect();
await setup.query(`CREATE TABLE IF NOT EXISTS hook_events (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id text NOT NULL, channel uuid NOT NULL, visitor text NOT NULL,
	content jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`);
await setup.end();

const events = new Batch("events", `INSERT INTO hook_events (message_id, channel, visitor, content)
	SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::jsonb[])`, 4, Number(process.argv[3] ?? 1));
await events.ready;

// t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">
function signed(header, body) {
	const parts = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header ?? "");
	if (!parts || Math.abs(Date.now() / 1000 - Number(parts[1])) > 300)
		return false;
	const hmac = createHmac("sha256", secret).update(`${parts[1]}.`).update(body).digest();
	return timingSafeEqual(hmac, Buffer.from(parts[2], "hex"));
}

const app = Fastify({ logger: false });
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => done(null, body));
app.post("/webhooks/:channel", (request, reply) => {
	if (!signed(request.headers["x-hub-signature"], request.body))
		return reply.code(401).send();
	let event;
	try {
		event = JSON.parse(request.body);
	} catch {
		return reply.code(400).send();
	}
	events.add([event.messageId, event.channelId, event.from, JSON.stringify(event.content)], (error) => {
		reply.code(error ? 503 : 200).send();
	});
});
await app.listen({ host: "127.0.0.1", port: 0 });
listening(app.server.address().port);
