#!/usr/bin/perl
# The corridor's frames as Perl has them from corridor.def, beside the bytes that
# the unit test of C's writers and readers holds them to (test/cases/corridor.txt):
# two programs that were written apart agree.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Corridor;
use Test::More;

my %name_of = map { $Corridor::FRAME{$_}{type} => $_ } keys %Corridor::FRAME;
my %seen;
open(my $f, '<', "$FindBin::Bin/../cases/corridor.txt") or die "corridor.txt: $!";
while (<$f>)
{
	my ($what, $hex) = split;
	my ($len, $type, $payload) = unpack('VCa*', pack('H*', $hex));
	my $name = $name_of{$type};
	my $m = Corridor::decode($name, $payload);
	$seen{$name} = $m if !$seen{$name};
	is(unpack('H*', Corridor::whole($name, Corridor::encode($name, %$m))), $hex, "$what is written as it was read");
	is($len, 1 + length $payload, 'its length');
}
is(join(' ', sort keys %seen), join(' ', sort grep { $_ ne 'CONFIG' } keys %Corridor::FRAME), 'every frame is there, but for the settings');

my ($a, $b) = ('01020304-0506-0708-090a-0b0c0d0e0f10', 'fffefd04-0506-0708-090a-0b0c0d0e0f00');
is_deeply($seen{SEND}, { token => 1 << 63, hub => 7, message => $a, channel => $b, kind => 'web-chatt2me', to => 'visitor',
		content => '{"text": "hi"}', local => 1, bulk => 1, author => '{"name":"Ana"}' }, 'SEND');
is_deeply($seen{EVENT}, { request => 99, hub => 7, kind => 2, channel => $a, at_us => 1700000000123456, message_id => 'abc', visitor => '',
		channel_type => 'whatsapp', status => 'failed', error_code => '130472', error_message => 'no', body => '{}',
		content_at => 2, content_len => 258, extra => 1 }, 'EVENT');
is_deeply($seen{CHANNEL_PUT}, { id => $a, hub => 3, accept_unsigned => 1, secrets => [['whsec_1', 0], ['whsec_2', -1]], local => 1,
		public_key => 'wck_1', display_name => 'Shop', origins => ['https://www.example.com', 'http://localhost:3000'],
		widget => '{"name":"Shop"}', identity => 2, identity_secrets => [['wis_1', 7]] }, 'CHANNEL_PUT');
is_deeply($seen{BUDGETS}, { used => [1, 2, ~0], an_hour => [4, 5, 6] }, 'BUDGETS');
is_deeply([@{ $seen{ARRIVED} }{qw(new_visitor may_make)}, scalar @{ $seen{ARRIVED}{have} }], [$b, 0, 2], 'ARRIVED');
done_testing();
