CREATE TABLE orders (id text PRIMARY KEY, state text NOT NULL, due date NOT NULL);
INSERT INTO orders VALUES ('A-1', 'on its way', current_date + 1), ('A-2', 'being packed', current_date + 3);

CREATE FUNCTION order_bot(message webchatt.messages) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    tapped text := message.content #>> '{interactive,button_reply,id}';
    o orders;
BEGIN
    -- A browser can say anything: a button counts if it was offered in this conversation.
    IF tapped IS NOT NULL AND NOT EXISTS (
        SELECT FROM webchatt.messages m, jsonb_path_query(m.content, '$.interactive.action.buttons[*].reply.id') AS offered
        WHERE m.channel_id = message.channel_id AND m.visitor = message.visitor AND m.direction = 'out'
            AND offered #>> '{}' = tapped) THEN
        RETURN;
    END IF;
    SELECT * INTO o FROM orders
    WHERE id = upper(substring(coalesce(tapped, message.content ->> 'text') FROM '(?i)\m[a-z]-[0-9]+\M'));
    IF FOUND THEN
        PERFORM webchatt.send_message(message.channel_id, message.visitor, author => 'order bot',
            text => format('Order %s is %s, due on %s.', o.id, o.state, o.due));
    ELSE
        PERFORM webchatt.send_message(message.channel_id, message.visitor, author => 'order bot', final => false,
            content => '{"type": "interactive", "interactive": {"type": "button",
                "body": {"text": "Which order shall I look up? A person reads this too."},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "A-1", "title": "Order A-1"}},
                                       {"type": "reply", "reply": {"id": "A-2", "title": "Order A-2"}}]}}}');
    END IF;
END $$;
SELECT webchatt.on_message('order_bot(webchatt.messages)');
