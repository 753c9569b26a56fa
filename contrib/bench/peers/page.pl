#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The same by Perl's FCGI: page.pl SOCKET FILE FLAG
use strict;
use warnings;
use FCGI;

my ($path, $file, $flag) = @ARGV;
open(my $in, '<:raw', $file) or die "$file: $!";
my $page = do { local $/; <$in> };
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%ENV, FCGI::OpenSocket($path, 1024));
while ($request->Accept() >= 0) {
	print -e $flag
	    ? "Status: 503 Service Unavailable\r\nContent-Type: text/html\r\nRetry-After: 3600\r\n\r\n$page"
	    : "Status: 200 OK\r\n\r\n";
}
