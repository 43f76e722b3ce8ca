\set visitor random(1, 10000)
SELECT webchatt.send_message('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'visitor-' || :visitor, text => 'one message');
