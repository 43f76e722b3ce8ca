# Files over HTTP (doc/files.md): a client that brings them, piece by piece, and fetches them.
package Uploads;

use strict;
use warnings;

use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Patience;

# hub: a LocalHub; visitor: whose files they are, unless a call says (as => another, undef: nobody's).
sub new
{
	my ($class, %args) = @_;
	return bless { %args, ua => Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180) }, $class;
}

# The status (0: none), what was said (of JSON), the headers, the body.  headers: undef leaves one out.
sub asks
{
	my ($self, $method, $path, %args) = @_;
	my $who = exists $args{as} ? $args{as} : $self->{visitor};
	my %headers = (Origin => $LocalHub::ORIGIN, ($who ? ('X-Webchatt-Token' => $who->{token}) : ()), %{ $args{headers} // {} });
	delete $headers{$_} for grep { !defined $headers{$_} } keys %headers;
	my $tx = $self->{ua}->start($self->{ua}->build_tx($method => ($args{base} // $self->{hub}->base_url) . $path => \%headers => $args{body} // ''));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body, $tx->res->headers, $tx->res->body);
}

sub query { my ($self, %args) = @_; return '?webChatId=' . ($args{key} // $self->{hub}{key}) }

sub begin { my ($self, $what, %args) = @_; return $self->asks('POST', '/files' . $self->query(%args), %args, body => encode_json($what)) }

sub piece
{
	my ($self, $id, $offset, $bytes, %args) = @_;
	return $self->asks('PATCH', "/files/$id" . $self->query(%args), %args, body => $bytes, headers => { 'Upload-Offset' => $offset, %{ $args{headers} // {} } });
}

# The same at once: what gives the status, once all were asked.
sub promise_piece
{
	my ($self, $id, $offset, $bytes) = @_;
	my %headers = (Origin => $LocalHub::ORIGIN, 'X-Webchatt-Token' => $self->{visitor}{token}, 'Upload-Offset' => $offset);
	my $status;
	$self->{ua}->start_p($self->{ua}->build_tx(PATCH => $self->{hub}->base_url . "/files/$id" . $self->query => \%headers => $bytes))
	  ->then(sub { $status = $_[0]->res->code }, sub { $status = "$_[0]" });
	return sub { Mojo::IOLoop->one_tick until defined $status; return $status };
}

# Again and again, while nobody answers: the first list that is not empty.
sub until_there
{
	my ($self, $try) = @_;
	my @got;
	Patience::until(sub { @got = eval { $try->() }; return scalar @got }) or die "it did not come\n";
	return @got;
}

# How far it is, and how large; undef: not to be had.
sub look
{
	my ($self, $id, %args) = @_;
	my ($status, undef, $headers) = $self->asks('HEAD', "/files/$id" . $self->query(%args), %args);
	return $status == 200 ? ($headers->header('Upload-Offset'), $headers->header('Upload-Length')) : ();
}

sub drop { my ($self, $id, %args) = @_; return ($self->asks('DELETE', "/files/$id" . $self->query(%args), %args))[0] }

# All of its bytes, from there on; the last status, and what was said then.
sub rest
{
	my ($self, $id, $at, $bytes, %args) = @_;
	my ($status, $said) = (0);
	while ($at < length $bytes)
	{
		my $n = $args{chunk} // 262144;
		($status, $said) = $self->piece($id, $at, substr($bytes, $at, $n), %args);
		last if $status == 0 || $status >= 300;
		$at += $n;
	}
	return ($status, $said);
}

# A whole file: what was said of it; dies when it is refused.
sub bring
{
	my ($self, $name, $bytes, %args) = @_;
	my ($code, $made) = $self->begin({ name => $name, size => length $bytes }, %args);
	die "$name: $code " . encode_json($made) . "\n" unless $code == 201;
	my ($status, $said) = $self->rest($made->{id}, 0, $bytes, %args);
	die "$name: $status\n" unless $status == 200;
	return { %$made, %$said };
}

1;
