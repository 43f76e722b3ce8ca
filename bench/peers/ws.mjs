// A chat server as many have: Node's ws, messages into one plain table by batched
// INSERTs, acknowledged after the commit; what others NOTIFY goes to the visitors.
// No message is known again, nothing is recorded of what goes out, and nobody
// who was away gets it later.
//
//   node ws.mjs [CONNECTIONS]     the database: PGHOST and its like
import { randomUUID } from "node:crypto";
import pg from "pg";
import { WebSocketServer } from "ws";
import { Batch, listening } from "./batch.mjs";

const setup = new pg.Client();
await setup.connect();
await setup.query(`
	CREATE TABLE IF NOT EXISTS chat_visitors (id uuid PRIMARY KEY);
	CREATE TABLE IF NOT EXISTS chat_messages (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, visitor uuid NOT NULL, client_id text NOT NULL,
		content jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`);

const messages = new Batch("messages", `INSERT INTO chat_messages (visitor, client_id, content)
	SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[])`, 3, Number(process.argv[2] ?? 1));
const visitors = new Batch("visitors", "INSERT INTO chat_visitors SELECT unnest($1::uuid[])", 1, 1);
await Promise.all([messages.ready, visitors.ready]);

const sockets = new Map();

function hello(ws) {
	const id = randomUUID();
	ws.visitor = id;
	sockets.set(id, ws);
	visitors.add([id], (error) => {
		if (error)
			ws.close(1011);
		else
			ws.send(`{"type":"welcome","visitor":"${id}","token":"${randomUUID()}"}`);
	});
}

function message(ws, frame) {
	const id = String(frame.id);
	messages.add([ws.visitor, id, JSON.stringify(frame.content)], (error) => {
		if (error)
			ws.send(JSON.stringify({ type: "error", code: "busy", id }));
		else
			ws.send(`{"type":"ack","id":${JSON.stringify(id)}}`);
	});
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (ws) => {
	ws.on("message", (data) => {
		let frame;
		try {
			frame = JSON.parse(data);
		} catch {
			return ws.close(1008);
		}
		if (frame.type === "hello")
			hello(ws);
		else if (frame.type === "message" && ws.visitor)
			message(ws, frame);
	});
	ws.on("close", () => sockets.delete(ws.visitor));
	ws.on("error", () => {});
});

// "<visitor> <frame>": the frame goes out as it is.
setup.on("notification", ({ payload }) => {
	sockets.get(payload.slice(0, 36))?.send(payload.slice(37));
});
await setup.query("LISTEN chat_replies");
listening(server.address().port);
