# nginx and Caddy for tests: with a certificate of our own, as a plain user, on
# a free port of the loopback address.
package Proxy;

use strict;
use warnings;

use parent 'Child';

use Cwd qw(abs_path);
use File::Basename;
use IO::Socket::INET;
use Patience;

my $doc = abs_path(dirname(__FILE__) . '/../../doc');

# Make ca.pem, and cert.pem with key.pem for localhost and 127.0.0.1, in dir.
sub certificates
{
	my ($dir) = @_;

	open(my $fh, '>', "$dir/extensions") or die $!;
	print $fh "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
	close $fh;
	my @commands = (
		"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=webchatt tests' -keyout $dir/ca.key -out $dir/ca.pem",
		"openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout $dir/key.pem -out $dir/request.pem",
		"openssl x509 -req -days 2 -in $dir/request.pem -CA $dir/ca.pem -CAkey $dir/ca.key -CAcreateserial"
		  . " -extfile $dir/extensions -out $dir/cert.pem");
	for my $command (@commands)
	{
		system("$command >>$dir/openssl.out 2>&1") == 0 or die "openssl failed: see $dir/openssl.out";
	}
	return;
}

# Only with a cluster's modules at hand.
sub free_port { require WebchattTest; return WebchattTest::free_port() }

sub slurp { my ($file) = @_; open(my $fh, '<', $file) or die "$file: $!"; local $/; return scalar <$fh> }
sub spew { my ($file, $text) = @_; open(my $fh, '>', $file) or die "$file: $!"; print $fh $text; close $fh; return }

# nginx with these lines of its http block.
sub nginx
{
	my ($dir, $port, $http) = @_;

	spew("$dir/nginx.conf", "daemon off;\npid $dir/nginx.pid;\nerror_log $dir/error.log info;\nworker_processes 1;\n"
		. "events { worker_connections 512; }\nhttp {\naccess_log off;\n"
		. join('', map { "${_}_temp_path $dir/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi)) . "$http\n}\n");
	return start($port, $dir, 'nginx', '-e', "$dir/error.log", '-p', $dir, '-c', "$dir/nginx.conf");
}

# nginx by doc/nginx.conf, or the file that is named, in front of a door: its port, or unix:<its path>.
sub nginx_of_doc
{
	my ($dir, $door, $name) = @_;
	my $port = free_port();
	my $file = 'doc/' . ($name // 'nginx.conf');
	my $http = slurp("$doc/../$file");

	$http =~ s/^\s*listen \[::\]:443.*\n//m or die "$file has changed";
	$http =~ s/listen 443/listen 127.0.0.1:$port/ or die "$file has changed";
	$door = "127.0.0.1:$door" if $door !~ /^unix:/;
	$http =~ s/server 127\.0\.0\.1:\d+;/server $door;/ or die "$file has changed";
	$http =~ s/server_name \S+;/server_name localhost;/;
	$http =~ s{(ssl_certificate) \S+;}{$1 $dir/cert.pem;};
	$http =~ s{(ssl_certificate_key) \S+;}{$1 $dir/key.pem;};
	return nginx($dir, $port, $http);
}

# nginx with TLS and HTTP/2 in front of a stand-in hub; a port if the caller has a free one.
sub nginx_before_hub
{
	my ($dir, $hub_port, $port) = @_;

	$port //= free_port();
	return nginx($dir, $port, <<"HTTP");
upstream hub { server 127.0.0.1:$hub_port; keepalive 16; }
server {
	listen 127.0.0.1:$port ssl http2;
	server_name localhost;
	ssl_certificate $dir/cert.pem;
	ssl_certificate_key $dir/key.pem;
	location / {
		proxy_pass http://hub;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_set_header X-Forwarded-Protocol \$server_protocol;
	}
}
HTTP
}

# Caddy by doc/Caddyfile, or the file that is named, in front of a door.
sub caddy_of_doc
{
	my ($dir, $door_port, $name) = @_;
	my $port = free_port();
	my $of = 'doc/' . ($name // 'Caddyfile');
	my $file = slurp("$doc/../$of");

	$file =~ s{^\{\$\w+:\w+\.example\.org\} \{}{https://localhost:$port \{\n\tbind 127.0.0.1\n\ttls $dir/cert.pem $dir/key.pem}m
	  or die "$of has changed";
	$file =~ s/127\.0\.0\.1:\d+ \{/127.0.0.1:$door_port {/ or die "$of has changed";
	spew("$dir/Caddyfile", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n$file");
	local @ENV{qw(HOME XDG_DATA_HOME XDG_CONFIG_HOME)} = ($dir) x 3;
	return start($port, $dir, 'caddy', 'run', '--config', "$dir/Caddyfile", '--adapter', 'caddyfile');
}

# Start a server and wait until it listens.
sub start
{
	my ($port, $dir, @command) = @_;
	my $self = __PACKAGE__->begin(\@command, { port => $port, dir => $dir }, in => $dir, out => "$dir/out");

	Patience::until(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) })
	  or die "$command[0] did not start: " . slurp("$dir/out");
	return $self;
}

sub url { my ($self) = @_; return "https://localhost:$self->{port}" }

sub stop { my ($self) = @_; return $self->SUPER::stop('TERM') }

1;
