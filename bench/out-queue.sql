-- What is to be sent, by one statement: :messages to :visitors visitors.
SELECT count(webchatt.send_message('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'visitor-' || n % :visitors,
	text => 'message number ' || n))
FROM generate_series(1, :messages) AS n;
