CREATE TABLE orders (id text PRIMARY KEY, state text NOT NULL, due date NOT NULL);
INSERT INTO orders VALUES ('A-1', 'on its way', current_date + 1), ('A-2', 'being packed', current_date + 3);

CREATE FUNCTION order_bot(message webchatt.messages) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    asked text := coalesce(message.content #>> '{interactive,button_reply,id}', message.content ->> 'text');
    o orders;
BEGIN
    SELECT * INTO o FROM orders WHERE id = upper(substring(asked FROM '(?i)\m[a-z]-[0-9]+\M'));
    PERFORM webchatt.send_message(message.channel_id, message.visitor, CASE WHEN o.id IS NOT NULL
        THEN jsonb_build_object('text', format('Order %s is %s, due on %s.', o.id, o.state, o.due))
        ELSE '{"type": "interactive", "interactive": {"type": "button",
            "body": {"text": "Which order shall I look up? A person reads this too."},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "A-1", "title": "Order A-1"}},
                                   {"type": "reply", "reply": {"id": "A-2", "title": "Order A-2"}}]}}}' END);
END $$;
SELECT webchatt.on_message('order_bot(webchatt.messages)');
