# Runs one of the scripts beside it, which print TAP, against a cluster of its own.
package BrowserTest;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

# All visitors of a test have one address; a visitor's own limits are as they come.
my $LIMITS = join "\n", 'webchatt.address_rate = 1000000', 'webchatt.address_burst = 100000', 'webchatt.new_visitor_rate = 1000000', 'webchatt.hello_rate = 1000000',
  'webchatt.max_visitors_per_address = 5000';
my $here = abs_path(dirname(__FILE__));

# What an engine needs and is not here, or nothing.
my %NEEDED = (
	firefox => [ $ENV{FIREFOX} // '/usr/bin/firefox-esr' ],
	webkit => [ 'WebKitWebDriver', 'Xvfb' ]);

sub missing_of
{
	my ($engine) = @_;
	for my $program ($engine eq 'chromium' ? $ENV{CHROMIUM} : @{ $NEEDED{$engine} })
	{
		return $program if !grep { -x } $program =~ m{/} ? $program : map { "$_/$program" } split /:/, $ENV{PATH};
	}
	return '';
}

# Chromium without its own window, toolbar and pages, for half the CPU.
my $SHELL = '/usr/bin/chromium-headless-shell';

# Arguments: the script; conf (lines for postgresql.conf), desk (1: with the desk), desk_host, engine (Chromium is
# then as people have it).
sub run
{
	my ($script, %with) = @_;

	die('playwright-core is missing: run scripts/setup') if !-d "$here/node_modules/playwright-core";
	local $ENV{CHROMIUM} = $ENV{CHROMIUM} // ($with{engine} || !-x $SHELL ? '/usr/bin/chromium' : $SHELL);
	local $ENV{ENGINE} = $with{engine} // 'chromium';
	if (my $missing = missing_of($ENV{ENGINE}))
	{
		plan(skip_all => "$missing is not installed: run scripts/setup");
	}
	my $desk = $with{desk} ? ($with{desk_host} // '127.0.0.1') . ':' . WebchattTest::free_port() : '';
	my $conf = join "\n", $LIMITS, $with{conf} // ();
	my $t = WebchattTest->new(conf => $desk ? "$conf\nwebchatt.desk_listen = '$desk'\nwebchatt.public_url = 'http://chat.example.org'" : $conf);
	$t->sql('CREATE EXTENSION webchatt');
	my $url = $t->wait_ready;
	my $node = $t->node;
	my $widget = "$here/../../build/widget/chat-widget.umd.js";

	# a browser in the locale C does not find a file whose name is not ASCII
	local %ENV = (%ENV, LC_ALL => 'C.UTF-8', PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGDATA => $node->data_dir,
		PGLOG => $node->logfile, WEBCHATT_URL => $url, DESK_URL => "http://$desk", WIDGET_FILE => $widget, HOME => $node->basedir);
	open(my $out, '-|', 'node', "$here/$script") or die("node: $!");
	my $plan;
	while (my $line = <$out>)
	{
		chomp $line;
		if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2) }
		elsif ($line =~ /^1\.\.(\d+)$/) { $plan = $1 }
		else { $line =~ s/^# ?//; diag($line) }
	}
	close $out;
	ok(defined $plan && $plan > 0, "$script ran to its end") or $t->diagnose;
	done_testing();
	return;
}

1;
