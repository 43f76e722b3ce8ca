# Neither process grows: after thousands of hellos, messages and calls the worker's
# memory contexts, and the private memory of both, are what they were before.
use strict;
use warnings;

use Soak;
use Test::More;

my $soak = Soak->new(visitors => 40);
my $t = $soak->{t};

# A slow machine takes longer to have all that it will ever have at a time; what leaks never becomes flat.
for my $round (1 .. 150)
{
	$soak->round;
	next if $round % 3;
	$soak->sample;
	last if $round >= 51 && !grep { !$soak->is_flat($_) } @Soak::FIELDS;
}
note($soak->describe);
cmp_ok($soak->{done}{hellos}, '>', 2000, 'thousands of hellos');
cmp_ok($soak->{done}{messages}, '>', 2000, 'and of messages');
cmp_ok($soak->{done}{calls}, '>', 400, 'hundreds of calls');
cmp_ok($soak->{done}{deliveries}, '>', 2000, 'and of deliveries');
for my $field (@Soak::FIELDS)
{
	note("$field: " . join ' ', map { $_->{$field} } @{ $soak->{samples} });
	cmp_ok($soak->rise($field), '<=', $Soak::TOLERANCE{$field}, "$Soak::CALLED{$field}: flat, in bytes");
}
unlike(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/a turn was about to begin in memory context/,
	'every turn began in its own memory context');

$soak->end;
done_testing();
